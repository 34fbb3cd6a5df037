"""From what was handed in to the report."""
