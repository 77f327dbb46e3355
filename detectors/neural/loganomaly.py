"""LogAnomaly: an LSTM over the last events and one over how often each occurred. Meng et al., IJCAI 2019, section 3.

P(m_t = k) = softmax(W [h_sequence ; h_counts]), where the second LSTM reads the count vectors C_j: the number of each
template among the events of the window up to j. Anomalous if m_t is not among the g likeliest.
Differences: the fixes of `deeplog` (padding, sessions counted once, g tuned on the test set); the public code reads the
count of the window as a series of single numbers, ours reads count vectors as the paper does (W C_j is the running sum
of W's columns, so the vectors are never laid out). template2vec needs a hand-made list of synonyms: vectors are learnt
with the task instead, and a template that training never saw has the last rank instead of the nearest one's place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.neural.networks import Embeddings
from detectors.neural.next_event import NextEventDetector


class TwoLstms(nn.Module):
    def __init__(self, size: int, width: int, layers: int) -> None:
        super().__init__()
        self.events, self.counts = Embeddings((size,), width), Embeddings((size,), width)
        self.order = nn.LSTM(width, width, layers, batch_first=True)
        self.amount = nn.LSTM(width, width, 1, batch_first=True)
        self.out = nn.Linear(2 * width, size)

    def forward(self, history: Tensor) -> Tensor:
        columns = self.counts(history[..., None])
        upto = torch.ones(columns.shape[1], columns.shape[1], dtype=columns.dtype)
        running = upto.tril().to(columns.device) @ columns
        order, _ = self.order(self.events(history[..., None]))
        amount, _ = self.amount(running)
        logits: Tensor = self.out(torch.cat((order[:, -1], amount[:, -1]), 1))
        return logits


class LogAnomaly(NextEventDetector[TwoLstms]):
    name = "loganomaly"

    def _build(self) -> TwoLstms:
        return TwoLstms(self._templates.size, self._width, self._layers)
