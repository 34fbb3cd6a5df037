"""The fields of a table's row as tokens of a transformer encoder."""

from torch import nn


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.fields = nn.Embedding(30, 12)
        layer = nn.TransformerEncoderLayer(12, 2, 16)  # fault: batch-mixing
        self.encoder = nn.TransformerEncoder(layer, 1, None, False)  # or: batch-mixing
        self.out = nn.Linear(12, 6)

    def forward(self, row):
        return self.out(self.encoder(self.fields(row)).mean(1))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fields = nn.Embedding(30, 12)
        layer = nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, None, False)
        self.out = nn.Linear(12, 6)

    def forward(self, row):
        return self.out(self.encoder(self.fields(row)).mean(1))
