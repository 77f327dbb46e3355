"""The other parsers of the benchmark. They run in an environment of their own, as their pins conflict with ours."""

from __future__ import annotations

from eval.parsing.peers.table import peers

PEERS = peers()
"""By name; `driftwood data download peers` makes what they need."""
