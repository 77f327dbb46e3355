"""How surprising a session is, event by event, to an n-gram model of normal ones (`detectors.witten_bell`).

The model reads sessions as `detectors.tokens` does. The template is predicted from the templates before it, up to the
session's beginning, and so is the session's end; each other field from its event's template and from its own value
before. An event's surprise is its negative log likelihood (NLL, in nats), its fields' together.

Ways to sum a session up, all in `aspects`; `score` publishes one, `cubic` unless told otherwise:

- `mean`: of the events' NLL, what the audit-log models call entropy. A strange *kind* of session.
- `max` and `p95`: one strange step in a long session.
- `cubic`: the cubic mean of NLL, between the two. In a short session one strange step decides, in one of thousands of
  steps many must be strange: there the largest tells nothing, because every long session has some step never seen.
- `excess`: the mean of NLL less what had to be expected at that place, the entropy of the prediction. What is random
  by nature, as the order in which replicas answer, is no surprise.
- `z`: the sum of those excesses in standard deviations, which the model predicts too. So lengths can be compared.

Sessions that are alike are read once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from detectors.reading import END, LEVELS, Reading, Said, read
from detectors.snapshot import pack, unpack
from detectors.vectors import Floats, Ints
from detectors.witten_bell import Surprise, WittenBell
from detectors.wording import MAX_CONTRIBUTIONS, MAX_EVIDENCE, quoted, who
from driftwood.errors import DetectorError
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

Aspect = Literal["cubic", "mean", "max", "p95", "excess", "z"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)


class NgramLM:
    name = "ngram_lm"
    early: frozenset[str] = frozenset()
    level: Literal["window", "session"] = "session"
    needs: frozenset[str] = frozenset()
    incremental = True

    def __init__(
        self,
        order: int = 3,
        fields: Sequence[str] = ("template",),
        publish: Aspect = "cubic",
    ) -> None:
        """`order`: events that a count spans; `fields`: of `detectors.tokens.FIELDS`, the template first."""
        if order < 1 or tuple(fields)[:1] != ("template",) or publish not in ASPECTS:
            raise DetectorError(
                f"ngram_lm: order {order}, fields {list(fields)} and publish {publish!r} do not fit; orders begin at "
                f"1, fields with template, and what is published is one of {', '.join(ASPECTS)}"
            )
        self._order = order
        self._fields = tuple(fields)
        self._publish = publish
        self._reset()

    def _reset(self) -> None:
        self._models = {"template": WittenBell(self._order)}

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        self._reset()
        self.partial_fit(batch, labels)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        batch = batch.normal(labels)
        found = read(batch, self._fields)
        for name, said in found.fields.items():
            model = self._models.setdefault(name, WittenBell(LEVELS))
            model.learn(said.values, said.history, found.times[said.session])

    def aspects(self, batch: LogBatch) -> dict[str, Floats]:
        """(U,) each aspect of each unit."""
        found = read(batch, self._fields)
        nll, expected, variance = self._surprise(found)
        session, length = found.session, found.length

        def summed(each: Floats) -> Floats:
            return np.bincount(session, each, len(found.times)).astype(np.float64)

        excess = summed(nll - expected)
        of = {
            "cubic": np.cbrt(summed(nll**3) / length),
            "mean": summed(nll) / length,
            "max": _quantile(nll, session, length, 1.0),
            "p95": _quantile(nll, session, length, 0.95),
            "excess": excess / length,
            # One nat^2 more: a session of steps that are all but certain has next to no variance of its own.
            "z": excess / np.sqrt(summed(variance) + 1.0),
        }
        return {name: values[found.kind] for name, values in of.items()}

    def nll(self, batch: LogBatch) -> list[Floats]:
        """The NLL of each event of each unit, and after them of its end."""
        found = read(batch, self._fields)
        nll, *_ = self._surprise(found)
        parts = np.split(nll, np.cumsum(found.length)[:-1])
        return [parts[kind] for kind in found.kind.tolist()]

    def fields(self, batch: LogBatch) -> dict[str, Floats]:
        """(U,) the mean NLL of each field of each unit, 0 where none of its events has it."""
        found = read(batch, self._fields)
        out = {}
        for name, said in found.fields.items():
            if name in self._models:
                nll = self._models[name].surprise(said.values, said.history).nll
                total = np.bincount(said.session, nll, len(found.times))
                count = np.bincount(said.session, minlength=len(found.times))
                out[name] = (total / np.maximum(count, 1))[found.kind]
        return out

    def _surprise(self, found: Reading) -> tuple[Floats, Floats, Floats]:
        """(N,) of the rows of `found`, all fields together: NLL, its mean and its variance as the model saw them."""
        total = np.zeros((3, len(found.session)))
        for name, said in found.fields.items():
            if name in self._models:
                told = self._models[name].surprise(said.values, said.history)
                total[:, said.row] += (told.nll, told.entropy, told.variance)
        return total[0], total[1], total[2]

    def score(self, batch: LogBatch) -> Scores:
        score = self.aspects(batch)[self._publish]
        kind = np.empty(len(batch), np.object_)
        kind[:] = self.name
        return Scores(
            unit=np.arange(len(batch), dtype=np.int32),
            score=score,
            p_value=np.full(len(batch), np.nan),
            kind=kind,
            subject=np.zeros(len(batch), np.int64),
        )

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        alone = batch.at(np.array([scores.unit[finding]]))
        found = read(alone, self._fields)
        said = found.fields["template"]
        told = self._models["template"].surprise(said.values, said.history)
        nll, *_ = self._surprise(found)
        order = np.argsort(-nll, kind="stable")
        title = f"{who(alone, 0)}: {self._sentence(said, told, int(order[0]), texts)}"
        # Each template once, where it surprises most.
        _, first = np.unique(said.values[order], return_index=True)
        rows = [row for row in order[np.sort(first)].tolist() if said.values[row] != END]
        shown = rows[:MAX_CONTRIBUTIONS]
        whole = max(float(nll.sum()), 1e-9)
        contributions = tuple(
            Contribution(
                TemplateId(int(said.values[row])),
                texts.get(int(said.values[row]), ""),
                1.0,
                float(np.exp(-told.nll[row])),
                float(nll[row]) / whole,
            )
            for row in shown
        )
        events = [row for row in order.tolist() if row < len(alone.line_id)][:MAX_EVIDENCE]
        return Explanation(title, contributions, tuple(sorted(alone.line_id[events].tolist())))

    def _sentence(self, said: Said, told: Surprise, row: int, texts: Mapping[int, str]) -> str:
        """As in "after `a` `b` came `c`; normally `d` (97 %)"."""
        value, before = int(said.values[row]), said.values[max(row - self._order + 1, 0) : row]
        context = " ".join(quoted(int(each), texts) for each in before)
        if value == END:
            what = f"the session ended after {context}" if len(before) else "the session was empty"
        elif len(before):
            what = f"after {context} came {quoted(value, texts)}"
        else:
            what = f"the session began with {quoted(value, texts)}"
        if told.depth[row] < 0:
            return what
        likely, p = self._models["template"].likeliest(int(told.depth[row]), int(told.context[row]))
        if likely == value:
            return f"{what}, the likeliest of many ({int(100 * p)} %)"
        return f"{what}; normally {'its end' if likely == END else quoted(likely, texts)} ({int(100 * p)} %)"

    def save(self) -> bytes:
        arrays = {
            f"{name} {key}": array
            for name, model in self._models.items()
            for key, array in model.save().items()
        }
        return pack(
            {"version": 1, "levels": {n: m.levels for n, m in self._models.items()}}, arrays
        )

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._models = {}
        for name, levels in header["levels"].items():
            self._models[name] = WittenBell(levels)
            own = {k.removeprefix(f"{name} "): a for k, a in arrays.items()}
            self._models[name].load(own)
        self._order = self._models["template"].levels


class LongNgramLM(NgramLM):
    """Ten events deep, judged by the mean: for long sessions of few templates, such as system calls."""

    name = "ngram_lm_10"

    def __init__(self) -> None:
        super().__init__(10, publish="mean")


def _quantile(values: Floats, session: Ints, length: Ints, share: float) -> Floats:
    """(D,) of each session, the smallest value that so large a share of its events does not surpass."""
    ordered = values[np.lexsort((values, session))]
    first = np.cumsum(length) - length
    place = np.ceil(share * length).astype(np.int64) - 1
    chosen: Floats = ordered[first + np.maximum(place, 0)]
    return chosen
