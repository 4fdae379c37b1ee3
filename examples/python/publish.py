#!/usr/bin/env python3
"""Publishes one order to leveret with pika. usage: publish.py ORDER_ID [DEADLINE], the broker in AMQP_URL"""
import json
import os
import secrets
import sys
import time
import uuid

import pika

order = {"order_id": int(sys.argv[1]), "customer_email": "ada@example.com", "title": "A hare"}
trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"  # in a service: that of the present request

headers = {"subject": f"order/{order['order_id']}", "traceparent": trace}
if len(sys.argv) > 2:
    headers["deadline"] = sys.argv[2]  # RFC 3339; later than that no mail goes out

channel = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])).channel()
channel.confirm_delivery()  # basic_publish now raises unless the broker has taken the message
properties = pika.BasicProperties(
    message_id=str(uuid.uuid4()),  # the idempotency key: after an error publish again with the same one
    type="order.created.v1", content_type="application/json", delivery_mode=2, timestamp=int(time.time()),
    app_id="shop", headers=headers)
channel.basic_publish("leveret.in", "order.created.v1", json.dumps(order), properties, mandatory=True)
print(properties.message_id)
