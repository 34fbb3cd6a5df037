"""What a receptive field comes from: the path that sets it, its growth, its summary."""
