# leveret on Debian 13, whose hiredis speaks TLS. The final image holds the program and the libraries that it uses, runs as
# nobody in particular, writes nothing to its root and needs no shell.
#   docker build -t leveret .
#   docker run --read-only --cap-drop ALL -v ./leveret.yaml:/etc/leveret/leveret.yaml:ro leveret

FROM debian:trixie-slim AS build
RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
        gcc libc6-dev make cmake pkg-config librabbitmq-dev libhiredis-dev libcurl4-openssl-dev libuv1-dev libyaml-dev \
        libmicrohttpd-dev libjansson-dev libidn2-dev libpq-dev zlib1g-dev libssl-dev
WORKDIR /source
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY worker worker
COPY handlers handlers
COPY web web
RUN cmake --preset release && cmake --build --preset release --target leveret -j"$(nproc)" && strip build/release/leveret

FROM debian:trixie-slim
RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
        ca-certificates librabbitmq4 libhiredis1.1.0 libcurl4t64 libuv1t64 libyaml-0-2 libmicrohttpd12t64 libjansson4 \
        zlib1g libidn2-0 libpq5 libssl3t64 tzdata \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && install -d -o 10001 -g 10001 /var/lib/leveret
COPY --from=build /source/build/release/leveret /usr/bin/leveret
COPY config/leveret.docker.yaml /etc/leveret/leveret.yaml

ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="leveret" \
      org.opencontainers.image.description="RabbitMQ consumer worker that turns messages into mails" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim"

# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
# Only operators' commands write here: what `dlq drop` and `purge` keep of what they take away. The worker writes nothing.
WORKDIR /var/lib/leveret
# Drains: returns what has not started, finishes what runs within shutdown.grace (25s); give it 40 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["leveret", "health", "ready"]
ENTRYPOINT ["leveret"]
CMD ["run"]
