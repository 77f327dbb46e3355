"""DeepLog: an LSTM tells the next event from the last ten. Du et al., CCS 2017, section 3.1.

P(m_t = k | m_{t-h} .. m_{t-1}) by two LSTM layers of 64 and a softmax; anomalous if m_t is not among the g likeliest.
Differences from the paper and its public reimplementations:

- A history shorter than h is filled with a token that stands for "before the session", in training as in judging. The
  public code fills it with -1, which training never shows, so that *every* session of at most h events is flagged.
- Every session counts as often as it occurs; the public code compares `set()`s of sessions.
- No g is chosen on the test set: the score is the largest rank (`next_event.NextEventDetector`).
- Events are learnt as vectors, as one-hot inputs are; the public code feeds the bare number of the template.
- A session's end is an event to be told, too (`ends`): the paper cannot see a session that stops early, which the
  public code's padding flagged by accident. `ends=False` is the paper's.
- The held-out fifth of the training sessions says when to stop; the second model, of parameter values, is left out.
"""

from __future__ import annotations

from torch import Tensor, nn

from detectors.neural.networks import Embeddings
from detectors.neural.next_event import NextEventDetector


class Lstm(nn.Module):
    def __init__(self, size: int, width: int, layers: int) -> None:
        super().__init__()
        self.embeddings = Embeddings((size,), width)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)
        self.out = nn.Linear(width, size)

    def forward(self, history: Tensor) -> Tensor:
        states, _ = self.lstm(self.embeddings(history[..., None]))
        logits: Tensor = self.out(states[:, -1])
        return logits


class DeepLog(NextEventDetector[Lstm]):
    name = "deeplog"

    def _build(self) -> Lstm:
        return Lstm(self._templates.size, self._width, self._layers)
