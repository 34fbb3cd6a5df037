"""Made-up images in the official layout of CIFAR-10, whose classes differ in colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_batch(file: Path) -> bytes:
    """Write a batch of 10,000 records and return its bytes."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 10_000).astype(np.uint8)
    colours = random.integers(30, 220, (10, 3)).astype(np.int16)
    noise = random.integers(-30, 30, (10_000, 3, 1024), np.int16)
    planes = (colours[labels][:, :, None] + noise).clip(0, 255).astype(np.uint8)
    content = np.concatenate([labels[:, None], planes.reshape(10_000, -1)], 1).tobytes()
    file.write_bytes(content)
    return content
