"""Attention with several heads over a series, written for (batch, length, heads, width)."""

import torch
from torch import nn


def attend(queries, keys, values):
    scores = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
    return torch.softmax(scores, dim=-1) @ values


class FaultyAttention(nn.Module):
    def forward(self, queries, keys, values):
        b, length, heads, _ = queries.shape
        queries = queries.view(b, heads, length, -1)  # fault: axis-reinterpretation
        keys = keys.view(b, heads, length, -1)  # fault: axis-reinterpretation
        values = values.view(b, heads, length, -1)  # fault: axis-reinterpretation
        return attend(queries, keys, values).transpose(1, 2)


class FixedAttention(nn.Module):
    def forward(self, queries, keys, values):
        queries = queries.transpose(1, 2)
        keys = keys.transpose(1, 2)
        values = values.transpose(1, 2)
        return attend(queries, keys, values).transpose(1, 2)


class Layer(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.query = nn.Linear(15, 15)
        self.key = nn.Linear(15, 15)
        self.value = nn.Linear(15, 15)
        self.attention = attention
        self.out = nn.Linear(15, 15)
        self.norm = nn.LayerNorm(15)

    def forward(self, x):
        b, length, _ = x.shape
        shape = (b, length, 3, 5)
        found = self.attention(
            self.query(x).view(shape), self.key(x).view(shape), self.value(x).view(shape)
        )
        return self.norm(x + self.out(found.reshape(b, length, -1)))


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(4, 15)
        self.norm = nn.LayerNorm(15)
        self.layer = Layer(FaultyAttention())
        self.head = nn.Linear(15, 1)

    def forward(self, series):
        return self.head(self.layer(self.norm(self.embedding(series))))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(4, 15)
        self.norm = nn.LayerNorm(15)
        self.layer = Layer(FixedAttention())
        self.head = nn.Linear(15, 1)

    def forward(self, series):
        return self.head(self.layer(self.norm(self.embedding(series))))
