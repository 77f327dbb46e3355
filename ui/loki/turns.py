"""Turns: so many queries run at once, some wait for a moment, and the rest is refused."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ui.loki.refusals import TOO_MANY, Refusal


class Turns:
    """First come, first served; only on the event loop's thread."""

    def __init__(self) -> None:
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self, at_once: int, wait_s: float) -> AsyncIterator[None]:
        """Inside, at most `at_once` are. Raises Refusal when that does not come true within `wait_s` seconds."""
        if self._running < at_once and not self._waiting:
            self._running += 1
        else:
            await self._wait(wait_s)
        try:
            yield
        finally:
            self._leave(at_once)

    async def _wait(self, wait_s: float) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            async with asyncio.timeout(wait_s):
                await mine
        except TimeoutError as error:
            if not mine.cancelled():  # the turn came in the same moment
                return
            raise Refusal(429, TOO_MANY) from error
        except asyncio.CancelledError:
            if not mine.cancelled():  # likewise, and nobody is there to take it
                self._leave(self._running)
            raise
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)

    def _leave(self, at_once: int) -> None:
        self._running -= 1
        while self._waiting and self._running < at_once:
            following = self._waiting.popleft()
            if not following.done():
                self._running += 1
                following.set_result(None)
