"""A perceptron for pictures of clothes, and the loss that it is trained with."""

from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.stack = nn.Sequential(
            nn.Linear(64, 24),
            nn.ReLU(),
            nn.Linear(24, 24),
            nn.ReLU(),
            nn.Linear(24, 10),
            nn.ReLU(),  # fault: relu-on-logits
        )

    def forward(self, x):
        return self.stack(self.flatten(x))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.stack = nn.Sequential(
            nn.Linear(64, 24),
            nn.ReLU(),
            nn.Linear(24, 24),
            nn.ReLU(),
            nn.Linear(24, 10),
        )

    def forward(self, x):
        return self.stack(self.flatten(x))


loss_fn = nn.CrossEntropyLoss()
