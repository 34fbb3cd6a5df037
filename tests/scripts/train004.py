"""Training script of network 004, whose CoarseDropout has the wrong fill.

The mean is given as a share, (0.4914, 0.4822, 0.4465), in front of Normalize, where pixels go from
0 to 255: the holes are black. In the names of version 1; the training is guarded. Does not hold
what is asked: the fill is not the data's mean.
"""

import albumentations as A
import torch
from albumentations.pytorch import ToTensorV2

mean = (0.4914, 0.4822, 0.4465)
std = (0.2470, 0.2435, 0.2616)

transforms = {
    "train": A.Compose(
        [
            A.HorizontalFlip(),
            A.ShiftScaleRotate(),
            A.CoarseDropout(
                max_holes=1,
                max_height=16,
                max_width=16,
                min_holes=1,
                min_height=16,
                min_width=16,
                fill_value=mean,
                mask_fill_value=None,
            ),
            A.Normalize(mean, std),
            ToTensorV2(),
        ]
    ),
    "test": A.Compose([A.Normalize(mean, std), ToTensorV2()]),
}


def main():
    from net004 import Net
    from torchvision.datasets import CIFAR10

    data = CIFAR10("./data", train=True, download=True)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for image, label in data:
        loss = torch.nn.functional.nll_loss(
            model(transforms["train"](image=image)["image"][None]), torch.tensor([label])
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
