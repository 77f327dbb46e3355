"""How good detectors are, under rules that a strict reviewer accepts."""
