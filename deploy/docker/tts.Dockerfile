# NeuroSync tts: the speech synthesis. Build from the repository's root:
#
#   docker build -f deploy/docker/tts.Dockerfile -t neurosync-tts:0.1.0 .
#   docker run --rm -e NEUROSYNC_TOKEN=... -p 127.0.0.1:50052:50052 neurosync-tts:0.1.0
ARG PYTHON=python:3.11-slim

FROM $PYTHON AS builder
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY deploy/docker/install.sh deploy/docker/
COPY protos protos
COPY services services
RUN --mount=type=cache,target=/root/.cache/pip deploy/docker/install.sh /opt/neurosync tts

FROM $PYTHON
COPY --from=builder /opt/neurosync /opt/neurosync
ENV PATH=/opt/neurosync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NEUROSYNC_TTS_LISTEN=0.0.0.0:50052
# neurosync.toml can be mounted here.
WORKDIR /etc/neurosync
USER 10001:10001
EXPOSE 50052
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["python", "-m", "services.serving.probe", "127.0.0.1:50052", "neurosync.v1.SpeechService"]
ENTRYPOINT ["python", "-m", "services.tts"]
