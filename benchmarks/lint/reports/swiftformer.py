"""Additive attention: one learned vector weighs the queries of all places into a global one."""

import torch
import torch.nn.functional as F
from torch import nn


class FaultyAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.w_g = nn.Parameter(torch.randn(width, 1))
        self.out = nn.Linear(width, width)

    def forward(self, x):
        query = F.normalize(self.query(x), dim=-1)
        key = F.normalize(self.key(x), dim=-1)
        weights = query @ self.w_g * query.shape[-1] ** -0.5
        weights = torch.softmax(weights, dim=-1)  # fault: softmax-of-one
        whole = torch.sum(weights * query, dim=1, keepdim=True)
        return self.out(whole * key) + query


class FixedAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.w_g = nn.Parameter(torch.randn(width, 1))
        self.out = nn.Linear(width, width)

    def forward(self, x):
        query = F.normalize(self.query(x), dim=-1)
        key = F.normalize(self.key(x), dim=-1)
        weights = query @ self.w_g * query.shape[-1] ** -0.5
        weights = torch.softmax(weights, dim=1)
        whole = torch.sum(weights * query, dim=1, keepdim=True)
        return self.out(whole * key) + query


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.LayerNorm(8)
        self.attention = FaultyAttention(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.attention(self.norm(x))
        return self.head(x.mean(1))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.LayerNorm(8)
        self.attention = FixedAttention(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.attention(self.norm(x))
        return self.head(x.mean(1))
