# aieb and the Python package with every backend, on Debian 12.
#
#   docker build -t ai-energy-benchmark .
#   docker run --gpus all -v "$(pwd)/results:/app/results" ai-energy-benchmark
#
# PYTHON_VERSION  3.10 or newer
# TORCH           cuda: torch with everything it depends on, about 5 GB; cpu: its libraries alone
#
# tools/container/try_in_chroot.py runs these steps without Docker; the tests use it.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim-bookworm AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src
COPY tools/setup.sh tools/requirements-wheel.txt tools/
RUN source tools/setup.sh && setup_wheel python3
COPY . .
RUN --mount=type=cache,target=/root/.cache --mount=type=cache,target=/root/.cargo/registry \
    --mount=type=cache,target=/src/build/rust \
    ./build_wheel.sh

FROM python:${PYTHON_VERSION}-slim-bookworm
ARG TORCH=cuda
COPY tools/container/install.sh tools/requirements-*.txt /tmp/aieb/
RUN --mount=type=bind,from=build,source=/src/dist,target=/tmp/dist \
    --mount=type=cache,target=/root/.cache \
    /tmp/aieb/install.sh "${TORCH}"
COPY run_benchmark.sh /app/
COPY configs /app/configs

# --gpus all needs the last two; without GPUs they mean nothing. The rest: nothing is set up at run
# time, and what is read and written stays below /app.
ENV PATH=/opt/aieb/bin:$PATH AIEB_VENV=/opt/aieb AIEB_NO_SETUP=1 PYTHONSAFEPATH=1 \
    HOME=/app/home HF_HOME=/app/huggingface \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /app
USER 1000:1000
CMD ["./run_benchmark.sh"]
