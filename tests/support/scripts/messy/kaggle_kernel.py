import os
import gc
import numpy as np
import pandas_not_here as pd
import matplotlib_not_here.pyplot as plt
import seaborn_not_here as sns
import albumentations_not_here as A
from albumentations_not_here.pytorch import ToTensorV2
import cv2_not_here as cv2
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader
from sklearn_not_here.model_selection import StratifiedKFold

INPUT_DIR = "../input/some-competition"


class CFG:
    seed = 42
    img_size = 64
    n_filters = 24
    epochs = 5
    lr = 1e-3
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seed_everything(seed=42):
    os.environ["PYTHONHASHSEED"] = str(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


seed_everything(CFG.seed)
train_df = pd.read_csv(os.path.join(INPUT_DIR, "train.csv"))
train_df["label"] = train_df["label"].astype(int)
print(train_df.head())
sns.countplot(x="label", data=train_df)
plt.show()


class LeafDataset(Dataset):
    def __init__(self, df, transform=None):
        self.df = df
        self.transform = transform

    def __len__(self):
        return len(self.df)

    def __getitem__(self, i):
        image = cv2.imread(self.df.path[i])
        return self.transform(image=image)["image"], self.df.label[i]


train_tf = A.Compose([A.Resize(CFG.img_size, CFG.img_size), A.HorizontalFlip(p=0.5), ToTensorV2()])


class LeafNet(nn.Module):
    def __init__(self):
        super().__init__()
        n = CFG.n_filters
        self.features = nn.Sequential(
            nn.Conv2d(3, n, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(n, 2 * n, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Linear(2 * n, 5)

    def forward(self, x):
        return self.head(self.features(x).mean(dim=(2, 3)))


folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=CFG.seed)
for fold, (trn_idx, val_idx) in enumerate(folds.split(train_df, train_df.label)):
    model = LeafNet().to(CFG.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=CFG.lr)
    loader = DataLoader(LeafDataset(train_df.iloc[trn_idx], train_tf), batch_size=32)
    for images, labels in loader:
        loss = nn.functional.cross_entropy(model(images.to(CFG.device)), labels)
        loss.backward()
        optimizer.step()
    torch.save(model.state_dict(), f"fold{fold}.pth")
    del model
    gc.collect()
