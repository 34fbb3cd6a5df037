"""A perceptron for digits with dropout between its layers."""

import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(36, 20)
        self.drop1 = nn.Dropout(0.1)
        self.fc2 = nn.Linear(20, 20)
        self.drop2 = nn.Dropout(0.1)
        self.fc3 = nn.Linear(20, 10)

    def forward(self, x):
        x = self.drop1(F.relu(self.fc1(x)))
        x = self.drop2(F.relu(self.fc2(x)))
        return F.softmax(self.fc3(x), dim=1)  # fault: activation-on-output


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(36, 20)
        self.drop1 = nn.Dropout(0.1)
        self.fc2 = nn.Linear(20, 20)
        self.drop2 = nn.Dropout(0.1)
        self.fc3 = nn.Linear(20, 10)

    def forward(self, x):
        x = self.drop1(F.relu(self.fc1(x)))
        x = self.drop2(F.relu(self.fc2(x)))
        return self.fc3(x)
