"""Sets of positions, tables of sets, and maps of whole tensors: what fields are made of."""
