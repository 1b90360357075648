# syntax=docker/dockerfile:1
# One image for job managers and task managers: `docker build -t sluice .`, then
# `docker run sluice jobmanager …` (docs/deployment.md).

FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# No package needs its install script: sharp, lmdb and ONNX Runtime bring what they run.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# ONNX Runtime for this processor only.
RUN cpu="$(node --print process.arch)" \
    && find node_modules/onnxruntime-node/bin -mindepth 2 -maxdepth 2 -type d ! -name linux -exec rm -rf {} + \
    && find node_modules/onnxruntime-node/bin/*/linux -mindepth 1 -maxdepth 1 -type d ! -name "$cpu" -exec rm -rf {} +

FROM node:24-bookworm-slim
# Versions come with the base image's Debian release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libjemalloc2 tini \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 sluice \
    && useradd --uid 10001 --gid sluice --no-create-home --home-dir /var/lib/sluice sluice \
    && install --directory --owner=sluice --group=sluice --mode=0750 /var/lib/sluice /var/cache/sluice
WORKDIR /opt/sluice
COPY --from=build /src/package.json /src/LICENSE /src/README.md /src/CHANGELOG.md ./
COPY --from=build /src/packaging/sluice.js /src/packaging/health-check.js ./packaging/
COPY --from=build /src/docs ./docs
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
RUN ln -s /opt/sluice/packaging/sluice.js /usr/local/bin/sluice

# glibc's allocator fragments with many decoding threads.
ENV LD_PRELOAD=libjemalloc.so.2 \
    NODE_COMPILE_CACHE=/var/cache/sluice/compiled \
    NODE_ENV=production \
    UV_THREADPOOL_SIZE=8
USER 10001:10001
WORKDIR /var/lib/sluice
VOLUME /var/lib/sluice
# gRPC, REST, data plane, metrics of task managers.
EXPOSE 6123 8081 6124 9249
# SLUICE_HEALTH_PORT=9249 for a task manager.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["node", "/opt/sluice/packaging/health-check.js"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "sluice"]
CMD ["--help"]
