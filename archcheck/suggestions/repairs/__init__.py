"""Repairs: what may be set in a network so that a rule holds that fails. A file for each sort of
rule; :mod:`archcheck.suggestions.repairs.choice` knows which."""
