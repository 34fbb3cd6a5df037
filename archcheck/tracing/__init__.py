"""Running a model once and recording what it did.

Importing this package does not import torch: the command line uses :mod:`archcheck.tracing.remote`,
the other modules run in the process that runs the model.
"""
