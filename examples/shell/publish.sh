#!/bin/sh
# Publishes one order to leveret with its own command. usage: publish.sh ORDER_ID, the broker in AMQP_URL, Redis in
# REDIS_URL (leveret is in the PATH)
set -eu
export LEVERET_AMQP_URL="$AMQP_URL" LEVERET_REDIS_URL="$REDIS_URL" LEVERET_MAIL_TRANSPORT=log # this end sends no mail
hex() { od -An -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

# The payload is checked, then published persistent, mandatory and confirmed. --id repeats one after an error; else it is
# made and printed. The trace: in a service that of the present request.
leveret publish order.created.v1 --subject "order/$1" --traceparent "00-$(hex 16)-$(hex 8)-01" \
  --data "{\"order_id\": $1, \"customer_email\": \"ada@example.com\", \"title\": \"A hare\"}"
