"""A flow that one update block refines several times, on one line of a loop, as in RAFT."""

import torch
import torch.nn.functional as F
from torch import nn


class Update(nn.Module):
    def __init__(self):
        super().__init__()
        self.motion = nn.Conv2d(2, 4, 3, padding=1)
        self.gate = nn.Conv2d(18, 8, 3, padding=1)
        self.candidate = nn.Conv2d(18, 8, 3, padding=1)
        self.inner = nn.Conv2d(8, 8, 3, padding=1)
        self.outer = nn.Conv2d(8, 2, 3, padding=1)

    def forward(self, hidden, context, flow):
        x = torch.cat([context, F.relu(self.motion(flow)), flow], 1)
        gate = torch.sigmoid(self.gate(torch.cat([hidden, x], 1)))
        candidate = torch.tanh(self.candidate(torch.cat([hidden * gate, x], 1)))
        hidden = (1 - gate) * hidden + gate * candidate
        return hidden, self.outer(F.relu(self.inner(hidden)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(6, 12, 3, stride=2, padding=1)
        self.update = Update()

    def forward(self, images):
        hidden, context = self.features(images).split([8, 4], 1)
        hidden, context = torch.tanh(hidden), F.relu(context)
        flow = torch.zeros_like(hidden[:, :2])
        for _ in range(3):
            hidden, change = self.update(hidden, context, flow)
            flow = flow + change
        return flow
