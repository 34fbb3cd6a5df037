"""Faults of published reports, their fixed twins and traps, under archcheck's lint and others."""
