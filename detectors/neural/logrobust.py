"""LogRobust: a BiLSTM with attention that people's labels train. Zhang et al., ESEC/FSE 2019, section 3.

Template vectors -> BiLSTM (128 each way) -> attention alpha_t = tanh(w h_t), here its softmax -> normal or anomalous by
cross-entropy. A session's score is -ln of the chance that it is normal.
Differences from the paper and its public reimplementations:

- The paper's template vectors are FastText words weighted by TF-IDF; nothing is downloaded here: with `texts` they are
  hashed character n-grams with the same weights (`texts.vectors`), so that an unseen template is read by its words.
  Without `texts` a template's vector is learnt, and all unseen ones share one, learnt by hiding 1 % of the events.
- Vectors, vocabulary and weights come from training sessions only; the public code fits them on all data.
- Sessions are padded behind their end and the padding is masked; the public code reads it as events.
- Sessions of more than 256 events are judged by the strangest of their pieces, and not cut off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.neural.detector import Floats, NeuralDetector, tensor
from detectors.neural.networks import UNSEEN
from detectors.neural.pieces import Pieces, buckets
from detectors.neural.texts import WIDTH, vectors
from detectors.neural.training import Plan, Rows, alone, train
from detectors.neural.vocabulary import UNKNOWN, Ints
from detectors.wording import MAX_CONTRIBUTIONS, MAX_EVIDENCE, quoted, who
from driftwood.errors import DetectorError
from driftwood.protocols import Explanation, Labels, LogBatch, Scores
from driftwood.records import Contribution, TemplateId

_PIECE = 256
_CELLS = 2_000_000


class Attentive(nn.Module):
    def __init__(self, size: int, width: int, layers: int) -> None:
        super().__init__()
        self.learnt = nn.Embedding(size, WIDTH)
        self.read = nn.Linear(WIDTH, WIDTH, bias=False)
        self.lstm = nn.LSTM(WIDTH, width, layers, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(2 * width, 1)
        self.out = nn.Linear(2 * width, 1)

    def forward(self, tokens: Tensor, text: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L) tokens, (B, L, WIDTH) vectors of their texts, (B,) lengths >= 1 -> (B,) logits of being anomalous and
        (B, L) attention.
        """
        if self.training:
            tokens = tokens.masked_fill(torch.rand_like(text[..., 0]) < UNSEEN, UNKNOWN)
        x = self.learnt(tokens) + self.read(text)
        packed = nn.utils.rnn.pack_padded_sequence(
            x, length.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=tokens.shape[1]
        )
        inside = torch.arange(tokens.shape[1], device=length.device) < length[:, None]
        weight = torch.tanh(self.attention(states)[..., 0]).masked_fill(~inside, -math.inf)
        weight = torch.softmax(weight, 1)
        return self.out((weight[..., None] * states).sum(1))[:, 0], weight


