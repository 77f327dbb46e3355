"""The service of lines that name none: what the file or the topic is called."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

# .log, .1, .gz, .2024-06-14, -20240614: what says how a file is kept, not what is in it.
_ENDING: Final = re.compile(
    r"(?:\.(?:log|txt|out|err|json|jsonl|ndjson|csv|gz|zst|xz|bz2|lz4|old|[0-9][0-9T:_.-]*)|[-_][0-9]{4}-?[0-9]{2}-?[0-9]{2})$"
)


def service_of_file(path: str) -> str:
    """
    >>> service_of_file("/var/log/nginx/access.log.2.gz"), service_of_file("/var/log/syslog-20240614")
    ('access', 'syslog')
    >>> service_of_file("nova-api.log.1.2017-05-16_13:53:08"), service_of_file("/var/log/pods/shop_api-7f9c/api/0.log")
    ('nova-api', 'api')
    """
    file = PurePath(path)
    stem = file.name
    while (shorter := _ENDING.sub("", stem)) not in {stem, ""}:
        stem = shorter
    if (
        stem.isdigit()
    ):  # Kubernetes names the folder after the container and the file after the restart
        return file.parent.name or stem
    return stem.lstrip(".") or stem


def topic_name(topic: str) -> str:
    """A Kafka topic without its UUID.

    >>> topic_name("orders/Zm9vYmFyYmF6cXV4cXV1eA"), topic_name("stdin")
    ('orders', 'stdin')
    """
    return topic.partition("/")[0] or topic
