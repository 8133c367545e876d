# NeuroSync face: the face animation. Build from the repository's root:
#
#   docker build -f deploy/docker/face.Dockerfile -t neurosync-face:0.1.0 .
#   docker run --rm -e NEUROSYNC_TOKEN=... -p 127.0.0.1:50053:50053 neurosync-face:0.1.0
#
# EXTRAS=face,torch adds torch, for the checkpoint. ONNXRUNTIME="onnxruntime-gpu[cuda,cudnn]==1.31.1" replaces the
# runtime of the shipped model by the one for CUDA, as deploy/compose.gpu.yaml and deploy/kustomize/overlays/gpu expect.
ARG PYTHON=python:3.11-slim

FROM $PYTHON AS builder
ARG EXTRAS=face
ARG ONNXRUNTIME=
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY deploy/docker/install.sh deploy/docker/
COPY protos protos
COPY services services
RUN --mount=type=cache,target=/root/.cache/pip deploy/docker/install.sh /opt/neurosync "$EXTRAS"
RUN --mount=type=cache,target=/root/.cache/pip \
    if [ -n "$ONNXRUNTIME" ]; then \
      python3 -m pip --python /opt/neurosync/bin/python uninstall --quiet --yes onnxruntime && \
      python3 -m pip --python /opt/neurosync/bin/python install --quiet --constraint requirements.lock "$ONNXRUNTIME"; \
    fi

FROM $PYTHON
COPY --from=builder /opt/neurosync /opt/neurosync
ENV PATH=/opt/neurosync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NEUROSYNC_FACE_LISTEN=0.0.0.0:50053
# neurosync.toml can be mounted here.
WORKDIR /etc/neurosync
USER 10001:10001
EXPOSE 50053
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --start-interval=2s \
    CMD ["python", "-m", "services.serving.probe", "127.0.0.1:50053", "neurosync.v1.FaceService"]
ENTRYPOINT ["python", "-m", "services.face"]
