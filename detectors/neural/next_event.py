"""What DeepLog and LogAnomaly have in common: the last few events tell the next one, and its rank is the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from detectors.neural.detector import Chances, Floats, Network, NeuralDetector, tensor
from detectors.neural.training import Plan, Rows, train
from detectors.neural.vocabulary import END, UNKNOWN, Ints
from driftwood.protocols import LogBatch

WINDOW = 10
"""Events that the next one is told from, in both papers."""
_AT_ONCE = 4_096
_EVENTS = 500_000
"""Events judged in one go: what bounds memory."""


class Histories(NamedTuple):
    """Every event with those before it, each distinct combination once."""

    tokens: Ints
    """(D, WINDOW + 1) the last is the event; what would lie before its session is `END`"""
    which: Ints
    """(N,) of each event"""

    @staticmethod
    def of(tokens: Ints, bounds: Ints, window: int) -> Histories:
        place = np.arange(len(tokens)) - np.repeat(bounds[:-1], np.diff(bounds))
        rows = np.full((len(tokens), window + 1), END, np.int32)
        for back in range(window + 1):
            inside = np.flatnonzero(place >= back)
            rows[inside, window - back] = tokens[inside - back]
        keys = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        return Histories(rows[first].astype(np.int64), which)


class NextEventDetector(NeuralDetector[Network]):
    """The network's module takes (B, WINDOW) tokens and gives (B, V) logits.

    The papers call a session anomalous when the rank of any event among those expected is larger than g. A session's
    score is that largest rank, which orders sessions as all g together do; so there is no g to tune. Equal ranks are
    ordered by the event's chance (rank - chance). What training never saw has the last rank.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        layers: int = 2,
        window: int = WINDOW,
        ends: bool = True,
        plan: Plan | None = None,
        device: str = "cpu",
    ) -> None:
        """`ends`: whether a session's end is told, too, as the event after its last; the papers do not."""
        self._width, self._layers = width, layers
        self._window, self._ends = window, ends
        super().__init__(plan or Plan(events=1_000_000, batch=512, rate=4e-3), device)

    def _histories(self, batch: LogBatch) -> tuple[Histories, Ints]:
        """Also the sessions that they are of."""
        tokens, bounds = self._templates.tokens(batch.template_id), batch.bounds
        if self._ends:
            tokens = np.insert(tokens, bounds[1:], END)
            bounds = bounds + np.arange(len(bounds))
        unit = np.repeat(np.arange(len(batch)), np.diff(bounds))
        return Histories.of(tokens, bounds, self._window), unit

    def _train(self, module: Network, batch: LogBatch, plan: Plan, seed: int) -> None:
        (tokens, which), unit = self._histories(batch)

        def loss(rows: Ints, count: Ints) -> tuple[Tensor, float]:
            here = tensor(tokens[rows], self._device)
            weight = tensor(count.astype(np.float32), self._device)
            weight = weight * (here[:, -1] != UNKNOWN)
            missed = functional.cross_entropy(
                self._next(module, here[:, :-1]), here[:, -1], reduction="none"
            )
            return (missed * weight).sum(), float(weight.sum())

        rows = Rows(which, unit, np.ones(len(tokens), np.int64), self._templates.size)
        train(module, loss, rows, plan, seed=seed, name=self.name)

    def _judge(self, batch: LogBatch) -> Floats:
        out = np.zeros(len(batch))
        bounds = batch.bounds
        first = 0
        while first < len(batch):
            last = int(np.searchsorted(bounds, bounds[first] + _EVENTS, "right")) - 1
            last = max(last, first + 1)
            part = batch.at(np.arange(first, last))
            (tokens, which), unit = self._histories(part)
            np.maximum.at(out, unit + first, self._ranks(tokens)[which])
            first = last
        return out

    def _ranks(self, tokens: Ints) -> Floats:
        out = np.zeros(len(tokens))
        for rows, told in self._read(tokens):
            event = tensor(tokens[rows, -1:], self._device)
            own = told.gather(1, event)
            rank = 1 + (told > own).sum(1)
            rank = torch.where(event[:, 0] == UNKNOWN, told.shape[1], rank)
            out[rows] = (rank - own[:, 0].exp()).cpu().numpy()
        return out

    def _read(self, tokens: Ints) -> Iterator[tuple[Ints, Tensor]]:
        """Logarithms of the chances of every token to come next."""
        module = self._judging()
        for begin in range(0, len(tokens), _AT_ONCE):
            rows = np.arange(begin, min(begin + _AT_ONCE, len(tokens)))
            logits = self._next(module, tensor(tokens[rows, :-1], self._device))
            yield rows, functional.log_softmax(logits, 1)

    def _chances(self, session: LogBatch) -> Iterator[Chances]:
        (tokens, which), _ = self._histories(session)
        which = which[: len(session.unit)]
        for rows, told in self._read(tokens):
            events = np.flatnonzero((which >= rows[0]) & (which <= rows[-1]))
            yield Chances(events, told.exp().cpu().numpy()[which[events] - rows[0]])

    def _next(self, module: Network, history: Tensor) -> Tensor:
        """Logits of what may come next: never the unknown."""
        logits: Tensor = module(history)
        never = END + 1 if not self._ends else END
        return torch.cat((torch.full_like(logits[:, :never], -1e4), logits[:, never:]), 1)
