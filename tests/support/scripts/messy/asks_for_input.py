import torch
import torch.nn as nn

epochs = int(input("How many epochs? "))
name = input("Name of the run: ")


class TinyCNN(nn.Module):
    channels = [3, 8, 16]

    def __init__(self):
        super().__init__()
        pairs = zip(self.channels[:-1], self.channels[1:])
        self.convs = nn.ModuleList([nn.Conv2d(a, b, 3) for a, b in pairs])

    def forward(self, x):
        for conv in self.convs:
            x = torch.relu(conv(x))
        return x.mean((2, 3))


print(f"{name}: {sum(p.numel() for p in TinyCNN().parameters())} parameters")
