"""Reading the albumentations pipelines of a training script: its source, and its live objects.

albumentations need not be installed; it is imported in a child process only.
"""

from archcheck.augmentation.reading import parse_script, read_pipelines

__all__ = ["parse_script", "read_pipelines"]
