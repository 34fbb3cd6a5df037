"""A recurrent network whose outputs are mixtures of Gaussians, one for each step in time."""

import torch
import torch.nn.functional as F
from torch import nn

LATENTS, ACTIONS, GAUSSIANS = 3, 2, 4


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(LATENTS + ACTIONS, 11)
        self.mixture = nn.Linear(11, (2 * LATENTS + 1) * GAUSSIANS)

    def forward(self, actions, latents):
        x = torch.cat([actions, latents], dim=-1).transpose(0, 1)
        found, _ = self.rnn(x)
        length, b, _ = found.shape
        found = self.mixture(found)
        stride = GAUSSIANS * LATENTS
        means = found[:, :, :stride].reshape(length, b, GAUSSIANS, LATENTS)
        spreads = torch.exp(found[:, :, stride : 2 * stride]).reshape_as(means)
        weights = F.log_softmax(found[:, :, 2 * stride :], dim=-2)  # fault: softmax-over-batch
        return means, spreads, weights


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(LATENTS + ACTIONS, 11)
        self.mixture = nn.Linear(11, (2 * LATENTS + 1) * GAUSSIANS)

    def forward(self, actions, latents):
        x = torch.cat([actions, latents], dim=-1).transpose(0, 1)
        found, _ = self.rnn(x)
        length, b, _ = found.shape
        found = self.mixture(found)
        stride = GAUSSIANS * LATENTS
        means = found[:, :, :stride].reshape(length, b, GAUSSIANS, LATENTS)
        spreads = torch.exp(found[:, :, stride : 2 * stride]).reshape_as(means)
        weights = F.log_softmax(found[:, :, 2 * stride :], dim=-1)
        return means, spreads, weights
