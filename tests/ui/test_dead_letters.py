"""Dead letters decoded again by a running server's parts: what can be read now is stored, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from driftwood.config import Config, override
from driftwood.config import Store as Settings
from driftwood.records import DEAD_LETTERS, REFUSED, DeadLetters
from driftwood.store.store import DuckStore
from tests.shop import commit, dead_letter
from ui.dead_letters import replay
from ui.parts import Parts, assemble
from ui.shapes import Replayed

Replay = Callable[[list[int] | None], Replayed]


@pytest.fixture
def parts() -> Iterator[Parts]:
    config = override(Config(), kafka={"encoding": "json"})
    with DuckStore.in_memory(Settings(min_free_bytes=0)) as store:
        store.write(commit(dead=dead_letter(b'{"message": "paid", "level": "error"}')))
        broken = dead_letter(b"{broken").to_pylist()[0] | {"off": 188_232}
        dead = DeadLetters(pa.Table.from_pylist([broken], schema=DEAD_LETTERS))
        store.write(commit(dead=dead))
        yield assemble(config, store, (), keep_alive=True)


@pytest.fixture
def replayed(parts: Parts) -> Iterator[Replay]:
    """Replay as the server does it: submitted to the thread that writes."""
    with ThreadPoolExecutor(1) as writer:
        running = writer.submit(parts.pipeline.run)
        yield lambda ids: parts.pipeline.submit(lambda: replay(parts, ids)).result(30)
        parts.pipeline.stop()
        running.result(30)


def test_what_can_be_read_now_is_stored_once_with_the_labels_of_its_topic(
    parts: Parts, replayed: Replay
) -> None:
    assert replayed([]) == {"replayed": 0, "still_dead": 0}
    assert replayed([2]) == {"replayed": 0, "still_dead": 1}
    assert replayed(None) == {"replayed": 1, "still_dead": 1}
    assert replayed(None) == {"replayed": 0, "still_dead": 1}
    rows = parts.store.query("SELECT topic, part, off, labels FROM logs JOIN streams USING (sid)")
    (row,) = rows.to_pylist()
    assert (row["topic"], row["part"], row["off"]) == ("orders/uuid", 2, 188_231)
    assert dict(row["labels"]) | {"source": "kafka", "topic": "orders"} == dict(row["labels"])


def test_a_line_that_the_store_refused_is_no_message_and_stays_dead(
    parts: Parts, replayed: Replay
) -> None:
    refused = dead_letter(b'{"message": "readable"}').to_pylist()[0] | {"stage": REFUSED, "off": 9}
    parts.store.write(
        commit(dead=DeadLetters(pa.Table.from_pylist([refused], schema=DEAD_LETTERS)))
    )
    assert replayed([3]) == {"replayed": 0, "still_dead": 1}
    assert replayed(None) == {"replayed": 1, "still_dead": 2}
    assert parts.store.query("SELECT off FROM logs").to_pylist() == [{"off": 188_231}]
