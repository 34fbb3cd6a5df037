"""Training script of network 002, which has no CoarseDropout.

Its document lists HorizontalFlip, ShiftScaleRotate, a cutout and HueSaturationValue: the cutout is
a function of its own on the tensors of a batch, not albumentations' CoarseDropout, which is asked
for. A function makes both pipelines; the training is guarded. Does not hold what is asked:
CoarseDropout is missing.
"""

import albumentations as A
import torch
from albumentations.pytorch import ToTensorV2

MEAN = [0.4914, 0.4822, 0.4465]
STD = [0.2470, 0.2435, 0.2616]


def get_transforms(train=True):
    if not train:
        return A.Compose([A.Normalize(mean=MEAN, std=STD), ToTensorV2()])
    return A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.ShiftScaleRotate(p=0.5),
            A.HueSaturationValue(p=0.3),
            A.Normalize(mean=MEAN, std=STD),
            ToTensorV2(),
        ]
    )


def cutout(images, size=16):
    top, left = torch.randint(0, images.shape[-1] - size, (2,)).tolist()
    images[..., top : top + size, left : left + size] = 0
    return images


def main():
    from net002 import Net
    from torchvision.datasets import CIFAR10

    augment = get_transforms(train=True)
    data = CIFAR10("./data", train=True, download=True)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.003, momentum=0.9)
    for _ in range(350):
        for image, label in data:
            images = cutout(augment(image=image)["image"][None])
            loss = torch.nn.functional.cross_entropy(model(images), torch.tensor([label]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
