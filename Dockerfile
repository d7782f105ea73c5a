# The digest is that of the multi-architecture index behind the tag. To move both:
#   docker buildx imagetools inspect python:TAG --format '{{.Manifest.Digest}}'
# For a mirror: docker build --build-arg BASE=mirror.example/python:TAG@sha256:... .
ARG BASE=python:3.13.16-slim-bookworm@sha256:a1165e272e578941b84abc79e4ab38a0305cd12803a5c4247979ac7655f4d641

FROM ${BASE} AS builder
WORKDIR /src
RUN ["python", "-m", "venv", "--without-pip", "/opt/venv"]
# The lock alone first: as long as it stands, this layer is reused. It names the build backend too, so that nothing comes unpinned.
COPY requirements.txt ./
RUN ["pip", "--python", "/opt/venv/bin/python", "install", "--no-cache-dir", "--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"]
COPY pyproject.toml README.md ./
COPY exchange exchange
COPY strategies strategies
COPY fleet fleet
RUN ["pip", "--python", "/opt/venv/bin/python", "install", "--no-cache-dir", "--no-index", "--no-deps", "--no-build-isolation", "."]

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="astermm-fleet" \
      org.opencontainers.image.description="Makes markets on many AsterDEX perpetuals from one process, one connection and one rate budget." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Nothing is written but below /tmp, so that the root file system may be read-only. The control endpoint listens beyond
# loopback: who reaches it is decided by the published port or the NetworkPolicy.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ASTERMM_LEDGERS=/tmp/ledgers \
    ASTERMM_CONTROL=0.0.0.0:8787
COPY --from=builder /opt/venv /opt/venv
WORKDIR /tmp
# A number, for Kubernetes' runAsNonRoot cannot judge a name.
USER 10001:10001
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['ASTERMM_CONTROL'].rpartition(':')[2]), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["astermm-fleet"]
CMD ["up", "/config/fleet.yaml", "--plain", "--log-format", "json"]
