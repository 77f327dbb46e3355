"""Run by test_crash.py until it is killed: writes, seals and retires as fast as it can, and says what is durable.

    python -m tests.driftwood.store.writes_forever FOLDER SEED

After every commit it prints the offset that follows, and so promises that the rows before it are stored.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from driftwood.config import Store as Settings
from driftwood.store.schema import HOUR, MINUTE
from driftwood.store.store import DuckStore
from tests.driftwood.store.conftest import NOON, commit_of


def main(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    store = DuckStore.open(folder, Settings(min_free_bytes=0, seal_after_s=0.0, seal_rows=1000))
    while True:
        first = store.next_line_id()
        assert store.checkpoint("kafka").get("orders/uuid/0", "0") == str(first)
        base = NOON + first // 1000 * HOUR
        times = [base + chance.randrange(-30, 60) * MINUTE for _ in range(chance.randrange(1, 200))]
        store.write(commit_of(first, times))
        print(store.next_line_id(), flush=True)
        if chance.random() < 0.5:
            store.maintain(time.time_ns())
        if chance.random() < 0.05:
            store.compact()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
