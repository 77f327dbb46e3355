// pino with its worker-thread transport pino-loki, which sends the rest when the process ends: node with_pino.mjs URL
import pino from "pino";

const transport = pino.transport({
  target: "pino-loki",
  options: {
    host: process.argv[2],
    labels: { app: "pino", env: "test" },
    batching: { interval: 1 },
  },
});
transport.on("error", (error) => {
  console.error(error);
  process.exitCode = 1;
});
const logger = pino(transport);
for (let n = 0; n < 100; n++) logger.info({ n, meta: { request: `r-${n}` } }, `pino line ${n}`);
logger.error("pino is out of lines");
