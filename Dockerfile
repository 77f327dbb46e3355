# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN --mount=type=cache,target=/root/.cache/pip pip install 'uv>=0.9,<1'
WORKDIR /src
RUN python -m venv /opt/driftwood
# The dependencies first: they change less often than the source.
COPY pyproject.toml constraints.txt ./
COPY driftwood/__init__.py driftwood/__init__.py
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python /opt/driftwood/bin/python -c constraints.txt --requirements pyproject.toml
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --python /opt/driftwood/bin/python -c constraints.txt --no-deps .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Driftwood" \
      org.opencontainers.image.description="Log platform: templates, anomalies, answers" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --home-dir /tmp driftwood \
    && install -d -o 10001 -g 10001 /data
COPY --from=build /opt/driftwood /opt/driftwood
ENV PATH=/opt/driftwood/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
VOLUME /data
EXPOSE 3100 8501
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:3100/ready', timeout=3)"]
ENTRYPOINT ["driftwood"]
CMD ["serve", "--data", "/data", "--listen", "0.0.0.0:3100"]
