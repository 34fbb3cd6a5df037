"""Other roads to what a layer does, for the rules that count with ``of: anything``.

Each module finds the operations that do what its layer does, however they are written: for certain,
and those of which it cannot be excluded.
"""
