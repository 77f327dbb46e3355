"""The benchmark of parsers on Loghub-2.0: readers, metrics, subjects and the runner."""
