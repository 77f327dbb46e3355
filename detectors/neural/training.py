"""One way to train all models: AdamW, the best state by a held-out fifth of the units, and a budget."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]

_CELLS = 16_000_000
"""Answers of one step, at most."""

Loss = Callable[[Ints, Ints], tuple[Tensor, float]]
"""(distinct rows, how often each counts) -> (summed loss, number of events that it is the sum of)."""


@dataclass(frozen=True, slots=True)
class Plan:
    epochs: int = 20
    events: int = 2_000_000
    """Events read in training, at most about: what keeps the time within bounds and the result the same."""
    batch: int = 64
    """Rows of a step, fewer where an epoch would have fewer than 16 steps (but eight)."""
    steps: int = 250
    """Steps at least, where the budget allows: little data is read more often than `epochs`."""
    rate: float = 2e-3
    """The largest learning rate: it rises over the first twentieth of the budget and falls as a cosine."""
    decay: float = 1e-2
    patience: int = 3
    """Rounds without a better held-out loss after which training ends."""
    seconds: float = 3_600.0
    """A wall for a machine that is too slow. Hitting it is logged: the result then depends on the machine."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is learnt from: each occurrence as a row of distinct things."""

    row: Ints
    """(M,)"""
    unit: Ints
    """(M,) the unit that it is of: units, not rows, are held out"""
    length: Ints
    """(D,) events, for batches of like length"""
    answers: int
    """Numbers that a network says of one event: what bounds the memory of a step."""


@contextmanager
def alone(seed: int = 0) -> Iterator[None]:
    """torch draws from `seed` and uses one core inside, and is as it was afterwards.

    One core: these matrices are small, cores are for others, and sums do not depend on how many there are.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def train(
    module: nn.Module, loss: Loss, rows: Rows, plan: Plan, *, seed: int, name: str
) -> float | None:
    """Train `module` in place; gives the best held-out loss per event, None when too few units are there to hold out.

    The held-out loss is taken after each round: an epoch or more, a tenth of the budget at most.
    """
    rng = np.random.default_rng(seed)
    held = _held_out(rows.unit, rng)
    learnt = rows.row[~held]
    kept, often = np.unique(rows.row[held], return_counts=True)
    most = max(_CELLS // (rows.answers * max(int(rows.length.max(initial=1)), 1)), 1)
    size = min(int(np.clip(len(learnt) // 16, 8, plan.batch)), most)
    once = int(rows.length[learnt].sum())
    shortest = plan.steps * size * once // max(len(learnt), 1)
    budget = min(plan.events, max(plan.epochs * once, shortest))
    pace = min(plan.events // 10, max(once, budget // plan.epochs))
    optimizer = torch.optim.AdamW(module.parameters(), lr=plan.rate, weight_decay=plan.decay)
    best, best_state, worse, seen, began = np.inf, _copy(module), 0, 0, time.monotonic()
    mark = 0
    for batch, count in _steps(learnt, rows.length, size, rng, budget):
        seen += int((rows.length[batch] * count).sum())
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * _schedule(seen / budget)
        optimizer.zero_grad()
        total, events = loss(batch, count)
        (total / max(events, 1.0)).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        if seen - mark < pace and seen < budget:
            continue
        mark = seen
        if len(kept):
            now = held_out_loss(module, loss, kept, often, rows.length, min(most, 256))
            worse = 0 if now < best else worse + 1
            if now < best:
                best, best_state = now, _copy(module)
            logger.info("trained model=%s events=%d held_out=%.4f", name, seen, now)
        if worse >= plan.patience:
            break
        if time.monotonic() - began > plan.seconds:
            logger.warning("training ended at its time limit model=%s events=%d", name, seen)
            break
    if np.isfinite(best):
        module.load_state_dict(best_state)
    module.eval()
    return float(best) if np.isfinite(best) else None


def held_out_loss(
    module: nn.Module, loss: Loss, rows: Ints, count: Ints, length: Ints, size: int
) -> float:
    """Mean loss per event, each row counted as often as it occurs."""
    order = np.argsort(length[rows], kind="stable")
    module.eval()
    total, events = 0.0, 0.0
    with torch.no_grad():
        for i in range(0, len(order), size):
            part = order[i : i + size]
            value, number = loss(rows[part], count[part])
            total, events = total + float(value), events + number
    module.train()
    return total / max(events, 1.0)


def _held_out(unit: Ints, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Rows of a fifth of the units, of none when there are fewer than ten."""
    units = np.unique(unit)
    if len(units) < 10:
        return np.zeros(len(unit), np.bool_)
    return np.isin(unit, rng.choice(units, len(units) // 5, replace=False))


def _steps(
    row: Ints, length: Ints, size: int, rng: np.random.Generator, budget: int
) -> Iterator[tuple[Ints, Ints]]:
    """Batches of like length in random order, epoch after epoch; equal rows of a batch once, with their number."""
    seen = 0
    while seen < budget:
        shuffled = row[rng.permutation(len(row))]
        pool = size * 32
        batches = []
        for i in range(0, len(shuffled), pool):
            part = shuffled[i : i + pool]
            part = part[np.argsort(length[part], kind="stable")]
            batches += [part[j : j + size] for j in range(0, len(part), size)]
        for b in rng.permutation(len(batches)).tolist():
            yield np.unique(batches[b], return_counts=True)
            seen += int(length[batches[b]].sum())
            if seen >= budget:
                return


def _schedule(done: float) -> float:
    warm = min(done / 0.05, 1.0)
    return float(warm * (0.02 + 0.98 * 0.5 * (1.0 + np.cos(np.pi * min(done, 1.0)))))


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
