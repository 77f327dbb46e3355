"""The form that Loghub-2.0's true templates were brought into, for both sides of the `normalised` protocol.

The rules are those of Khan et al., "Guidelines for Assessing the Accuracy of Log Message Template Identification
Techniques" (ICSE 2022), as far as the truth of Loghub-2.0 follows them: spaces, digits and words with a variable in
them, and variables that touch. The truth was corrected so and no parser's output ever is, so that a parser which writes
`port <*>:<*>` for `port <*>` loses the line in the `raw` protocol and not in this one.
"""

from __future__ import annotations

import re

_SPACES = re.compile(r"\s+")
_DELIMITERS = re.compile(r"""([\s,!;:=|"'\[\](){}.\-+@#$%&])""")
_DIGITS = re.compile(r"\d+")
_GLUED = re.compile(r"[^\s/]*<\*>[^\s/]*")
_MERGES = (
    ("<*>.<*>", "<*>"),
    ("<*><*>", "<*>"),
    ("<*>:<*>", "<*>"),
    ("<*>#<*>", "<*>"),
    ("<*>/<*>", "<*>"),
    ("<*>@<*>", "<*>"),
    (" #<*># ", " <*> "),
    ('"<*>"', "<*>"),
    ("'<*>'", "<*>"),
)


def normalise(template: str) -> str:
    """`template` in that form. The pieces are looked at once, then variables merge until nothing changes.

    >>> normalise("conn  from 10.0.0.<*>:22 to /var/log<*> by user<*>: '<*>'")
    'conn from <*> to /var/log<*> by <*>: <*>'
    """
    pieces = _DELIMITERS.split(_SPACES.sub(" ", template.strip()))
    template = "".join(
        "<*>" if _DIGITS.fullmatch(piece) or _GLUED.fullmatch(piece) else piece for piece in pieces
    )
    before = ""
    while template != before:
        before = template
        for old, new in _MERGES:
            while old in template:
                template = template.replace(old, new)
    return template
