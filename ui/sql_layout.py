"""SQL as a person reads it: each clause on a line of its own, what is nested further in."""

from __future__ import annotations

import re

_PIECES = re.compile(
    r"""(?P<text>'(?:''|[^'])*'|"(?:""|[^"])*")
      | (?P<into>\((?=\s*(?:SELECT|FROM|WITH)\b)) | (?P<open>\() | (?P<close>\))
      | (?P<clause>\s+(?=(?:FROM|WHERE|GROUP\s+BY|ORDER\s+BY|HAVING|LIMIT|UNION(?:\s+ALL)?|(?:LEFT\s+)?JOIN)\b))
      | (?P<blank>\s+)""",
    re.VERBOSE,
)
INDENT = "  "


def laid_out(sql: str) -> str:
    """`sql` with other blanks; texts in quotes and comments at its end stay as they are.

    >>> print(laid_out("SELECT n FROM (SELECT count(*) AS n FROM logs WHERE x = ' FROM ') LIMIT 5"))
    SELECT n
    FROM (
      SELECT count(*) AS n
      FROM logs
      WHERE x = ' FROM '
    )
    LIMIT 5
    """
    made: list[str] = []
    depth = 0
    nested: list[bool] = []  # of each open parenthesis, whether a query stands in it
    done = 0
    for piece in _PIECES.finditer(sql):
        made.append(sql[done : piece.start()])
        done = piece.end()
        if piece["into"]:
            nested.append(True)
            depth += 1
            made.append(f"(\n{INDENT * depth}")
        elif piece["open"]:
            nested.append(False)
            made.append("(")
        elif piece["close"]:
            if nested and nested.pop():
                depth -= 1
                made.append(f"\n{INDENT * depth}")
            made.append(")")
        elif piece["clause"] and not (nested and not nested[-1]):
            made.append(f"\n{INDENT * depth}")
        elif piece["clause"] or piece["blank"]:
            made.append(" " if not made[-1].endswith((" ", "\n")) or made[-1] == "" else "")
        else:
            made.append(piece[0])
    return "".join((*made, sql[done:])).strip()
