"""Lines to templates."""

from driftwood.protocols import Parser
from driftwood.registry import Registry

PARSERS: Registry[Parser] = Registry("parser", {"drain3": "parsing.drain:Drain"})
