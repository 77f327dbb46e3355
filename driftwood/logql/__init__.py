"""The query language: text -> `parse` -> frozen AST -> `sql` -> DuckDB.

For now the part that selects lines: `{a="b", c!="d", e=~"re", f!~"re"} |= "text" != "text" |~ "re" !~ "re"`.
"""

from driftwood.logql.ast import Query
from driftwood.logql.parser import parse

__all__ = ["Query", "parse"]
