"""What the augmentation rule knows of albumentations: names, and what arguments mean."""
