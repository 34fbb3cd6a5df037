import json
import torch
import torch.nn as nn
import timm_not_here as timm
from tqdm_not_here.auto import tqdm

cfg = {"A": [8, "M", 16, "M"], "B": [8, 8, "M", 16, 16, "M"]}
with open("labels.json") as f:
    labels = json.load(f)


def make_layers(plan):
    layers, cin = [], 3
    for item in plan:
        if item == "M":
            layers += [nn.MaxPool2d(2, 2)]
        else:
            layers += [nn.Conv2d(cin, item, 3, padding=1), nn.ReLU(inplace=True)]
            cin = item
    return nn.Sequential(*layers)


class VGG(nn.Module):
    def __init__(self, name="A"):
        super().__init__()
        self.features = make_layers(cfg[name])
        self.classifier = nn.Linear(16, 10)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def train_one(model, loader):
    model.train()
    for x, y in tqdm(loader):
        nn.functional.cross_entropy(model(x), y).backward()


model = VGG("A")
print(model)
for epoch in range(2):
    train_one(model, [])
