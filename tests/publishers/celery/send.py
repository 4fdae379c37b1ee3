#!/usr/bin/python3
"""Sends a task as a service with Celery does. usage: send.py AMQP_URL QUEUE TASK KWARGS [OPTIONS], the last two as JSON"""
import json
import sys

from celery import Celery

url, queue, task, kwargs, *more = sys.argv[1:]
app = Celery("shop", broker=url)
app.conf.task_serializer = (json.loads(more[0]) if more else {}).pop("serializer", "json")
options = {name: value for name, value in (json.loads(more[0]) if more else {}).items() if name != "serializer"}
app.send_task(task, kwargs=json.loads(kwargs), queue=queue, **options)
