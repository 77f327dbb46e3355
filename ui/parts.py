"""What runs, put together from the settings: the one place that knows all the packages."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from detectors.stage import DetectionStage
from driftwood.config import Config
from driftwood.pipeline import Pipeline
from driftwood.protocols import Source
from driftwood.store.store import DuckStore
from ingest import SOURCES
from ingest.redact import Redactor
from parsing import PARSERS
from parsing.ruled import RuledCache
from parsing.shapes import ShapeCache
from ui.rules import stored


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that one process needs to take lines in."""

    config: Config
    store: DuckStore
    parser: ShapeCache
    detection: DetectionStage | None
    pipeline: Pipeline
    sources: tuple[Source, ...]


def assemble(
    config: Config, store: DuckStore, sources: Sequence[Source], *, keep_alive: bool
) -> Parts:
    """Parser, detection and pipeline around `store`. Raises ConfigError for an unknown name."""
    # A commit is a dozen short calls into DuckDB, after each of which it must get the interpreter back from the
    # threads that decode: at Python's 5 ms a handover its p99 was 152 ms, at 1 ms it is 118, and no line is slower.
    sys.setswitchinterval(0.001)
    # Batches come and go by the megabyte; Arrow's own pool keeps 90 MB more of them than the system's does.
    pa.set_memory_pool(pa.system_memory_pool())
    parser = RuledCache(
        PARSERS.make(config.parsing.parser, max_templates=config.parsing.max_templates),
        max_shapes=config.parsing.max_shapes,
    )
    parser.use(stored(store))  # before its state is loaded, and before the first line
    texts: Callable[[], Mapping[Any, str]] = parser.templates  # a mapping's key type is invariant
    detection = DetectionStage(config.detection, texts) if config.detection.enabled else None
    pipeline = Pipeline(store, parser, detection, sources, config, keep_alive=keep_alive)
    return Parts(config, store, parser, detection, pipeline, tuple(sources))


def configured_sources(config: Config, data: Path) -> tuple[Source, ...]:
    """The sources that the settings name: any of Kafka, files and the demo; none is fine too."""
    redactor = Redactor(config.redaction)
    sources = []
    if config.kafka.brokers:
        sources.append(SOURCES.make("kafka", config.kafka, config.ingest, redactor))
    if config.files.paths:
        sources.append(SOURCES.make("files", config.files, config.ingest, redactor))
    if config.demo.enabled:
        sources.append(
            SOURCES.make("demo", config.demo, config.ingest, redactor, data=data, now=time.time_ns)
        )
    return tuple(sources)
