"""Measuring a network's accuracy on the test images of a data set.

The network runs in a child process, as it does for tracing: ``process`` is the caller's side,
``job`` the network's. ``images`` reads the official files, ``marking`` chooses the order in which
images are shown and counts the right answers; both run on the caller's side alone.
"""
