"""python-logging-loki's handler, which sends each line by itself: with_logging_loki.py URL"""

from __future__ import annotations

import logging
import sys


def main(url: str) -> None:
    from logging_loki import LokiHandler

    handler = LokiHandler(url=f"{url}/loki/api/v1/push", tags={"app": "handler"}, version="1")
    logger = logging.getLogger("shop")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    for n in range(10):
        logger.info("handler line %d", n, extra={"tags": {"env": "test"}})
    logger.error("handler is out of lines")


if __name__ == "__main__":
    main(*sys.argv[1:])
