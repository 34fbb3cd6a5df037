"""How fast archcheck is beside other tools, and which tools get the receptive field right.

``python -m benchmarks`` runs everything; README.md in this folder says what is measured and how.
"""
