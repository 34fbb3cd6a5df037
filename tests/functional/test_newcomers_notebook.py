"""From a notebook as Colab saves it to a verdict, in one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import output_of
from tests.support.notebooks import write_notebook

pytestmark = pytest.mark.slow

IMPORTS = """\
from google.colab import drive
import torch
import torch.nn as nn
import torch.nn.functional as F
import albumentations as A
from albumentations.pytorch import ToTensorV2
from torchsummary import summary
from torchvision import datasets
from tqdm.notebook import tqdm

drive.mount('/content/drive')
%matplotlib inline
%cd /content/drive/MyDrive/course"""
PIPELINE = """\
mean, std = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
train_transforms = A.Compose([
    A.HorizontalFlip(p=0.5),
    A.CoarseDropout(
        num_holes_range=(1, 1), hole_height_range=(16, 16), hole_width_range=(16, 16),
        fill=[255 * m for m in mean],
    ),
    A.Normalize(mean, std),
    ToTensorV2(),
])"""
DATA = """\
class Images(datasets.CIFAR10):
    def __getitem__(self, index):
        image = train_transforms(image=self.data[index])["image"]
        return image, self.targets[index]

train_set = Images("./data", train=True, download=True)
train_loader = torch.utils.data.DataLoader(train_set, batch_size=128, shuffle=True)
images, labels = next(iter(train_loader))
print(images.shape)"""
FIRST = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return F.adaptive_avg_pool2d(self.conv(x), 1).flatten(1)"""
SECOND = """\
%%time
class Net(nn.Module):
    def __init__(self, width={width}):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, 10, 3, padding=1, dilation=2, bias=False)

    def forward(self, x):
        x = self.conv2(F.relu(self.conv1(x)))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)"""
TRAINING = """\
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = Net().to(device)
summary(model, (3, 32, 32))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(20):
    for x, y in tqdm(train_loader):
        optimizer.zero_grad()
        F.cross_entropy(model(x.to(device)), y.to(device)).backward()
        optimizer.step()
torch.save(model.state_dict(), "net.pt")
!cp net.pt /content/drive/MyDrive"""
SPEC = """\
input: [3, 32, 32]
rules:
  parameters: {less_than: 2000}
  dilated: {at_least: 1}
  output-shape: {shape: [10]}
  augmentation:
    dataset: cifar10
    transforms:
      - HorizontalFlip
      - CoarseDropout: {max_holes: 1, max_height: 16, fill_value: mean}
"""


def notebook(folder: Path, width: int = 16) -> None:
    (folder / "spec.yaml").write_text(SPEC)
    write_notebook(
        folder / "course.ipynb",
        ("markdown", "# Assignment\nRun all cells."),
        "!pip install -q torchsummary albumentations\n!nvidia-smi",
        IMPORTS,
        PIPELINE,
        DATA,
        FIRST,
        ("markdown", "A larger one:"),
        SECOND.replace("{width}", str(width)),
        TRAINING,
    )


def test_network_and_augmentation_are_decided_by_one_command(tmp_path: Path) -> None:
    notebook(tmp_path)
    said = output_of(tmp_path, "verify", "course.ipynb", "--spec", "spec.yaml")
    assert "all 4 rules hold" in said
    assert "course.ipynb:Net   3×32×32 → 10   1,872 parameters" in said
    assert "Net is defined 2 times (cell 6:1, cell 8:2); the last one counts" in said
    assert "loaded from its definitions alone, with stand-ins for" in said
    left = {file.name for file in tmp_path.iterdir()} - {".archcheck_cache"}
    assert left == {"course.ipynb", "spec.yaml"}


def test_what_fails_is_in_its_cell(tmp_path: Path) -> None:
    notebook(tmp_path, width=32)
    words = ("verify", "course.ipynb", "--spec", "spec.yaml", "--output-format")
    said = output_of(tmp_path, *words, "concise", code=1)
    assert said.startswith("course.ipynb:cell 8:6:22: parameters ")
    rules = json.loads(output_of(tmp_path, *words, "json", code=1))["rules"]
    assert [rule["status"] for rule in rules] == ["failed", "passed", "passed", "passed"]


def test_a_cell_that_may_change_the_network_leaves_it_not_verified(tmp_path: Path) -> None:
    notebook(tmp_path)
    file = tmp_path / "course.ipynb"
    cells = json.loads(file.read_text())
    cells["cells"][-1]["source"].insert(0, "Net.forward = lambda self, x: self.conv1(x)\n")
    file.write_text(json.dumps(cells, indent=1))
    said = output_of(tmp_path, "verify", "course.ipynb", "--spec", "spec.yaml", code=1)
    assert "cell 9:1 may change Net" in said
