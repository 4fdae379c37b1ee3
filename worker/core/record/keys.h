#ifndef LEVERET_CORE_RECORD_KEYS_H
#define LEVERET_CORE_RECORD_KEYS_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdint.h>

/*
 * Every key that leveret has in Redis, and how much and how long it keeps there. No other file spells a key;
 * the scripts of worker/io/redis/lua get theirs as KEYS. Each begins with redis.prefix, which
 * CONFIG_PREFIX_MAX bounds.
 *
 * A name in braces is the hash slot of a cluster: the record of a job, its timeline and its plan are in the
 * same one.
 */
enum record_key {
        KEY_JOB,        /* hash: the record of the job with this id */
        KEY_EVENTS,     /* list: the timeline of the job with this id */
        KEY_PAYLOAD,    /* string: the payload of the job with this id, gzip, for claim.keep_payload */
        KEY_PLAN,       /* string: what the job with this id carries out, if that is recorded */
        KEY_LETTER,     /* hash: the dead letter with this dead id (core/record/letter.h) */
        KEY_DEAD,       /* sorted set: dead ids of this queue by the time of death */
        KEY_JOBS,       /* sorted set: ids of jobs in this state (running scheduled retrying dead completed
                           cancelled) by time */
        KEY_LATER,      /* sorted set: ids of jobs of this queue that are scheduled, by when they are due */
        KEY_SUBJECT,    /* sorted set: ids of jobs with this subject by time */
        KEY_WORKER,     /* hash: what the worker of this name says of itself */
        KEY_PAUSED,     /* set: names of the queues that an operator paused */
        KEY_NEWER_THAN, /* hash: by queue, when what waits in it came at the earliest */
        KEY_AUDIT,      /* list: what was changed over HTTP, the latest first */
        KEY_LOCK,       /* string: who works on the dead letters of this queue */
        KEY_TYPES,      /* sorted set: names of types that some deployed version knows, by when one said so */
        KEY_SCHEDULE,   /* hash: up to when the ticks of this schedule are done (run/time, tick.lua) */
        KEY_PROBE,      /* string: a worker's proof that writes are taken */
        KEY_OPERATION,  /* hash: how far long work over HTTP with this id is */
        KEY_OPERATIONS, /* sorted set: their ids by their beginning */
        KEY_DROPPED,    /* list: the dead letters that this operation dropped, as lines of JSON */
        KEY_SAMPLES,    /* list: what all workers did every 15 s, the latest first */
        KEY_SAMPLING,   /* string: the last 15 s are taken */
        KEY_WORKERS,    /* sorted set: names of workers by when they told of themselves, so that nobody has to
                           look through all keys; workers before 0.2.0 are not in it */
        KEY_RATE,       /* hash: the rate that all workers share at the outlet of this name */
        KEY_RATE_DOMAIN, /* hash: the same for OUTLET:DOMAIN, of mails to that domain */
};
enum { RECORD_KEY_COUNT = KEY_RATE_DOMAIN + 1 };

/* How many entries a key keeps at most. */
enum {
        RECORD_EVENTS_MAX = 100, /* prelude.lua has the same number */
        RECORD_JOBS_MAX = 1000,  /* KEY_JOBS of running, of completed and of cancelled */
        RECORD_SUBJECT_MAX = 10000,
        RECORD_AUDIT_MAX = 10000,
        RECORD_TYPES_MAX = 10000,
        RECORD_OPERATIONS_MAX = 1000,
        RECORD_SAMPLES_MAX = 240,            /* an hour */
        RECORD_DROPPED_BYTES_MAX = 64 << 20, /* of the letters that one operation drops */
        RECORD_HEAD_MAX = 16384,             /* bytes of a body in KEY_LETTER: searched by `dlq --search` */
        RECORD_PAYLOAD_MAX = 65536,          /* bytes of KEY_PAYLOAD; what would be longer is not kept */
};

/* How long a key outlives its last writer. What is not here is kept for claim.keep, or until it is removed.
 */
enum {
        RECORD_WORKER_TTL_MS = 10000,
        RECORD_WORKERS_KEPT_MS =
                24 * 3600 * 1000,   /* in KEY_WORKERS; who has no KEY_WORKER is not there any more */
        RECORD_LOCK_TTL_MS = 15000, /* a command that was killed blocks others no longer */
        RECORD_PROBE_TTL_MS = 10000,
        RECORD_OPERATION_TTL_MS = 7 * 24 * 3600 * 1000, /* and what it dropped */
        RECORD_SAMPLE_EVERY_MS = 15000,
};
/* Of KEY_SCHEDULE: longer than a year, for what happens once in it. */
#define RECORD_SCHEDULE_TTL_MS (400 * INT64_C(86400000))

/* What stands before and after the name in a key of this kind, for who may not allocate. */
struct record_key_parts {
        const char *before, *after;
};
struct record_key_parts record_key_parts(enum record_key kind);

/* Adds the key. `name` is ignored by the kinds of which there is one, as KEY_PAUSED. */
void record_key_add(struct buffer *out, const char *prefix, enum record_key kind, struct slice name);
/* The same as text in the arena. `name` may be NULL for the kinds that ignore it. */
const char *record_key(struct arena *arena, const char *prefix, enum record_key kind, const char *name);

#endif
