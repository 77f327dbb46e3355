"""What takes too long is interrupted, and nothing else."""

from __future__ import annotations

import threading
import time

from driftwood.store.watchdog import Watchdog


def test_what_takes_too_long_is_interrupted_once_in_the_order_of_the_deadlines() -> None:
    dog, told, over = Watchdog(), list[str](), threading.Event()

    def late() -> None:
        told.append("late")
        over.set()

    with (
        dog.watching(late, 0.1) as later,
        dog.watching(lambda: told.append("early"), 0.02) as earlier,
    ):
        assert over.wait(5)
        assert earlier()
        assert later()
    time.sleep(0.05)
    assert told == ["early", "late"]


def test_what_is_over_in_time_is_left_alone() -> None:
    dog, told = Watchdog(), list[str]()
    for _ in range(100):
        with dog.watching(lambda: told.append("!"), 0.05) as expired:
            assert not expired()
    with dog.watching(lambda: told.append("no time, no end"), None) as expired:
        time.sleep(0.1)
        assert not expired()
    assert told == []
