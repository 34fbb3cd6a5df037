"""Running a model once and writing down what it did.

Importing this package imports no torch: :mod:`archcheck.worker.process` is the side that the
command line uses, the other modules run where the model runs.
"""
