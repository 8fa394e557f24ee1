#!/usr/bin/env bash
# What must hold of the container image: its size and labels, no root, no shell, no sandbox, a read-only root, health, a client's
# first requests, SIGTERM. Needs docker or podman, and says so where there is none.
#
# IMAGE names a finished image; otherwise docker-start.sh builds one, for IMAGE_ARCH if that is set. EMULATOR is a static qemu-user binary to
# run an image of another architecture with. SBOM is the file of .ci/sbom, to be compared with what the binary says of itself.
set -euo pipefail
cd "$(dirname "$0")/../.."

engine=''
for candidate in ${CONTAINER_ENGINE:-docker podman}; do
    if "$candidate" info >/dev/null 2>&1; then engine=$candidate && break; fi
done
if [[ -z $engine ]]; then
    echo 'skipped: the image needs docker or podman, installed and running'
    exit 0
fi
if [[ -z ${IMAGE:-} ]]; then
    CONTAINER_ENGINE=$engine ./docker-start.sh build
    IMAGE=aws-ops-mcp:${IMAGE_ARCH:-latest}
fi
export IMAGE EMULATOR=${EMULATOR:-} SBOM=${SBOM:-}
exec python3 tests/image/check.py "$engine"
