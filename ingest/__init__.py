"""Lines in: sources, the decoding of agents' formats, time stamps, multi-line records, redaction, dead letters."""

from driftwood.protocols import Source
from driftwood.registry import Registry

SOURCES: Registry[Source] = Registry(
    "source",
    {
        "kafka": "ingest.kafka:KafkaSource",
        "files": "ingest.files:FilesSource",
        "stdin": "ingest.stdin:StdinSource",
        "demo": "ingest.demo:DemoSource",
    },
)
