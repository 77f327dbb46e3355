// winston with winston-loki, as JSON or as protobuf in snappy: node with_winston.mjs URL json|protobuf
import winston from "winston";
import LokiTransport from "winston-loki";

const [, , host, format] = process.argv;
const transport = new LokiTransport({
  host,
  labels: { app: `winston-${format}` },
  json: format === "json",
  format: winston.format.json(),
  interval: 1,
  onConnectionError: (error) => {
    console.error(error);
    process.exitCode = 1;
  },
});
const logger = winston.createLogger({ transports: [transport] });
for (let n = 0; n < 100; n++) logger.info(`winston line ${n}`);
logger.error("winston is out of lines");
await transport.flush();
process.exit();
