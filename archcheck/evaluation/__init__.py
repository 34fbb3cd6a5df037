"""Measuring a network's accuracy on the test images of a data set.

Like tracing this imports torch, and runs the network in a child process: ``process`` is the side
of the caller, ``child`` that of the network. ``images`` reads the official files.
"""
