"""A map's places attend to the words of a task, which are given beside the image."""

import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.attention = nn.MultiheadAttention(8, 2, kdim=10, vdim=10)  # fault: batch-mixing
        self.head = nn.Linear(8, 4)

    def forward(self, image, words):
        places = F.relu(self.image(image)).flatten(2).transpose(1, 2)
        found, _ = self.attention(places, words, words)
        return self.head(places + found)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.attention = nn.MultiheadAttention(8, 2, kdim=10, vdim=10, batch_first=True)
        self.head = nn.Linear(8, 4)

    def forward(self, image, words):
        places = F.relu(self.image(image)).flatten(2).transpose(1, 2)
        found, _ = self.attention(places, words, words)
        return self.head(places + found)
