"""The first model of a course on language models: an embedding and a small perceptron."""

import torch.nn.functional as F
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 12)
        self.linear = nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 30))

    def forward(self, tokens):
        x = self.embedding(tokens)
        return F.softmax(self.linear(x), dim=-1)  # fault: activation-on-output

    def loss(self, tokens, targets):
        logits = F.softmax(self.linear(self.embedding(tokens)), dim=-1)
        return F.cross_entropy(logits.view(-1, 30), targets.view(-1))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 12)
        self.linear = nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 30))

    def forward(self, tokens):
        return self.linear(self.embedding(tokens))

    def loss(self, tokens, targets):
        logits = self.linear(self.embedding(tokens))
        return F.cross_entropy(logits.view(-1, 30), targets.view(-1))
