#!/usr/bin/env bash
# Build the wheel of this source tree and install it with the extras of one service into a new virtual environment:
#
#   deploy/docker/install.sh /opt/neurosync face
#   deploy/docker/install.sh /opt/neurosync face,torch
#
# The first stage of every image. The environment has neither pip nor a compiler; requirements.lock pins versions.
set -euo pipefail
target=$1
extras=$2
cd "$(dirname "$0")/../.."
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
python3 -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$wheels" .
python3 -m venv --without-pip "$target"
for wheel in "$wheels"/neurosync-*.whl; do
  python3 -m pip --python "$target/bin/python" install --quiet --disable-pip-version-check \
    --constraint requirements.lock "$wheel${extras:+[$extras]}"
done
