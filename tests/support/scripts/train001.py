"""Training script of network 001: the augmentations that its document names, in the names of
version 2.

`A.CoarseDropout` with `num_holes_range`, `hole_height_range`, `hole_width_range` and `fill`, behind
`A.Normalize`, where the data's mean is 0. The pipelines are attributes of a data set's class, and
the training is not with_exit_codes: importing the script would train for hours. Holds what is asked.
"""

import albumentations as A
import torch
import torchvision
from albumentations.pytorch import ToTensorV2

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


class AugmentedCIFAR10(torchvision.datasets.CIFAR10):
    train_augmentation = A.Compose(
        [
            A.HorizontalFlip(),
            A.ShiftScaleRotate(shift_limit=0.1, scale_limit=0.1, rotate_limit=10),
            A.Normalize(MEAN, STD),
            A.CoarseDropout(
                num_holes_range=(1, 1),
                hole_height_range=(16, 16),
                hole_width_range=(16, 16),
                fill=0,
                fill_mask=None,
            ),
            ToTensorV2(),
        ]
    )
    test_augmentation = A.Compose([A.Normalize(MEAN, STD), ToTensorV2()])

    def __getitem__(self, index):
        chosen = self.train_augmentation if self.train else self.test_augmentation
        return chosen(image=self.data[index])["image"], self.targets[index]


from net001 import Net  # noqa: E402

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
loader = torch.utils.data.DataLoader(
    AugmentedCIFAR10("./data", train=True, download=True), batch_size=512, shuffle=True
)
model = Net().to(device)
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for epoch in range(250):
    for images, labels in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.nll_loss(model(images.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")
