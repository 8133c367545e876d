# NeuroSync orchestrator: the turns of conversations. Build from the repository's root:
#
#   docker build -f deploy/docker/orchestrator.Dockerfile -t neurosync-orchestrator:0.1.0 .
#   docker run --rm -e NEUROSYNC_TOKEN=... -p 127.0.0.1:50050:50050 neurosync-orchestrator:0.1.0
ARG PYTHON=python:3.11-slim

FROM $PYTHON AS builder
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY deploy/docker/install.sh deploy/docker/
COPY protos protos
COPY services services
RUN --mount=type=cache,target=/root/.cache/pip deploy/docker/install.sh /opt/neurosync ""

FROM $PYTHON
COPY --from=builder /opt/neurosync /opt/neurosync
ENV PATH=/opt/neurosync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NEUROSYNC_ORCHESTRATOR_LISTEN=0.0.0.0:50050
# neurosync.toml can be mounted here.
WORKDIR /etc/neurosync
USER 10001:10001
EXPOSE 50050
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["python", "-m", "services.serving.probe", "127.0.0.1:50050", "neurosync.v1.OrchestratorService"]
ENTRYPOINT ["python", "-m", "services.orchestrator"]
