"""LogBERT: masked events are told from those on both sides. Guo et al., IJCNN 2021, section III.

Loss: cross-entropy of the masked log keys (eq. 5) + alpha |h_DIST - c|^2, the volume of a hypersphere around the mean
of the sessions' vectors (eq. 6-8). The paper then counts the masked keys that are not among the g likeliest and calls a
session anomalous when they are more than r. Differences from the paper and its public code:

- r, g and the mask ratio were chosen on the test set. Here the score is the share of keys outside the g likeliest,
  averaged over all g: the mean of (rank - 1) / (templates); a template that training never saw has the last rank.
- The public code masks at random when it judges, so a session's score is another one each time. Here two fixed masks
  that complete each other hide every event once, each among about half of the others.
- Its vocabulary is built from all data; ours from training sessions only.
- c is a running mean, not one taken anew each epoch. Two layers of 128 instead of four of 256: 0.4 M weights are many
  for the few hundred templates of these data. Sessions are judged in pieces of 256 events (the public code cuts the
  rest of a session off at 512).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.neural.detector import Chances, Floats, NeuralDetector, tensor
from detectors.neural.networks import Block, Embeddings
from detectors.neural.pieces import Pieces, buckets, spans
from detectors.neural.training import Plan, Rows, train
from detectors.neural.vocabulary import FIRST, UNKNOWN, Ints
from driftwood.protocols import LogBatch

_PIECE = 256
_CELLS = 4_000_000
_RATIO = 0.5
_CENTRE_RATE = 0.01
HIDDEN = np.random.default_rng(20_210).random(_PIECE) < _RATIO
"""(_PIECE,) which events the first mask hides; the second hides the others."""


class Bert(nn.Module):
    centre: Tensor

    def __init__(self, size: int, width: int, layers: int, heads: int = 4) -> None:
        super().__init__()
        self.embeddings = Embeddings((size,), width)
        self.masked, self.session = (
            nn.Parameter(torch.randn(width)),
            nn.Parameter(torch.randn(width)),
        )
        self.layers = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, size)
        self.register_buffer("centre", torch.zeros(width))

    def forward(self, tokens: Tensor, inside: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L) tokens, which of them are of the session and which are masked -> logarithms of chances (B, L, V) and
        the sessions' vectors (B, width), read off the DIST token that stands first.
        """
        x = torch.where(hidden[..., None], self.masked, self.embeddings(tokens[..., None]))
        x = torch.cat((self.session.expand(len(x), 1, -1), x), 1)
        x = x + _positions(x.shape[1], x)
        seen = functional.pad(inside, (1, 0), value=True)
        bias = torch.zeros_like(seen, dtype=x.dtype).masked_fill(~seen, -math.inf)[:, None, None]
        for layer in self.layers:
            x, _ = layer(x, bias)
        x = self.norm(x)
        logits = self.out(x[:, 1:])
        never = torch.full_like(logits[..., :FIRST], -1e4)
        return functional.log_softmax(torch.cat((never, logits[..., FIRST:]), -1), -1), x[:, 0]