class LogRobust(NeuralDetector[Attentive]):
    name = "logrobust"
    needs = frozenset({"labels"})

    def __init__(
        self,
        texts: Mapping[int, str] | None = None,
        *,
        width: int = 128,
        layers: int = 1,
        plan: Plan | None = None,
        device: str = "cpu",
    ) -> None:
        """`texts`: of templates, where they are known; needed again by whoever loads a state."""
        self._width, self._layers = width, layers
        self._text_ids, self._texts = vectors(texts or {})
        self._labels = np.zeros(0, np.int8)
        super().__init__(plan or Plan(events=1_500_000, rate=2e-3), device)

    def fit(self, batch: LogBatch, labels: Labels | None = None, *, seed: int = 0) -> None:
        """Raises DetectorError without labelled units of both kinds."""
        if labels is None or not {0, 1} <= set(np.unique(labels).tolist()):
            raise DetectorError("logrobust learns from labels: give it some units of both kinds")
        self._forget(seed)
        self._learn_labelled(batch, labels, self._plan)

    def partial_fit(self, batch: LogBatch, labels: Labels | None = None) -> None:
        """Train on with what is labelled in `batch`; what nobody said anything about teaches nothing."""
        if labels is None or not (labels >= 0).any():
            return
        self._learn_labelled(batch, labels, self._further())

    def _learn_labelled(self, batch: LogBatch, labels: Labels, plan: Plan) -> None:
        labelled = np.flatnonzero((labels >= 0) & (np.diff(batch.bounds) > 0))
        self._labels = labels[labelled]
        self._learn(batch.at(labelled), plan)

    def _build(self) -> Attentive:
        return Attentive(self._templates.size, self._width, self._layers)

    def _pieces(self, batch: LogBatch) -> Pieces:
        return Pieces.of(batch.template_id[:, None], batch.bounds, stride=_PIECE, lead=0)

    def _train(self, module: Attentive, batch: LogBatch, plan: Plan, seed: int) -> None:
        pieces = self._pieces(batch)
        unit = np.repeat(np.arange(len(batch)), np.diff(pieces.bounds))
        # The same events may be labelled both ways, so rows are the distinct pieces twice, once for each label.
        row = pieces.which * 2 + self._labels[unit]

        def loss(rows: Ints, count: Ints) -> tuple[Tensor, float]:
            logits, _ = module(*self._read(pieces, rows // 2))
            truth = tensor((rows % 2).astype(np.float32), self._device)
            missed = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
            weight = tensor(count.astype(np.float32), self._device)
            return (missed * weight).sum(), float(count.sum())

        rows = Rows(row, unit, np.repeat(np.maximum(pieces.length, 1), 2), WIDTH)
        train(module, loss, rows, plan, seed=seed, name=self.name)

    def _read(
        self, pieces: Pieces, rows: Ints, kind: type = np.float32
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the network takes, of pieces that are not empty."""
        ids = pieces.padded(rows)[..., 0]
        tokens = self._templates.tokens(ids.ravel()).reshape(ids.shape)
        text = np.zeros((*ids.shape, WIDTH), kind)
        if len(self._text_ids):
            at = np.searchsorted(self._text_ids, ids).clip(max=len(self._text_ids) - 1)
            found = self._text_ids[at] == ids
            text[found] = self._texts[at[found]]
        return (
            tensor(tokens, self._device),
            tensor(text, self._device),
            tensor(pieces.length[rows], self._device),
        )

    def _judge(self, batch: LogBatch) -> Floats:
        pieces = self._pieces(batch)
        by_piece = np.zeros(len(pieces))
        spoken = np.flatnonzero(pieces.length)
        for rows in buckets(pieces.length[spoken], _CELLS // WIDTH):
            logits, _ = self._judging()(*self._read(pieces, spoken[rows], np.float64))
            by_piece[spoken[rows]] = functional.softplus(logits).cpu().numpy()
        strangest: Floats = np.maximum.reduceat(by_piece[pieces.which], pieces.bounds[:-1])
        return strangest

    def explain(
        self, batch: LogBatch, scores: Scores, finding: int, texts: Mapping[int, str]
    ) -> Explanation:
        """The events that the network looked at."""
        unit = int(scores.unit[finding])
        session = batch.at(np.array([unit]))
        if not len(session.unit):
            return Explanation(f"{who(batch, unit)}: a session without a line")
        attention = self._attention(session)
        templates, which, seen = np.unique(
            session.template_id, return_inverse=True, return_counts=True
        )
        weight = np.bincount(which, attention)
        order = np.argsort(-weight, kind="stable")[:MAX_CONTRIBUTIONS].tolist()
        chance = -math.expm1(-float(scores.score[finding]))
        title = (
            f"{who(batch, unit)}: {chance:.0%} like sessions that were called anomalous, "
            f"above all for {quoted(int(templates[order[0]]), texts)}"
        )
        contributions = tuple(
            Contribution(
                TemplateId(int(templates[i])),
                texts.get(int(templates[i]), ""),
                float(seen[i]),
                0.0,
                float(weight[i]),
            )
            for i in order
        )
        rows = np.sort(np.argsort(-attention, kind="stable")[:MAX_EVIDENCE])
        return Explanation(title, contributions, tuple(session.line_id[rows].tolist()))

    def _attention(self, session: LogBatch) -> Floats:
        """By event of one session, 1 in all."""
        pieces = self._pieces(session)
        with alone(), torch.inference_mode():
            parts = [
                self._judging()(*self._read(pieces, np.array([p]), np.float64))[1][0].cpu().numpy()
                for p in pieces.which.tolist()
            ]
        whole = np.concatenate(parts)
        weight: Floats = whole / whole.sum()
        return weight
