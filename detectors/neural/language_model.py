"""A language model of events: how surprising a session is to a network that learnt what usually comes next.

After the audit-log models of Warner et al. (arXiv 2311.06401; JAMIA 31(10):2228, 2024). Differences: one step of the
network tells all fields of an event, each field knowing the earlier ones (`networks.Heads`), so that a session has as
many steps as events; the end of a session is an event, too; sizes are those that templates need (under a million
weights, not 25 M); the chance of an unseen template is Good and Turing's, because no softmax can have learnt it.

By event: NLL, and NLL minus the entropy of what was expected (the surprise beyond what had to be expected). By session:
mean, largest, 95th percentile and root mean square (of what is above zero) of both. The score is the mean of NLL minus
entropy (`publish` chooses another): the paper's entropy of a session, less what a session of that kind has to have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from detectors.neural.detector import TEMPLATE, Chances, Floats, NeuralDetector, tensor
from detectors.neural.networks import Memory, NextEvent, Recurrent, Transformer
from detectors.neural.pieces import Pieces, buckets, spans
from detectors.neural.training import Plan, Rows, alone, train
from detectors.neural.vocabulary import END, UNKNOWN, Ints, Vocabulary
from detectors.tokens import column, entity_names
from driftwood.errors import ConfigError
from driftwood.protocols import LogBatch

BLIND = 1e-3
"""How often an event does not follow from those before it, as we take it."""
_TINY = 1e-30
_OPEN = frozenset({"severity", "service"})
"""Fields whose values are of any kind. Those of the others are small ordered numbers: an unseen one is no unknown."""
_MOST_VALUES, _MOST_ORDERED, _MOST_ENTITIES = 1_000, 40, 4
_CELLS = 4_000_000
"""Numbers in one table of chances, at most about."""


STATISTICS = tuple(
    f"{how}_{of}" for of in ("nll", "surplus") for how in ("mean", "rms", "max", "p95")
)
"""What a session's events come to; the score is one of them."""


class Reading(NamedTuple):
    """A network's states before the judged events of some pieces."""

    states: Tensor
    """(E, width)"""
    events: Tensor
    """(E, F) the events, as tokens; a session's end is `END`"""
    ends: Tensor
    """(E,) bool: is it a session's end"""
    piece: Ints
    """(E,) which of the pieces it is of"""


