"""A name for every part: name -> "module:Class", imported when it is asked for (torch never in vain)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from driftwood.errors import ConfigError

T = TypeVar("T")

_EXTRAS = {
    **dict.fromkeys(("sklearn", "torch", "torch_geometric", "transformers"), "models"),
    **dict.fromkeys(("drain3", "matplotlib", "rapidfuzz"), "bench"),
}


def how_to_install(package: str) -> str:
    """The command that brings `package`, which one of our extras holds.

    >>> how_to_install("torch")
    "pip install 'driftwood[models]'"
    """
    return f"pip install {package if package not in _EXTRAS else repr(f'driftwood[{_EXTRAS[package]}]')}"


class Registry(Generic[T]):
    """One package's table of parts.

    >>> Registry("parser", {"drain3": "parsing.drain:Drain"}).locate("drian3")
    Traceback (most recent call last):
    driftwood.errors.ConfigError: no parser named 'drian3'; did you mean 'drain3'? Known: drain3
    """

    def __init__(self, role: str, parts: Mapping[str, str]) -> None:
        self._role = role
        self._parts = dict(parts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __contains__(self, name: object) -> bool:
        return name in self._parts

    def locate(self, name: str) -> str:
        """Where the part is defined. Raises ConfigError with the nearest name."""
        if name in self._parts:
            return self._parts[name]
        near = get_close_matches(name, self._parts, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ConfigError(f"no {self._role} named {name!r}{hint} Known: {', '.join(self._parts)}")

    def make(self, name: str, *args: Any, **settings: Any) -> T:
        """Import the part and build it. Raises ConfigError when an extra that it needs is not installed."""
        module, _, attribute = self.locate(name).partition(":")
        try:
            part = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"the {self._role} {name!r} needs the package {error.name!r}, which is not installed; "
                f"install it with {how_to_install(error.name or '')}"
            ) from error
        made: T = part(*args, **settings)
        return made
