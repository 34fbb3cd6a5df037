"""The augmentations that the assignments ask for, on uint8 images in RGB.

Normalisation is no part of them: it happens on the device, behind them, so that ``fill`` is the
data set's mean on the scale from 0 to 255. ``Affine`` fills with the mean's gray.
"""

import albumentations as A

MEAN = (125, 123, 114)
GRAY = 121.0  # albumentations 2.0.8 mixes up three values where images share a draw


def augmentations_a() -> A.Compose:
    return A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Affine(
                translate_percent=(-0.1, 0.1), scale=(0.9, 1.1), rotate=(-10, 10), fill=GRAY, p=0.6
            ),
            A.CoarseDropout(
                num_holes_range=(1, 1),
                hole_height_range=(16, 16),
                hole_width_range=(16, 16),
                fill=MEAN,
                p=0.4,
            ),
        ]
    )


def augmentations_b() -> A.Compose:
    return A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Affine(
                translate_percent=(-0.1, 0.1), scale=(0.9, 1.1), rotate=(-10, 10), fill=GRAY, p=0.5
            ),
            A.CoarseDropout(
                num_holes_range=(1, 1),
                hole_height_range=(16, 16),
                hole_width_range=(16, 16),
                fill=MEAN,
                p=0.25,
            ),
            A.ToGray(p=0.05),
        ]
    )


def augmentations_last() -> A.Compose:
    """For the last epochs: but for flips, images as they are when the network is used."""
    return A.Compose([A.HorizontalFlip(p=0.5)])
