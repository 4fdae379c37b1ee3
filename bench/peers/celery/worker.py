"""usage: worker.py AMQPPORT QUEUE PREFETCH REDISPORT HTTPPORT
Claim by SET NX, mail, status, ack: a Celery task with threads, acks_late and kept connections. The messages of the bench are
no Celery messages: they get Celery's headers as they arrive."""
import json
import sys
import threading

import kombu
import kombu.message
import redis
import requests
from celery import Celery

amqp_port, queue, prefetch, redis_port, http_port = (sys.argv[1], sys.argv[2], *sys.argv[3:6])
KEEP_MS = 7 * 24 * 3600 * 1000
THREADS = min(int(prefetch), 64)

kombu.Connection.qos_semantics_matches_spec = True  # else a global QoS, which a quorum queue refuses
plain_init = kombu.message.Message.__init__


def init(self, *words, **options):
    plain_init(self, *words, **options)
    if "task" in self.headers:
        return
    payload, name = json.loads(self.body), self.properties["type"]
    self.headers = {"lang": "py", "task": "mail", "id": self.properties["message_id"], "root_id": None, "parent_id": None}
    self.body = json.dumps([[name, self.properties["message_id"], payload], {}, {}])
    self.content_type, self.content_encoding = "application/json", "utf-8"


kombu.message.Message.__init__ = init

app = Celery("bench", broker=f"amqp://guest:guest@127.0.0.1:{amqp_port}//")
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=max(int(prefetch) // THREADS, 1),
                worker_enable_remote_control=False, task_default_queue=queue,
                task_queues=[kombu.Queue(queue, no_declare=True)], worker_hijack_root_logger=False)
store = redis.Redis(port=int(redis_port))
local = threading.local()


def mail_of(name, data):
    if name == "order.created.v1":
        return {"to": data["customer_email"], "subject": f"Order created: {data['title']}",
                "text": f"Order {data['order_id']} was created.\n"}
    return {"to": data["to"], "subject": data["subject"], "text": data["text"]}


@app.task(name="mail")
def mail(name, key, data):
    if not store.set(f"celery:job:{{{key}}}", "running", nx=True, px=KEEP_MS):
        return
    if not hasattr(local, "session"):
        local.session = requests.Session()
    answer = local.session.post(f"http://127.0.0.1:{http_port}/emails", json={"from": "Shop <shop@example.com>", **mail_of(name, data)},
                                headers={"Authorization": "Bearer re_bench", "Idempotency-Key": key})
    answer.raise_for_status()
    store.hset(f"celery:status:{{{key}}}", mapping={"state": "completed", "provider_id": answer.json()["id"]})


app.worker_main(["worker", "--pool=threads", f"--concurrency={THREADS}", "--without-gossip", "--without-mingle",
                 "--without-heartbeat", "--loglevel=ERROR"])
