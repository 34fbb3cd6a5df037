"""Tokens that are padding: an embedding of zero, an additive mask, and a mean over the rest."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 12, padding_idx=0)
        self.attention = nn.MultiheadAttention(12, 2, batch_first=True)
        self.norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 4)

    def forward(self, tokens):
        padding = tokens == 0
        x = self.embedding(tokens)
        found, _ = self.attention(x, x, x, key_padding_mask=padding, need_weights=False)
        x = self.norm(x + found)
        kept = (~padding).unsqueeze(2)
        return self.head((x * kept).sum(1) / kept.sum(1).clamp(min=1))
