"""Sessions that still grow, judged event by event: what a network keeps of each open one stands for all it has read.

Each event's surprise is the one that the whole session would give it (`LanguageModel.statistics`): a session is cut
into the same pieces, and where a new one begins its lead is read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from detectors.neural.detector import Floats
from detectors.neural.language_model import LanguageModel, Reading, summary
from detectors.neural.networks import Memory
from detectors.neural.training import alone
from detectors.neural.vocabulary import END, Ints
from driftwood.protocols import Fields, LogBatch

_ENTITIES = 16
"""Values of an entity that are told apart; later ones are all "one more"."""


@dataclass
class _Open:
    """What is kept of a session: of its events nothing but the last `lead`, as tokens."""

    memory: Memory
    state: Tensor
    """(1, width) from which the next event is told"""
    inside: int = 0
    """Judged events of the current piece."""
    tail: Ints = field(default_factory=lambda: np.zeros((0, 1), np.int64))
    before: LogBatch | None = None
    """One event at the time of the last one that holds every entity so far: gaps and ordinals go on from it."""
    values: list[Floats] = field(default_factory=list)


class OpenSessions:
    """The sessions of one fitted model. Neither more learning nor another thread may touch the model meanwhile."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._open: dict[str, _Open] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: str, events: LogBatch) -> Floats:
        """(n, 2) NLL and NLL - entropy of the next events of a session, which are a batch of one unit."""
        with alone(), torch.inference_mode():
            opened = self._open.get(session)
            if opened is None:
                opened = self._open[session] = _Open(*self._model.after_end())
            tokens = self._tokens(opened, events)
            parts = []
            while len(tokens):
                if opened.inside == self._model.stride:
                    self._next_piece(opened)
                room = self._model.stride - opened.inside
                parts.append(self._read(opened, tokens[:room]))
                tokens = tokens[room:]
        new: Floats = np.concatenate(parts) if parts else np.zeros((0, 2))
        opened.values.append(new)
        return new

    def close(self, session: str) -> dict[str, float]:
        """The session ends here: its statistics, as `LanguageModel.statistics` gives them."""
        with alone(), torch.inference_mode():
            opened = self._open.pop(session, None) or _Open(*self._model.after_end())
            events = torch.full((1, self._model.width_of_event), END, device=opened.state.device)
            ends = torch.ones(1, dtype=torch.bool, device=opened.state.device)
            last = self._model.values(Reading(opened.state, events, ends, np.zeros(1, np.int64)))
        values = np.concatenate((*opened.values, last.sum(1)))
        found = summary(values, np.array([0, len(values)]))
        return {name: float(value[0]) for name, value in found.items()}

    def _tokens(self, opened: _Open, events: LogBatch) -> Ints:
        if opened.before is None:
            tokens = self._model.tokens(events)
        else:
            tokens = self._model.tokens(_joined(opened.before, events))[1:]
        if len(events.ts):
            opened.before = _remembered(opened.before, events)
        return tokens

    def _read(self, opened: _Open, tokens: Ints) -> Floats:
        states, opened.memory = self._model.go_on(tokens, opened.memory)
        before = torch.cat((opened.state, states[:-1]))
        opened.state = states[-1:]
        opened.inside += len(tokens)
        opened.tail = np.concatenate((opened.tail.reshape(-1, tokens.shape[1]), tokens))
        opened.tail = opened.tail[len(opened.tail) - min(len(opened.tail), self._model.lead) :]
        events = torch.from_numpy(tokens).to(before.device)
        ends = torch.zeros(len(tokens), dtype=torch.bool, device=before.device)
        read = Reading(before, events, ends, np.zeros(len(tokens), np.int64))
        values: Floats = self._model.values(read).sum(1)
        return values

    def _next_piece(self, opened: _Open) -> None:
        opened.memory, opened.state = self._model.after_end()
        states, opened.memory = self._model.go_on(opened.tail, opened.memory)
        opened.state, opened.inside = states[-1:], 0


def _joined(before: LogBatch, events: LogBatch) -> LogBatch:
    """One unit of both."""
    fields = None
    parts = [(0, before.fields), (len(before.ts), events.fields)]
    held = [(shift, part) for shift, part in parts if part is not None]
    if held:
        fields = Fields(
            np.concatenate([part.event + shift for shift, part in held]),
            np.concatenate([part.name for _, part in held]),
            np.concatenate([part.value for _, part in held]),
        )
    return LogBatch(
        source=events.source,
        service=events.service,
        start=events.start,
        end=events.end,
        unit=np.zeros(len(before.ts) + len(events.ts), np.int32),
        ts=np.concatenate((before.ts, events.ts)),
        template_id=np.concatenate((before.template_id, events.template_id)),
        severity=np.concatenate((before.severity, events.severity)),
        line_id=np.concatenate((before.line_id, events.line_id)),
        fields=fields,
    )


def _remembered(before: LogBatch | None, events: LogBatch) -> LogBatch:
    """The last of `events` with the first `_ENTITIES` values of each entity that the session showed, in their order."""
    last = _joined(before, events) if before is not None else events
    fields = None
    if last.fields is not None:
        seen: dict[str, dict[str, None]] = {}
        for name, value in zip(last.fields.name.tolist(), last.fields.value.tolist(), strict=True):
            values = seen.setdefault(name, {})
            if len(values) < _ENTITIES:
                values[value] = None
        pairs = [(name, value) for name, values in seen.items() for value in values]
        names, values_ = np.empty(len(pairs), np.object_), np.empty(len(pairs), np.object_)
        names[:], values_[:] = [n for n, _ in pairs], [v for _, v in pairs]
        fields = Fields(np.zeros(len(pairs), np.int64), names, values_)
    return LogBatch(
        source=last.source,
        service=last.service,
        start=last.start,
        end=last.end,
        unit=last.unit[-1:],
        ts=last.ts[-1:],
        template_id=last.template_id[-1:],
        severity=last.severity[-1:],
        line_id=last.line_id[-1:],
        fields=fields,
    )
