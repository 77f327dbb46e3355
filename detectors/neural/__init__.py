"""Sequence models of sessions. Needs torch; nothing outside this package imports it, and `DETECTORS` names it late."""
