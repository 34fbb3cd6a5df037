"""Activities from nine sensors over time, by convolutions along the time."""

import torch.nn.functional as F
from torch import nn


def sensors():
    return nn.Sequential(
        nn.Conv2d(9, 12, (1, 9)),
        nn.ReLU(),
        nn.MaxPool2d((1, 2), stride=2),
        nn.Conv2d(12, 12, (1, 9)),
        nn.ReLU(),
        nn.MaxPool2d((1, 2), stride=2),
    )


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.sensors = sensors()
        self.fc1 = nn.Linear(12 * 2, 20)
        self.fc2 = nn.Linear(20, 6)

    def forward(self, x):
        out = self.sensors(x)
        out = out.reshape(-1, 12 * 2)
        out = F.relu(self.fc1(out))
        out = self.fc2(out)
        return F.softmax(out, dim=1)  # fault: activation-on-output


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.sensors = sensors()
        self.fc1 = nn.Linear(12 * 2, 20)
        self.fc2 = nn.Linear(20, 6)

    def forward(self, x):
        out = self.sensors(x)
        out = out.reshape(-1, 12 * 2)
        out = F.relu(self.fc1(out))
        return self.fc2(out)
