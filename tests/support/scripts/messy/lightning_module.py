import pytorch_lightning as pl
import torch
import torch.nn.functional as F
import torchmetrics
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import WandbLogger
from torch import nn
from torch.utils.data import DataLoader


class LitClassifier(pl.LightningModule):
    def __init__(self, hidden: int = 12, num_classes: int = 10, lr: float = 1e-3):
        super().__init__()
        self.save_hyperparameters()
        self.body = nn.Sequential(
            nn.Conv2d(3, self.hparams.hidden, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.hparams.hidden, num_classes, 3, padding=1),
        )
        self.train_acc = torchmetrics.Accuracy(task="multiclass", num_classes=num_classes)
        self.val_acc = self.train_acc.clone()

    def forward(self, x):
        return self.body(x).mean(dim=(2, 3))

    def training_step(self, batch, batch_idx):
        x, y = batch
        logits = self(x)
        loss = F.cross_entropy(logits, y)
        self.train_acc(logits, y)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


class Data(pl.LightningDataModule):
    def __init__(self, folder="data"):
        super().__init__()
        self.folder = folder

    def train_dataloader(self):
        return DataLoader([], batch_size=32)


pl.seed_everything(42)
checkpoint = ModelCheckpoint(monitor="val_loss", mode="min")
if __name__ == "__main__":
    trainer = pl.Trainer(max_epochs=5, callbacks=[checkpoint], logger=WandbLogger())
    trainer.fit(LitClassifier(), Data())
