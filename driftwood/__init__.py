"""Driftwood: logs in, templates learnt, drift found, questions answered."""

__version__ = "0.1.0"
