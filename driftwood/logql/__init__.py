"""LogQL: text -> `parse` -> frozen AST -> the reference engine, or the planner and DuckDB."""
