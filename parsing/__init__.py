"""Lines to templates: the parsers, the masks before them, and the cache of line shapes in front."""

from __future__ import annotations

from driftwood.protocols import Parser
from driftwood.registry import Registry

PARSERS: Registry[Parser] = Registry(
    "parser", {"driftwood": "parsing.miner:Driftwood", "drain3": "parsing.drain:Drain"}
)
