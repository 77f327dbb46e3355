"""OpenTelemetry's SDK and its HTTP exporter, set up as documented: with_opentelemetry.py ENDPOINT SERVICE [gzip]"""

from __future__ import annotations

import logging
import sys


def main(endpoint: str, service: str, packing: str = "none") -> None:
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    resource = Resource.create(
        {"service.name": service, "k8s.pod.name": "pod-1", "host.name": "web-1"}
    )
    provider = LoggerProvider(resource=resource)
    exporter = OTLPLogExporter(endpoint=endpoint, compression=Compression(packing))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    set_logger_provider(provider)
    logger = logging.getLogger("shop")
    logger.setLevel(logging.INFO)
    logger.addHandler(LoggingHandler(logger_provider=provider))
    for n in range(100):
        logger.info("otel line %d", n, extra={"order.id": n})
    logger.error("otel is out of lines")
    provider.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
