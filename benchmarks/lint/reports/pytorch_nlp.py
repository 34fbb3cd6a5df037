"""Dot-product attention of a query series over a context, its scores laid out in two axes."""

import torch
from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_in = nn.Linear(9, 9, bias=False)
        self.softmax = nn.Softmax(dim=0)  # fault: softmax-over-batch
        self.linear_out = nn.Linear(18, 9, bias=False)

    def forward(self, query, context):
        b, length, _ = query.shape
        query = self.linear_in(query)
        scores = torch.bmm(query, context.transpose(1, 2))
        weights = self.softmax(scores.view(b * length, -1))  # also: batch-mixing
        mixed = torch.bmm(weights.view(b, length, -1), context)
        return torch.tanh(self.linear_out(torch.cat((mixed, query), dim=2)))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_in = nn.Linear(9, 9, bias=False)
        self.softmax = nn.Softmax(dim=-1)
        self.linear_out = nn.Linear(18, 9, bias=False)

    def forward(self, query, context):
        b, length, _ = query.shape
        query = self.linear_in(query)
        scores = torch.bmm(query, context.transpose(1, 2))
        weights = self.softmax(scores.view(b * length, -1))
        mixed = torch.bmm(weights.view(b, length, -1), context)
        return torch.tanh(self.linear_out(torch.cat((mixed, query), dim=2)))
