"""The encoder and the decoder of an autoencoder with residual blocks that begin with a ReLU."""

from torch import nn


class FaultyBlock(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.conv = nn.Sequential(
            nn.ReLU(inplace=True),  # fault: inplace-corrupts-skip
            nn.Conv2d(width, inner, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, width, 1),
        )

    def forward(self, x):
        out = self.conv(x)
        out += x
        return out


class FixedBlock(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.conv = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, inner, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, width, 1),
        )

    def forward(self, x):
        out = self.conv(x)
        out += x
        return out


class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 3, padding=1),
            FaultyBlock(8, 4),
            nn.ReLU(inplace=True),
        )
        self.decoder = nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 8, 3, padding=1),
            FixedBlock(8, 4),
            nn.ReLU(inplace=True),
        )
        self.decoder = nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)

    def forward(self, x):
        return self.decoder(self.encoder(x))