class LogBert(NeuralDetector[Bert]):
    name = "logbert"

    def __init__(
        self,
        *,
        width: int = 128,
        layers: int = 2,
        alpha: float = 0.1,
        plan: Plan | None = None,
        device: str = "cpu",
    ) -> None:
        """`alpha`: weight of the hypersphere's loss, as in the public code."""
        self._width, self._layers, self._alpha = width, layers, alpha
        super().__init__(plan or Plan(events=800_000, rate=1e-3), device)

    def _build(self) -> Bert:
        return Bert(self._templates.size, self._width, self._layers)

    def _pieces(self, batch: LogBatch) -> Pieces:
        tokens = self._templates.tokens(batch.template_id)[:, None]
        return Pieces.of(tokens, batch.bounds, stride=_PIECE, lead=0)

    def _train(self, module: Bert, batch: LogBatch, plan: Plan, seed: int) -> None:
        pieces = self._pieces(batch)

        def loss(rows: Ints, count: Ints) -> tuple[Tensor, float]:
            tokens, inside = self._padded(pieces, rows)
            scale = tensor(count.astype(np.float32), self._device)[:, None]
            if module.training:
                hidden = torch.rand(tokens.shape, device=self._device) < _RATIO
            else:  # the held-out loss is comparable from round to round
                hidden = tensor(HIDDEN[: tokens.shape[1]], self._device).expand_as(tokens)
            told, vectors = module(tokens, inside, hidden)
            asked = hidden & inside & (tokens != UNKNOWN)
            missed = -told.gather(2, tokens[..., None])[..., 0]
            number = float((asked * scale).sum())
            if module.training:
                with torch.no_grad():
                    module.centre.lerp_(vectors.mean(0), _CENTRE_RATE)
            spread = ((vectors - module.centre) ** 2).sum(1, keepdim=True)
            sphere = (spread * scale).sum() / scale.sum() * number
            return (missed * asked * scale).sum() + self._alpha * sphere, number

        unit = np.repeat(np.arange(len(batch)), np.diff(pieces.bounds))
        rows = Rows(pieces.which, unit, np.maximum(pieces.length, 1), self._templates.size)
        train(module, loss, rows, plan, seed=seed, name=self.name)

    def _padded(self, pieces: Pieces, rows: Ints) -> tuple[Tensor, Tensor]:
        tokens = pieces.padded(rows)[..., 0]
        inside = np.arange(tokens.shape[1]) < pieces.length[rows, None]
        return tensor(tokens, self._device), tensor(inside, self._device)

    def _judge(self, batch: LogBatch) -> Floats:
        pieces = self._pieces(batch)
        at = np.concatenate(([0], np.cumsum(pieces.length)))
        outside = np.zeros(int(at[-1]))
        most = max(_CELLS // max(self._templates.size, self._width), 1)
        for rows in buckets(pieces.length, most):
            here = spans(at[rows], pieces.length[rows])
            outside[here] = self._outside(pieces, rows)
        values, bounds = pieces.whole(outside, at)
        size = np.diff(bounds)
        total = np.bincount(np.repeat(np.arange(len(size)), size), values, len(size))
        mean: Floats = (total / np.maximum(size, 1))[pieces.sessions[1]]
        return mean

    def _outside(self, pieces: Pieces, rows: Ints) -> Floats:
        """By event of these pieces: the share of all g that do not admit it."""
        tokens, inside = self._padded(pieces, rows)
        told = self._both_masks(tokens, inside)
        rank = (told > told.gather(2, tokens[..., None])).sum(2)
        known = max(self._templates.size - FIRST, 1)
        share = torch.where(tokens == UNKNOWN, known, rank).double() / known
        outside: Floats = share[inside].cpu().numpy()
        return outside

    def _both_masks(self, tokens: Tensor, inside: Tensor) -> Tensor:
        """(B, L, V) logarithms of chances of each event when it is hidden."""
        module = self._judging()
        hidden = tensor(HIDDEN[: tokens.shape[1]], self._device).expand_as(tokens)
        first, second = (module(tokens, inside, mask)[0] for mask in (hidden, ~hidden))
        return torch.where(hidden[..., None], first, second)

    def _chances(self, session: LogBatch) -> Iterator[Chances]:
        pieces = self._pieces(session)
        row = 0
        for piece in pieces.which.tolist():
            told = self._both_masks(*self._padded(pieces, np.array([piece])))[0]
            yield Chances(np.arange(row, row + len(told)), told.exp().cpu().numpy())
            row += len(told)


def _positions(length: int, like: Tensor) -> Tensor:
    """(length, width) sines and cosines of the place (Vaswani et al., NeurIPS 2017)."""
    width = like.shape[-1]
    place = torch.arange(length, device=like.device, dtype=like.dtype)[:, None]
    rate = torch.exp(
        torch.arange(0, width, 2, device=like.device, dtype=like.dtype) * (-math.log(1e4) / width)
    )
    return torch.stack((torch.sin(place * rate), torch.cos(place * rate)), -1).view(length, width)
