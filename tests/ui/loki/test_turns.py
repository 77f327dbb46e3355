"""Turns: how many run at once, who waits, who is refused, and that nobody's turn is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from ui.loki.refusals import Refusal
from ui.loki.turns import Turns


class Counter:
    """Runs pieces of work that end when `done` says so, and counts how many do at once."""

    def __init__(self, at_once: int) -> None:
        self.turns = Turns()
        self.at_once = at_once
        self.running = self.most = self.finished = 0
        self.done = asyncio.Event()

    async def work(self, wait_s: float = 5.0) -> None:
        async with self.turns.turn(self.at_once, wait_s):
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                await self.done.wait()
            finally:
                self.running -= 1
        self.finished += 1


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


def test_no_more_than_allowed_run_at_once_and_all_come_to_their_turn() -> None:
    async def test() -> None:
        counter = Counter(at_once=2)
        tasks = [asyncio.create_task(counter.work()) for _ in range(7)]
        await asyncio.sleep(0.01)
        assert counter.running == 2
        counter.done.set()
        await asyncio.gather(*tasks)
        assert (counter.most, counter.finished) == (2, 7)

    run(test())


def test_who_waits_too_long_is_refused_and_does_not_stand_in_the_way() -> None:
    async def test() -> None:
        counter = Counter(at_once=1)
        first = asyncio.create_task(counter.work())
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refusal:
            await counter.work(wait_s=0.01)
        assert (refusal.value.status, refusal.value.text) == (429, "too many outstanding requests")
        counter.done.set()
        await first
        await counter.work(wait_s=0.01)
        assert (counter.most, counter.finished) == (1, 2)

    run(test())


def test_a_request_that_is_given_up_gives_its_turn_to_the_next() -> None:
    async def test() -> None:
        counter = Counter(at_once=1)
        running = asyncio.create_task(counter.work())
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(counter.work()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        running.cancel()
        await asyncio.sleep(0)  # the turn is given to the second just now
        waiting[1].cancel()
        await asyncio.sleep(0.01)
        assert counter.running == 1
        counter.done.set()
        await waiting[2]
        await counter.work(wait_s=0.01)
        assert (counter.most, counter.finished) == (1, 2)

    run(test())
