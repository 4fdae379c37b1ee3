# Stands in for rabbitmq:4-management where no registry is at hand: the same program, the same places, from Debian.
FROM debian:trixie-slim
RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends rabbitmq-server \
    && rm -rf /var/lib/apt/lists/* && rm -f /etc/rabbitmq/rabbitmq.conf && rabbitmq-plugins enable --offline rabbitmq_management
USER rabbitmq
ENV HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
VOLUME /var/lib/rabbitmq
CMD ["rabbitmq-server"]
