#ifndef LEVERET_CORE_SERVE_ROUTE_H
#define LEVERET_CORE_SERVE_ROUTE_H

#include "core/memory/arena.h"
#include "core/settings/config.h"

#include <stdbool.h>

/*
 * The HTTP API as one table: it drives dispatch, who may do what, the OpenAPI document and docs/api.md.
 */

enum serve_action {
        SERVE_LIVE,
        SERVE_OPENAPI,
        SERVE_SESSION_BEGIN,
        SERVE_SESSION,
        SERVE_SESSION_END,
        SERVE_OVERVIEW,
        SERVE_STREAM,
        SERVE_MESSAGES,
        SERVE_JOB,
        SERVE_CANCEL,
        SERVE_JOBS,
        SERVE_JOB_MAILS,
        SERVE_QUEUES,
        SERVE_WORKERS,
        SERVE_OUTLETS,
        SERVE_SCHEDULES,
        SERVE_DEAD,
        SERVE_DEAD_GROUPS,
        SERVE_DEAD_LETTER,
        SERVE_REDRIVE,
        SERVE_DROP,
        SERVE_EDIT,
        SERVE_OPERATION,
        SERVE_OPERATION_LIST,
        SERVE_STOP,
        SERVE_RESTORE,
        SERVE_DEAD_MAILS,
        SERVE_DEAD_MESSAGE,
        SERVE_PAUSE,
        SERVE_RESUME,
        SERVE_AUDIT,
        SERVE_TYPES,
        SERVE_TYPE,
        SERVE_TYPE_SCHEMA,
        SERVE_TYPE_PLAN,
        SERVE_ACTIONS
};

/* Which tokens an action is open to. */
enum serve_access {
        SERVE_FOR_ALL,    /* without a token, too: for probes */
        SERVE_FOR_GUESTS, /* the same, but by a known name, and not from other sites */
        SERVE_FOR_ANY,    /* any token */
        SERVE_FOR_READ,
        SERVE_FOR_OWN,        /* read and operate; publish for what it published itself */
        SERVE_FOR_OWN_CHANGE, /* operate; publish for what it published itself */
        SERVE_FOR_PUBLISH,
        SERVE_FOR_OPERATE,
};

enum { SERVE_QUERY_MAX = 8, SERVE_WORDS_MAX = 2 };

struct serve_parameter {
        const char *name, *prose; /* NULL name: the end */
};

struct serve_route {
        enum serve_action action;
        enum serve_access access;
        const char *method;  /* GET stands for HEAD, too */
        const char *path;    /* "/v1/jobs/{id}": a word in braces is any one segment, percent-encoded */
        const char *summary; /* a sentence */
        const char *body;    /* what the body must be, as JSON Schema; NULL: it has none */
        short status;        /* of the answer; 0: 200 */
        bool list;           /* answers {"items": [..], "next": ..}, else an object */
        struct serve_parameter query[SERVE_QUERY_MAX];
};

/* Ended by a row without a method. */
extern const struct serve_route serve_routes[];

/* A request's path, matched. */
struct serve_match {
        const struct serve_route *route;    /* NULL: no such path, or no such method there */
        const char *words[SERVE_WORDS_MAX]; /* what stood for the words in braces, decoded */
        const char *allow; /* without a route: the methods of the path, "GET, POST"; or NULL */
};

/* `path` as it came, still encoded; a segment that decodes to a control character matches nothing. Texts lie
 * in the arena. */
struct serve_match serve_route_match(struct arena *arena, const char *method, const char *path);

/* May a token of that role do it? What SERVE_FOR_OWN is of is for the action to see. */
bool serve_may(enum serve_role role, enum serve_access access);

#endif
