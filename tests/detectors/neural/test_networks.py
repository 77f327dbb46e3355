"""The networks against a few lines of NumPy, and what they may not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from detectors.neural.networks import (  # noqa: E402
    Heads,
    NextEvent,
    Recurrent,
    Transformer,
    causal_bias,
)
from detectors.neural.training import Plan, Rows, alone, train  # noqa: E402

SIZES = (7, 4)


@pytest.mark.parametrize("kind", [Recurrent, Transformer])
def test_no_state_depends_on_later_events(kind: type[Recurrent | Transformer]) -> None:
    with alone():
        reader = kind(SIZES, 8, 2).double().eval()
        tokens = torch.randint(2, 4, (3, 9, 2))
        states, _ = reader(tokens)
        changed = tokens.clone()
        changed[:, 5:] = 3 - changed[:, 5:] % 2
        again, _ = reader(changed)
    assert torch.equal(states[:, :5], again[:, :5])
    assert states.shape == (3, 9, 8)


@pytest.mark.parametrize("kind", [Recurrent, Transformer])
def test_reading_on_from_memory_is_reading_at_once(kind: type[Recurrent | Transformer]) -> None:
    with alone():
        reader = kind(SIZES, 8, 2).double().eval()
        tokens = torch.randint(2, 4, (3, 9, 2))
        whole, _ = reader(tokens)
        first, memory = reader(tokens[:, :4])
        second, memory = reader(tokens[:, 4:5], memory)
        third, _ = reader(tokens[:, 5:], memory)
    assert torch.allclose(torch.cat((first, second, third), 1), whole, atol=1e-12)


def test_attention_fades_with_distance_and_never_looks_ahead() -> None:
    bias = causal_bias(2, 1, 4, torch.zeros(1)).numpy()
    assert bias.shape == (4, 2, 3)
    expected = [[-0.25, 0.0, -np.inf], [-0.5, -0.25, 0.0]]
    assert bias[0].tolist() == expected
    assert bias[3, 1].tolist() == [-2 / 256, -1 / 256, 0.0]


def test_the_chances_of_an_event_are_a_distribution_over_what_may_come() -> None:
    """Summed over all events, the products of the fields' chances are 1, the end of a session among them."""
    with alone(), torch.no_grad():
        heads = Heads(SIZES, 8).double()
        state = torch.randn(1, 8, dtype=torch.float64)
        total = 0.0
        for first in range(1, SIZES[0]):
            for second in range(2, SIZES[1]):
                told = heads(state, torch.tensor([[first, second]]))
                total += float((told[0][0, first] + told[1][0, second]).exp())
            logits = (heads.of[0].weight @ state[0] + heads.of[0].bias).numpy()[1:]
            chance = np.exp(logits - logits.max())
            assert float(told[0][0, first].exp()) == pytest.approx(
                (chance / chance.sum())[first - 1]
            )
    assert total == pytest.approx(1.0)


def test_one_batch_can_be_learnt_by_heart() -> None:
    with alone():
        tokens = torch.randint(2, 7, (4, 6, 1))
        module = NextEvent(Recurrent((7,), 32, 1), (7,), 32)

        def loss(rows: np.ndarray, count: np.ndarray) -> tuple[Any, float]:
            states, _ = module.reader(tokens[rows])
            told = module.heads(states[:, :-1].reshape(-1, 32), tokens[rows, 1:].reshape(-1, 1))[0]
            own = told.gather(1, tokens[rows, 1:].reshape(-1, 1))
            return -own.sum(), float(own.numel())

        rows = Rows(np.arange(4), np.arange(4), np.full(4, 5), 7)
        train(module, loss, rows, Plan(events=10**6, steps=60, rate=1e-2), seed=0, name="test")
        total, number = loss(np.arange(4), np.ones(4))
    assert float(total.detach()) / number < 0.15


def test_the_state_with_the_best_held_out_loss_is_kept() -> None:
    module = torch.nn.Linear(1, 1)
    held: list[tuple[float, float]] = []

    def loss(rows: np.ndarray, count: np.ndarray) -> tuple[Any, float]:
        value = (module.weight * 1.0 - 1.0).abs().sum() if module.training else None
        if value is None:  # the held-out loss has its least value on the way
            value = (module.weight - 0.5).abs().sum().detach()
            held.append((float(value), float(module.weight.detach())))
        return value * len(rows), float(len(rows))

    with alone():
        torch.nn.init.zeros_(module.weight)
        rows = Rows(np.arange(50), np.arange(50), np.ones(50, np.int64), 1)
        best = train(module, loss, rows, Plan(events=10**4, rate=0.05), seed=0, name="test")
    assert best == pytest.approx(min(held)[0])
    assert float(module.weight.detach()) == pytest.approx(min(held)[1])
