"""Results from shapes: what torch's functions give, without their values."""
