"""The query bar as a custom element: LogQL in colours, completion at the caret, mistakes underlined where they stand.

`editor.js` is the element, `logql.js` what it knows of the language, `vocabulary.py` the words. The browser speaks to
this process only: label values come with the next run of the bar's fragment, and the server's parser judges every pause
in typing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from ui.dashboard.vocabulary import WORDS

HERE = Path(__file__).parent
PLACEHOLDER = 'Words to look for, or LogQL:  {service_name="checkout"} |= "timeout"'


class Mistake(NamedTuple):
    """What is wrong with `text`, from `at` to before `end`."""

    text: str
    at: int
    end: int
    error: str
    hint: str = ""


class Need(NamedTuple):
    """A label whose values are wanted, in the streams that a selector ("" for all) names.

    Without a label: the fields that lines of these streams have.
    """

    label: str
    selector: str = ""
    prefix: str = ""
    """What the values contain, where there are too many to send all of them."""


class Values(NamedTuple):
    values: Sequence[str]
    more: bool = False
    """There are more than these."""


@st.cache_resource
def _script() -> str:
    words = f"const WORDS = {json.dumps(WORDS)}\n"
    knows = (HERE / "logql.js").read_text("utf-8").replace("export function", "function")
    return words + knows + (HERE / "editor.js").read_text("utf-8")


@st.cache_resource
def _style() -> str:
    return (HERE / "editor.css").read_text("utf-8")


def mistake(text: str, at: int, error: str, hint: str = "") -> Mistake:
    """What stands at `at` is wrong: a word, a string, or one character.

    >>> mistake("{a} oops", 4, "no")[1:3], mistake("{a", 2, "no")[1:3]
    ((4, 8), (2, 2))
    """
    at = min(max(at, 0), len(text))
    word = re.match(r'"(?:\\.|[^"\\\n])*"?|`[^`]*`?|\w+|[|!=<>]{1,2}|.', text[at:], re.DOTALL)
    return Mistake(text, at, at + (word.end() if word else 0), error, hint)


def typed(key: str) -> str | None:
    """What stands in the bar when it was last checked; None before anybody typed."""
    draft = getattr(st.session_state.get(key), "draft", None)
    return draft if isinstance(draft, str) else None


def need(key: str) -> Need | None:
    """The label whose values the bar asks for."""
    wanted: Any = getattr(st.session_state.get(key), "need", None)
    if not isinstance(wanted, Mapping):
        return None
    return Need(*(str(wanted.get(name) or "") for name in Need._fields))


def editor(
    text: str,
    *,
    key: str,
    run: Callable[[str], None],
    wrong: Sequence[Mistake] = (),
    labels: Sequence[str] = (),
    values: Mapping[Need, Values] | None = None,
) -> None:
    """Show the bar with `text`, unless somebody is typing. `run` is called with what shall be asked.

    A mistake in `wrong` is shown while its text stands in the bar.
    """

    def ran() -> None:
        asked = getattr(st.session_state[key], "run", None)
        if isinstance(asked, str):
            run(asked)

    component = st.components.v2.component("driftwood_query", js=_script(), css=_style())
    component(
        key=key,
        data={
            "text": text,
            "placeholder": PLACEHOLDER,
            "labels": list(labels),
            "values": {
                json.dumps(need, separators=(",", ":"), ensure_ascii=False): found._asdict()
                for need, found in (values or {}).items()
            },
            "mistakes": [each._asdict() for each in wrong],
        },
        on_run_change=ran,
        on_draft_change=lambda: None,
        on_need_change=lambda: None,
    )
