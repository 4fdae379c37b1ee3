# Stands in for axllent/mailpit: its address for sending, its probe, and a list of what came on port 8026.
FROM debian:trixie-slim
RUN apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*
COPY sink/mailsink.py system/images/mailpit /
CMD ["python3", "/mailsink.py", "--host", "0.0.0.0", "--http-port", "8025", "--control-port", "8026"]
