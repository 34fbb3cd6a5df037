import torch.nn.functional as F
from torch import nn
def block(width):
    return nn.Sequential(
        nn.Conv2d(3, width, 3),
        nn.ReLU(),
    )
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = block(4)
        self.head = nn.Linear(4, 2)
    def forward(self, x):
        x = F.max_pool2d(self.block(x), 2)
        x = x.mean((2, 3))
        return self.head(x)
