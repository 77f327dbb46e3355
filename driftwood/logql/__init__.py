"""LogQL: text -> `parse` -> frozen AST -> the reference engine, or the planner and DuckDB."""

from driftwood.logql.parser import parse

__all__ = ["parse"]
