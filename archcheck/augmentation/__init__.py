"""Reading the albumentations pipelines of a training script: its source, and its live objects.

albumentations need not be installed; it is imported in a child process only. The reading itself is
in :mod:`archcheck.augmentation.reading`, which imports all rules: a start does without.
"""

from archcheck.augmentation.script import parse_script

__all__ = ["parse_script"]
