"""How a file is imported that does more than to define a network, or misses what it imports."""
