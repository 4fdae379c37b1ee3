# Stands in for python:3-slim: with what the publisher asks pip for, as no package index may be at hand.
FROM debian:trixie-slim
RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3 python3-pip python3-pika \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED
