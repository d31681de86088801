# syntax=docker/dockerfile:1
# Targets: `cpu` (default, the last one) and `cuda`. Both run as a user without rights and keep models in /models.

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/stream-talk
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE manifest.json property.json main.py ./
COPY apps apps
COPY bench bench
COPY graphs graphs
COPY scripts/requirements-nodeps.txt scripts/requirements-nodeps.txt
COPY ten_packages ten_packages
RUN /opt/stream-talk/bin/pip install --no-cache-dir -c constraints.txt ".[redis,sqlite-vec,tls]" \
 && /opt/stream-talk/bin/pip install --no-cache-dir --no-deps -r scripts/requirements-nodeps.txt

FROM python:3.12-slim-bookworm AS base
# Debian keeps one version of a package; a pin would break the build at its next security update.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libc++1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 talk \
 && mkdir -p /data /models \
 && chown talk:talk /data /models
ENV PATH=/opt/stream-talk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STREAM_TALK_DATA_DIR=/data \
    STREAM_TALK_MODELS_DIR=/models
COPY --from=build /opt/stream-talk /opt/stream-talk
USER 10001
WORKDIR /home/talk
VOLUME ["/data", "/models"]
EXPOSE 8017
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8017/health', timeout=2)"]
# 0.0.0.0 inside the container; the gateway asks for STREAM_TALK_TOKEN because it is exposed.
CMD ["stream-talk", "run", "--host", "0.0.0.0", "--port", "8017", "--no-browser"]

FROM base AS cuda
USER 0
# The CUDA libraries come with the wheels; the host brings the driver through the NVIDIA container toolkit.
RUN /opt/stream-talk/bin/python -m ensurepip \
 && /opt/stream-talk/bin/python -m pip install --no-cache-dir "faster-whisper>=1.1" "nvidia-cublas-cu12" "nvidia-cudnn-cu12>=9,<10" \
 && site=$(/opt/stream-talk/bin/python -c "import site; print(site.getsitepackages()[0])") \
 && printf '%s\n' "$site/nvidia/cublas/lib" "$site/nvidia/cudnn/lib" > /etc/ld.so.conf.d/nvidia-wheels.conf \
 && ldconfig
USER 10001
CMD ["stream-talk", "run", "--graph", "cuda", "--host", "0.0.0.0", "--port", "8017", "--no-browser"]

FROM base AS cpu
