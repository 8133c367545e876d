# NeuroSync player: sound device, clock and Live Link. Build from the repository's root:
#
#   docker build -f deploy/docker/player.Dockerfile -t neurosync-player:0.1.0 .
#   docker run --rm -e NEUROSYNC_TOKEN=... -p 127.0.0.1:50054:50054 neurosync-player:0.1.0
#
# A container seldom has a sound device, so a monotonic clock paces the face instead. For sound, run the player on the
# machine of Unreal (docs/deploy.md).
ARG PYTHON=python:3.11-slim

FROM $PYTHON AS builder
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY deploy/docker/install.sh deploy/docker/
COPY protos protos
COPY services services
RUN --mount=type=cache,target=/root/.cache/pip deploy/docker/install.sh /opt/neurosync player

FROM $PYTHON
# libportaudio2: access to a sound device, if the container is given one.
RUN apt-get update && apt-get install --yes --no-install-recommends libportaudio2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /opt/neurosync /opt/neurosync
ENV PATH=/opt/neurosync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NEUROSYNC_PLAYER_LISTEN=0.0.0.0:50054
# neurosync.toml can be mounted here.
WORKDIR /etc/neurosync
USER 10001:10001
EXPOSE 50054
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["python", "-m", "services.serving.probe", "127.0.0.1:50054", "neurosync.v1.PlayerService"]
ENTRYPOINT ["python", "-m", "services.player"]
