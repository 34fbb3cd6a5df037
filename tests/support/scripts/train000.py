"""Training script of network 000: every augmentation of its document, in the names of version 1.

`A.ShiftScaleRotate`, and `A.CoarseDropout` with `max_holes`, `max_height`, `max_width`, their
minima, `fill_value` and `mask_fill_value`; the mean is worked out of a constant. albumentations 2
drops the arguments of CoarseDropout with a warning. Two pipelines at module level, the training
behind `if __name__ == "__main__"`. Holds what is asked.
"""

import albumentations as A
import numpy as np
import torch
from albumentations.pytorch import ToTensorV2
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset

MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)

train_transforms = A.Compose(
    [
        A.HorizontalFlip(p=0.5),
        A.ShiftScaleRotate(shift_limit=0.0625, scale_limit=0.1, rotate_limit=15, p=0.5),
        A.CoarseDropout(
            max_holes=1,
            max_height=16,
            max_width=16,
            min_holes=1,
            min_height=16,
            min_width=16,
            fill_value=tuple(x * 255 for x in MEAN),
            mask_fill_value=None,
            p=0.5,
        ),
        A.Normalize(mean=MEAN, std=STD),
        ToTensorV2(),
    ]
)

test_transforms = A.Compose([A.Normalize(mean=MEAN, std=STD), ToTensorV2()])


class CIFAR10(Dataset):
    def __init__(self, images, labels, transform):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(image=self.images[index])["image"], self.labels[index]


def load(part):
    data = np.load(f"data/cifar10-{part}.npz")
    return data["images"], data["labels"]


def train(model, loader, optimizer, device):
    model.train()
    criterion = nn.CrossEntropyLoss()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()


def main():
    from net000 import Net

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loader = DataLoader(CIFAR10(*load("train"), train_transforms), 128, shuffle=True)
    model = Net().to(device)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(50):
        train(model, loader, optimizer, device)


if __name__ == "__main__":
    main()
