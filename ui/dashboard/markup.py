"""HTML that cannot be injected into: text is escaped by becoming part of a page, there is no other way in.

Log lines are written by strangers. So pages are built with `tag`, which escapes every plain string, and only what `tag`
itself made (an `Html`) is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias


class Html(str):
    """Text that is HTML already; made by `tag` and `join` only."""

    __slots__ = ()


Child: TypeAlias = str | int | float | Iterable["Child"] | None
Attribute: TypeAlias = str | int | float | bool | None

VOID = frozenset({"br", "hr", "path", "rect", "line", "circle"})

# What would be invisible or would reorder a line on the screen is shown as a symbol instead: control characters as
# their pictures (U+2400), marks of direction and zero width as a middle dot, lone surrogates as the replacement mark.
_VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_VISIBLE |= {0x7F: 0x2421}
_VISIBLE |= dict.fromkeys(
    (*range(0x80, 0xA0), *range(0x200B, 0x2010), *range(0x202A, 0x202F)), 0xB7
)
_VISIBLE |= dict.fromkeys((*range(0x2060, 0x2070), 0xFEFF), 0xB7)
_VISIBLE |= dict.fromkeys(range(0xD800, 0xE000), 0xFFFD)


def visible(text: str) -> str:
    r"""`text` with nothing hidden in it.

    >>> visible("a\x00b\u202ec\r")
    'a␀b·c␍'
    """
    return text.translate(_VISIBLE)


def text(value: str | int | float) -> Html:
    """`value` as HTML that shows exactly it.

    >>> text('<img src=x onerror="alert(1)">')
    '&lt;img src=x onerror=&quot;alert(1)&quot;&gt;'
    """
    return value if isinstance(value, Html) else Html(escape(visible(str(value))))


def join(*children: Child) -> Html:
    """The children one after the other; None is nothing."""
    return Html("".join(_flat(children)))


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """An element. `cls` is class, `data_pick` is data-pick; None and False leave an attribute out.

    >>> tag("a", "1 < 2", None, [tag("b", 3)], cls="x", data_pick='"', hidden=True, title=None)
    '<a class="x" data-pick="&quot;" hidden>1 &lt; 2<b>3</b></a>'
    """
    opened = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{opened}/>")
    return Html(f"<{name}{opened}>{join(*children)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = "class" if key == "cls" else key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(visible(str(value)))}"'


def _flat(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if isinstance(child, (str, int, float)):
            yield text(child)
        elif child is not None:
            yield from _flat(child)
