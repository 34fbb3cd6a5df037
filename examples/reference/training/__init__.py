"""Training of the reference networks: one module a subject."""
