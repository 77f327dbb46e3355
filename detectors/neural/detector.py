"""What the neural detectors have in common: learn, score, explain, save.

**Scores are pure.** A matrix product differs in its last bits with the number of rows beside a row, so models learn in
single precision and judge in double, and scores are rounded to `DIGITS` decimals: the noise is 1e-13, so that it shows
in one score of ten million, by 1e-6.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from detectors.neural.training import Plan, alone
from detectors.neural.vocabulary import FIRST, UNKNOWN, Ints, Vocabulary
from detectors.snapshot import pack, unpack
from detectors.wording import MAX_CONTRIBUTIONS, MAX_EVIDENCE, quoted, span_of, who
from driftwood.errors import DetectorError
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

Floats = npt.NDArray[np.float64]
Network = TypeVar("Network", bound=nn.Module)

DIGITS = 6
TEMPLATE = "template"
MOST_TEMPLATES = 10_000
_LESSON = 104_729
"""What the seeds of two lessons lie apart."""


@dataclass(frozen=True, slots=True)
class Chances:
    """What a model thought of some events of one session before it saw them."""

    row: Ints
    """(n,) the events, as rows of the session"""
    chance: Floats
    """(n, V) by token"""


class NeuralDetector(Generic[Network]):
    name = ""
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = False

    def __init__(self, plan: Plan, device: str = "cpu") -> None:
        self._plan = plan
        self._device = torch.device(device)
        self._forget(0)

    def _forget(self, seed: int) -> None:
        self._seed = seed
        self._lessons = 0
        self._words = {TEMPLATE: Vocabulary(MOST_TEMPLATES)}
        self._module: Network | None = None
        self._exact: Network | None = None

    @property
    def _templates(self) -> Vocabulary:
        return self._words[TEMPLATE]

    def _learn_words(self, batch: LogBatch) -> None:
        self._templates.learn(batch.template_id)

    def _build(self) -> Network:
        """A new network for the words known."""
        raise NotImplementedError

    def _train(self, module: Network, batch: LogBatch, plan: Plan, seed: int) -> None:
        raise NotImplementedError

    def _judge(self, batch: LogBatch) -> Floats:
        """(U,) scores"""
        raise NotImplementedError

    def _chances(self, session: LogBatch) -> Iterator[Chances]:
        """Of a batch of one session, every event once."""
        raise NotImplementedError

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._forget(seed)
        self._learn(batch.normal(labels), self._plan)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        """Train on, with a quarter of the learning rate and an eighth of the budget; new templates get tokens."""
        self._learn(batch.normal(labels), self._further())

    def _further(self) -> Plan:
        plan = self._plan
        if self._module is None:
            return plan
        return replace(plan, rate=plan.rate / 4, events=plan.events // 8, epochs=2)

    def _learn(self, batch: LogBatch, plan: Plan) -> None:
        if not len(batch.unit):
            return
        self._learn_words(batch)
        seed = self._seed + _LESSON * self._lessons
        with alone(seed):
            module = self._build()
            if self._module is not None:
                _grow(module, self._module)
            module = module.to(self._device).train()
            self._train(module, batch, plan, seed)
        self._module, self._exact = module.eval(), None
        self._lessons += 1

    def _judging(self) -> Network:
        """The network in double precision."""
        assert self._module is not None
        if self._exact is None:
            self._exact = copy.deepcopy(self._module).double().eval()
        return self._exact

    def score(self, batch: LogBatch) -> Scores:
        """One finding a unit; none from a detector that learnt nothing."""
        units = len(batch) if self._module is not None else 0
        score = np.zeros(0)
        if units:
            with alone(), torch.inference_mode():
                score = np.round(self._judge(batch), DIGITS)
        kind = np.empty(units, np.object_)
        kind[:] = "sequence"
        return Scores(
            unit=np.arange(units, dtype=np.int32),
            score=score,
            p_value=np.full(units, np.nan),
            kind=kind,
            subject=np.zeros(units, np.int64),
        )

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        """The most surprising events, and what was expected in their place."""
        unit = int(scores.unit[finding])
        span = span_of(batch, unit)
        size = span.stop - span.start
        if not size:
            return Explanation(f"{who(batch, unit)}: a session without a line")
        session = batch.at(np.array([unit]))
        surprise, best, chance, expected = self._told(session)
        worst = int(np.argmax(surprise))
        said = quoted(int(session.template_id[worst]), texts)
        if worst:
            said += f" after {quoted(int(session.template_id[worst - 1]), texts)}"
        instead = "nothing it knows"
        if best[worst] >= FIRST:
            template = int(self._templates.ids[best[worst] - FIRST])
            instead = f"{quoted(template, texts)} ({chance[worst]:.0%})"
        odd = f"{np.exp(-surprise[worst]):.2g}"
        title = f"{who(batch, unit)}: {said} (chance {odd}); expected {instead}"
        rows = np.sort(np.argsort(-surprise, kind="stable")[:MAX_EVIDENCE])
        return Explanation(
            title,
            self._contributions(session, surprise, expected, texts),
            tuple(session.line_id[rows].tolist()),
        )

    def _told(self, session: LogBatch) -> tuple[Floats, Ints, Floats, Floats]:
        """By event: surprise (-ln chance), the likeliest token and its chance; and by token: the number expected."""
        token = self._templates.tokens(session.template_id)
        n = len(token)
        surprise, best, chance = np.zeros(n), np.zeros(n, np.int64), np.zeros(n)
        expected = np.zeros(self._templates.size)
        with alone(), torch.inference_mode():
            for part in self._chances(session):
                own = part.chance[np.arange(len(part.row)), token[part.row]]
                own = np.where(token[part.row] == UNKNOWN, self._templates.novelty, own)
                surprise[part.row] = -np.log(np.maximum(own, 1e-300))
                known = part.chance[:, FIRST:]
                best[part.row] = known.argmax(1) + FIRST
                chance[part.row] = known.max(1)
                expected += part.chance.sum(0)
        return surprise, best, chance, expected

    def _contributions(
        self, session: LogBatch, surprise: Floats, expected: Floats, texts: Mapping[int, str]
    ) -> tuple[Contribution, ...]:
        templates, which, seen = np.unique(
            session.template_id, return_inverse=True, return_counts=True
        )
        weight = np.bincount(which, surprise)
        total = float(weight.sum()) or 1.0
        token = self._templates.tokens(templates)
        return tuple(
            Contribution(
                TemplateId(int(templates[i])),
                texts.get(int(templates[i]), ""),
                float(seen[i]),
                float(expected[token[i]]) if token[i] >= FIRST else 0.0,
                float(weight[i]) / total,
            )
            for i in np.argsort(-weight, kind="stable")[:MAX_CONTRIBUTIONS].tolist()
        )

    # State.

    def save(self) -> bytes:
        arrays: dict[str, npt.NDArray[Any]] = {}
        for word, vocabulary in self._words.items():
            arrays |= {f"{word}.{key}": value for key, value in vocabulary.save().items()}
        if self._module is not None:
            weights = self._module.state_dict().items()
            arrays |= {f"module.{key}": value.cpu().numpy() for key, value in weights}
        header = {
            "version": 1,
            "detector": self.name,
            "seed": self._seed,
            "lessons": self._lessons,
            "learnt": self._module is not None,
            "words": list(self._words),
        }
        return pack(header, arrays)

    def load(self, state: bytes) -> None:
        """Raises DetectorError when it is another detector's, or one's with other settings."""
        header, arrays = unpack(state)
        if header.get("detector") != self.name or header.get("version") != 1:
            raise DetectorError(f"this state is not one of {self.name!r}; fit it again")
        self._forget(int(header["seed"]))
        self._lessons = int(header["lessons"])
        self._words = {word: Vocabulary(MOST_TEMPLATES) for word in header["words"]}
        for word, vocabulary in self._words.items():
            vocabulary.load(
                {
                    k.removeprefix(f"{word}."): a
                    for k, a in arrays.items()
                    if k.startswith(f"{word}.")
                }
            )
        if not header["learnt"]:
            return
        with alone():
            module = self._build()
        weights = {
            k.removeprefix("module."): torch.from_numpy(a.copy())
            for k, a in arrays.items()
            if k.startswith("module.")
        }
        try:
            module.load_state_dict(weights)
        except RuntimeError as error:
            raise DetectorError(
                f"this state is of a {self.name!r} with other settings; give it the same ones, or fit it again"
            ) from error
        self._module = module.to(self._device).eval()


def _grow(larger: nn.Module, smaller: nn.Module) -> None:
    """What `smaller` learnt, into the corner that it fills of `larger`."""
    learnt = smaller.state_dict()
    with torch.no_grad():
        for name, value in larger.state_dict().items():
            corner = tuple(slice(size) for size in learnt[name].shape)
            value[corner] = learnt[name].to(value.device)


def tensor(values: npt.NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)
