"""A planner: reads a job a line, answers with its plan. handlers.cart.left.v1: {plan: {exec: [python3, planner.py]}}"""
import json
import sys

for line in sys.stdin:
    job = json.loads(line)
    cart = job["data"]
    if not cart.get("items"):
        answer = {"reject": "an empty cart"}
    else:
        answer = {"effects": [{"kind": "mail", "key": "customer", "to": cart["email"], "subject": "You left something",
                               "text": "In your cart: " + ", ".join(cart["items"])}]}
    print(json.dumps({"id": job["id"], **answer}), flush=True)
