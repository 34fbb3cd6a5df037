"""The lint rules, one file each. What a new file here registers, all else knows."""
