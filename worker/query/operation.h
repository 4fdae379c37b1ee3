#ifndef LEVERET_QUERY_OPERATION_H
#define LEVERET_QUERY_OPERATION_H

#include "core/text/buffer.h"
#include "query/query.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Long work over HTTP: one process carries it out, Redis knows how far it is, so that every process can tell.
 * Texts lie in the arena of the query.
 */
struct operation {
        const char *id, *kind;                      /* redrive, drop, edit, restore */
        const char *state;                          /* running, done, stopped, failed */
        const char *queue, *token, *error, *new_id; /* token, error, new_id: "" if there is none */
        int64_t total, done;
        int64_t expired; /* letters that were left alone, since their deadline has passed */
        int64_t kept;    /* letters that it dropped and that can be restored */
        int64_t started_ms, ended_ms, seen_ms; /* seen_ms: by the process that runs it */
        bool asked_to_stop;
};

/* A new one, running, with a random id; operation_save makes it known. */
void operation_begin(const struct query *query, struct operation *operation);
/* False: Redis does not take it. */
bool operation_save(const struct query *query, const struct operation *operation);
/* NULL and the operation; or what Redis said. Without an id in it: there is none. One whose process has not
 * been seen for 15 s is told, and noted, as stopped. */
const char *operation_find(const struct query *query, const char *id, struct operation *operation);
/* Asks the process that runs it to end it. */
bool operation_ask_to_stop(const struct query *query, const char *id);
/* How many letters that it dropped can still be restored; -1: Redis cannot be asked. */
int64_t operation_kept(const struct query *query, const char *id);
/* The ids of the latest, newest first, at most `limit`. */
const struct redis_value *operations_latest(const struct query *query, size_t limit);
/* Adds it as a JSON object. */
void operation_add_json(const struct operation *operation, struct buffer *out);

#endif
