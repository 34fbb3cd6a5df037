import logging
import pickle

import torch
import torch.nn as nn

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger(__name__)
with open("/nowhere/vocabulary.pkl", "rb") as file:
    vocabulary = pickle.load(file)
logger.info("read %d words", len(vocabulary))

assert torch.__version__
KERNEL = 3
PADDING = KERNEL // 2


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 9, KERNEL, padding=PADDING)

    def forward(self, x):
        return self.conv(x).mean((2, 3))
