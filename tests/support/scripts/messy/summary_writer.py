import time
import matplotlib_not_here.pyplot as plt
import torch
import torch.nn as nn
from torch.utils.tensorboard import SummaryWriter
from torchsummary_not_here import summary

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
writer = SummaryWriter("runs/experiment_1")
plt.rcParams["figure.figsize"] = (8, 8)
start = time.time()


def conv3x3(cin, cout, stride=1):
    return nn.Conv2d(cin, cout, kernel_size=3, stride=stride, padding=1, bias=False)


class ResBlock(nn.Module):
    expansion = 1

    def __init__(self, cin, cout, stride=1):
        super(ResBlock, self).__init__()
        self.conv1 = conv3x3(cin, cout, stride)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = conv3x3(cout, cout * self.expansion)
        self.bn2 = nn.BatchNorm2d(cout)
        self.short = nn.Sequential()
        if stride != 1 or cin != cout:
            self.short = nn.Conv2d(cin, cout, 1, stride=stride)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.short(x))


class ResNetTiny(nn.Module):
    def __init__(self, num_blocks, num_classes=10):
        super().__init__()
        self.stem = conv3x3(3, 8)
        self.blocks = nn.Sequential(*[ResBlock(8, 8) for _ in range(num_blocks)])
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


model = ResNetTiny(2).to(device)
summary(model, (3, 32, 32))
writer.add_graph(model, torch.randn(1, 3, 32, 32))
writer.close()
print(f"took {time.time() - start:.1f} s")
