"""Training script of network 004: every augmentation of its document, by other ways.

Affine in place of ShiftScaleRotate; CoarseDropout in the names of version 2, its holes given as a
share of the image and its fill on the scale from 0 to 1, behind ToFloat. The pipelines stand in a
dictionary; the training is guarded. Holds what is asked.
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
            A.Affine(translate_percent=(-0.1, 0.1), rotate=(-10, 10), p=0.5),
            A.ToFloat(max_value=255.0),
            A.CoarseDropout(
                num_holes_range=(1, 1),
                hole_height_range=(0.5, 0.5),
                hole_width_range=(0.5, 0.5),
                fill=mean,
                fill_mask=None,
            ),
            A.Normalize(mean, std, max_pixel_value=1.0),
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
