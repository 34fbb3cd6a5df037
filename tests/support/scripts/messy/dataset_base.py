import torch
from torch import nn
from torchvision_not_here.datasets import CIFAR10
from torchvision_not_here import transforms as T


class AlbumentationDataset(CIFAR10):
    def __init__(self, root="./data", train=True, download=True, transform=None):
        super().__init__(root=root, train=train, download=download, transform=transform)

    def __getitem__(self, index):
        image, label = self.data[index], self.targets[index]
        return self.transform(image=image)["image"], label


class Net(nn.Module):
    def __init__(self, drop: float = 0.05):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.ReLU(), nn.Dropout(drop))
        self.block2 = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 32, 1), nn.ReLU()
        )
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Conv2d(32, 10, 1)

    def forward(self, x):
        x = self.block2(self.block1(x))
        return self.fc(self.gap(x)).view(-1, 10)


use_cuda = torch.cuda.is_available()
device = torch.device("cuda" if use_cuda else "cpu")
train_data = AlbumentationDataset(transform=T.ToTensor())
model = Net().to(device)
