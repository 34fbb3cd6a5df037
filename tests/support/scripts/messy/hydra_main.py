import hydra_not_here as hydra
import torch
import wandb_not_here as wandb
from omegaconf_not_here import DictConfig, OmegaConf
from torch import nn


class ConvBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)
        self.act = nn.GELU()

    def forward(self, x):
        return self.act(self.conv(x))


class Encoder(nn.Module):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        layers, cin = [], 3
        for width in widths:
            layers += [ConvBlock(cin, width), nn.MaxPool2d(2)]
            cin = width
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    wandb.init(project=cfg.project, config=OmegaConf.to_container(cfg))
    model = Encoder(cfg.widths)
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(cfg.epochs):
        loss = model(torch.randn(4, 3, 32, 32)).mean()
        loss.backward()
        optimizer.step()
        wandb.log({"loss": loss.item()})


if __name__ == "__main__":
    main()
