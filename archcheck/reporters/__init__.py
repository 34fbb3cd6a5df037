"""Turning reports into text and data. Nothing here prints by itself."""