class LanguageModel(NeuralDetector[NextEvent]):
    def __init__(
        self,
        plan: Plan,
        fields: Sequence[str],
        publish: str,
        *,
        stride: int,
        lead: int,
        width: int,
        layers: int,
        device: str,
    ) -> None:
        """Sessions are read in pieces of `stride` events after `lead` earlier ones (`pieces.Pieces`).

        `fields`: some of `tokens.FIELDS`, the template first; those that never change in training are left out. The
        template alone unless told otherwise, as in `ngram_lm`: what varies freely makes every long session strange.
        """
        if publish not in STATISTICS:
            raise ConfigError(f"no statistic named {publish!r}; there are {', '.join(STATISTICS)}")
        self._fields, self._publish = tuple(fields), publish
        self.stride, self.lead = stride, lead
        self._width, self._layers = width, layers
        super().__init__(plan, device)

    def _reader(self, sizes: tuple[int, ...]) -> Recurrent | Transformer:
        raise NotImplementedError

    def _build(self) -> NextEvent:
        sizes = tuple(vocabulary.size for vocabulary in self._words.values())
        return NextEvent(self._reader(sizes), sizes, self._width)

    def _learn_words(self, batch: LogBatch) -> None:
        if self._module is None:
            for name in self._changing(batch):
                self._words[name] = Vocabulary(_MOST_VALUES)
                if name not in _OPEN:
                    self._words[name].learn(np.arange(_MOST_ORDERED))
        for name, vocabulary in self._words.items():
            vocabulary.learn(column(batch, name))

    def _changing(self, batch: LogBatch) -> list[str]:
        names = [name for name in self._fields if name not in (TEMPLATE, "entities")]
        if "entities" in self._fields:
            names += [f"entity {name}" for name in entity_names(batch, _MOST_ENTITIES)]
        return [name for name in names if np.ptp(column(batch, name)) > 0]

    def tokens(self, batch: LogBatch) -> Ints:
        """(N, F) what the network reads of each event."""
        said = [words.tokens(column(batch, name)) for name, words in self._words.items()]
        return np.stack(said, 1)

    def _pieces(self, batch: LogBatch) -> Pieces:
        return Pieces.of(self.tokens(batch), batch.bounds, stride=self.stride, lead=self.lead)

    def _train(self, module: NextEvent, batch: LogBatch, plan: Plan, seed: int) -> None:
        pieces = self._pieces(batch)

        def loss(rows: Ints, count: Ints) -> tuple[Tensor, float]:
            read = self._read(module, pieces, rows)
            weight = count[read.piece].astype(np.float32)
            scale = tensor(weight, self._device)
            total = scale.new_zeros(())
            for j, chances in enumerate(module.heads(read.states, read.events)):
                own = chances.gather(1, read.events[:, j : j + 1])[:, 0]
                known = read.events[:, j] != UNKNOWN
                if j:  # a session's end has a template's place only
                    known &= ~read.ends
                total = total - (own * scale)[known].sum()
            return total, float(weight.sum())

        unit = np.repeat(np.arange(len(batch)), np.diff(pieces.bounds))
        length = pieces.length - pieces.lead + pieces.last
        answers = sum(words.size for words in self._words.values())
        rows = Rows(pieces.which, unit, length, answers)
        train(module, loss, rows, plan, seed=seed, name=self.name)

    def _read(self, module: NextEvent, pieces: Pieces, rows: Ints) -> Reading:
        padded = tensor(pieces.padded(rows), self._device)
        begin = padded.new_full((len(rows), 1, padded.shape[2]), END)
        states, _ = module.reader(torch.cat((begin, padded), 1))
        size = (pieces.length - pieces.lead + pieces.last)[rows]
        piece, event = np.repeat(np.arange(len(rows)), size), spans(pieces.lead[rows], size)
        at = tensor(piece, self._device), tensor(event, self._device)
        ends = tensor(event == pieces.length[rows][piece], self._device)
        # State i is what was known before event i; behind the last one stands the end, or padding.
        events = torch.cat((padded, begin), 1)[at].masked_fill(ends[:, None], END)
        return Reading(states[at], events, ends, piece)

    def _surprise(self, pieces: Pieces) -> tuple[Floats, Ints]:
        """(E, F, 2) NLL and NLL - entropy of the judged events of all distinct pieces, by field; and bounds."""
        module = self._judging()
        size = pieces.length - pieces.lead + pieces.last
        at = np.concatenate(([0], np.cumsum(size)))
        out = np.zeros((int(at[-1]), pieces.tokens.shape[1], 2))
        cells = max(words.size for words in self._words.values())
        for rows in buckets(pieces.length, max(_CELLS // max(cells, self._width), 1)):
            out[spans(at[rows], size[rows])] = self.values(self._read(module, pieces, rows))
        return out, at

    def values(self, read: Reading) -> Floats:
        """(E, F, 2) NLL and NLL - entropy, by field; zero for what a session's end has no place for."""
        out = np.zeros((*read.events.shape, 2))
        chances = self._judging().heads(read.states, read.events)
        for j, (told, words) in enumerate(zip(chances, self._words.values(), strict=True)):
            shares = tensor(words.shares, self._device)
            nll, entropy = _surprise_and_entropy(told, read.events[:, j], shares)
            if j:
                nll[read.ends], entropy[read.ends] = 0.0, 0.0
            out[:, j, 0] = nll.cpu().numpy()
            out[:, j, 1] = (nll - entropy).cpu().numpy()
        return out

    def after_end(self) -> tuple[Memory, Tensor]:
        """The memory and the (1, width) state from which a session's first event is told, for `streaming`."""
        states, memory = self.go_on(np.full((1, self.width_of_event), END, np.int64), ())
        return memory, states

    def go_on(self, tokens: Ints, memory: Memory) -> tuple[Tensor, Memory]:
        """(n, width) states after each of the next (n, F) tokens of one session."""
        states, memory = self._judging().reader(tensor(tokens[None], self._device), memory)
        return states[0], memory

    @property
    def width_of_event(self) -> int:
        """Fields of an event."""
        return len(self._words)

    def statistics(self, batch: LogBatch) -> dict[str, Floats]:
        """(U,) each: `mean`, `max`, `p95` and `rms` of `nll` and of `surplus` (NLL minus entropy) over events."""
        with alone(), torch.inference_mode():
            pieces = self._pieces(batch)
            by_piece, at = self._surprise(pieces)
        values, bounds = pieces.whole(by_piece.sum(1), at)
        _, which = pieces.sessions
        return {name: value[which] for name, value in summary(values, bounds).items()}

    def _judge(self, batch: LogBatch) -> Floats:
        return self.statistics(batch)[self._publish]

    def _chances(self, session: LogBatch) -> Iterator[Chances]:
        module = self._judging()
        pieces = self._pieces(session)
        row = 0
        for piece in pieces.which.tolist():
            read = self._read(module, pieces, np.array([piece]))
            chance = module.heads(read.states, read.events)[0].exp().cpu().numpy()
            size = int(pieces.length[piece] - pieces.lead[piece])
            yield Chances(np.arange(row, row + size), chance[:size])
            row += size


class GruLm(LanguageModel):
    """One GRU layer of 128: the default, since it judges five times as many events a second as the transformer."""

    name = "gru_lm"

    def __init__(
        self,
        fields: Sequence[str] = (TEMPLATE,),
        publish: str = "mean_surplus",
        *,
        width: int = 128,
        layers: int = 1,
        plan: Plan | None = None,
        device: str = "cpu",
    ) -> None:
        plan = plan or Plan(events=2_500_000, rate=4e-3)
        super().__init__(
            plan, fields, publish, stride=448, lead=64, width=width, layers=layers, device=device
        )

    def _reader(self, sizes: tuple[int, ...]) -> Recurrent:
        return Recurrent(sizes, self._width, self._layers)


class TransformerLm(LanguageModel):
    """Two causal layers of 128 with four heads."""

    name = "transformer_lm"

    def __init__(
        self,
        fields: Sequence[str] = (TEMPLATE,),
        publish: str = "mean_surplus",
        *,
        width: int = 128,
        layers: int = 2,
        plan: Plan | None = None,
        device: str = "cpu",
    ) -> None:
        plan = plan or Plan(events=1_000_000, rate=2e-3)
        super().__init__(
            plan, fields, publish, stride=192, lead=64, width=width, layers=layers, device=device
        )

    def _reader(self, sizes: tuple[int, ...]) -> Transformer:
        return Transformer(sizes, self._width, self._layers)


def _surprise_and_entropy(told: Tensor, event: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """-ln of each event's chance, and the entropy of what was expected; `told` are a network's (E, V) log chances.

    The chance is the network's, and with weight `BLIND` the event's share of all events: what never stood in a context
    is then stranger the rarer it is anywhere, and strangest when it is new, however sure the network was of itself.
    """
    own = told.gather(1, event[:, None])[:, 0].exp()
    return -torch.log((1.0 - BLIND) * own + BLIND * shares[event] + _TINY), -(
        told.exp() * told
    ).sum(1)


def summary(values: Floats, bounds: Ints) -> dict[str, Floats]:
    """Of values[bounds[i] : bounds[i + 1]] (NLL, surplus), none of which is empty; see `statistics`."""
    size = np.diff(bounds)
    owner = np.repeat(np.arange(len(size)), size)
    rank = np.ceil(0.95 * size).astype(np.int64) - 1
    found = {}
    for k, kind in enumerate(("nll", "surplus")):
        ordered = values[np.lexsort((values[:, k], owner)), k]
        found[f"mean_{kind}"] = np.bincount(owner, values[:, k], len(size)) / size
        squares = np.bincount(owner, np.maximum(values[:, k], 0.0) ** 2, len(size))
        found[f"rms_{kind}"] = np.sqrt(squares / size)
        found[f"max_{kind}"] = ordered[bounds[1:] - 1]
        found[f"p95_{kind}"] = ordered[bounds[:-1] + rank]
    return found
