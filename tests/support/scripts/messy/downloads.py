import tarfile
import urllib.request
from pathlib import Path

import torch
from torch import nn

URL = "http://127.0.0.1:9/flowers.tar.gz"
DATA = Path("data")
DATA.mkdir(exist_ok=True)
archive, _ = urllib.request.urlretrieve(URL, DATA / "flowers.tar.gz")
tarfile.open(archive).extractall(DATA)
NUM_CLASSES = 5


class FlowerNet(nn.Module):
    def __init__(self, num_classes=NUM_CLASSES):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 7, stride=2, padding=3)
        self.out = nn.Linear(12, num_classes)

    def forward(self, x):
        return self.out(torch.relu(self.stem(x)).mean((2, 3)))
