#ifndef LEVERET_SERVE_H
#define LEVERET_SERVE_H

#include "core/codec/json.h"
#include "core/serve/access.h"
#include "core/settings/config.h"
#include "core/text/faults.h"
#include "core/types/type_set.h"
#include "io/serve/http_server.h"
#include "query/query.h"

/* The HTTP API: what each route of core/serve/route.h answers. */

enum { SERVE_ERROR_MAX = 256 };

/* Serves until SIGTERM or SIGINT, then finishes what is being answered. False with the cause in `error`
 * (SERVE_ERROR_MAX) if it cannot begin. `config` and `types`, those of the start, outlive it. */
bool serve_run(const struct config *config, const struct type_set *types, char *error);

/* One request that may be carried out. */
struct serve_call {
        const struct serve_route *route;
        const char *const *words; /* of the path */
        const struct http_request *request;
        const struct serve_verdict *who;
        const struct query *query; /* with a connection to Redis */
        struct postings *postings; /* publishes */
        struct serve_door *door;
        struct works *works;
        struct waiters *waiters;
        struct streams *streams;
        struct tallies *tallies;
        const struct type_set *types;
        struct http_answer *answer;
};

/* ---- serve_answers.c ---- */

/* The value of a query's member, decoded; NULL: absent, or no text (then a 400 was made). */
const char *serve_query(const struct serve_call *call, const char *name);
/* The members limit (1 to 1000; 50) and since of the query. False: refused. */
bool serve_read_limit(const struct serve_call *call, size_t *limit);
bool serve_read_since(const struct serve_call *call, int64_t *since_ms);
/* Redis cannot be asked: 503. */
void serve_refuse_redis(const struct serve_call *call);
/* Makes the answer a problem. */
void serve_refuse(const struct serve_call *call, int status, const char *detail);

/* 400 with each fault and its JSON pointer, prefixed with `root`. */
void serve_refuse_faults(const struct serve_call *call, const char *detail, const char *root,
                         const struct faults *faults);
/* ---- serve_dead.c ---- */

/* Adds the groups of those that are wanted, as the items of a JSON array. */
struct letters;
void serve_add_groups(const struct query *query, const struct letters *letters, struct buffer *out);

/* ---- serve_types.c ---- */

struct serve_payload {
        const json_t *data;
        const char *locale; /* in place of that which the type chooses; NULL: as it chooses */
        const char *from;  /* where it was found, "payload" or "letter", as a member of the answer; or NULL */
        struct slice text; /* with `from`: the payload as JSON, a member of the answer, too */
};
/* What the handler would do with it, or what is wrong with it. */
void serve_plan(const struct serve_call *call, const struct handler *handler, const struct serve_payload *of);

/* ---- serve_door.c: failed log-ins ---- */

struct serve_door *serve_door_open(void);
void serve_door_close(struct serve_door *door);
/* Has the client guessed too often? Then a 429 was made. */
bool serve_door_is_shut(const struct serve_call *call);
void serve_door_failed(const struct serve_call *call);

/* One for each action. They fill answer->body with JSON, or refuse. */
typedef void serve_answer_function(const struct serve_call *call);
serve_answer_function serve_dead, serve_dead_groups, serve_dead_letter, serve_pause, serve_resume,
        serve_audit;
serve_answer_function serve_session_begin, serve_session, serve_session_end;
serve_answer_function serve_redrive, serve_drop, serve_edit, serve_operation, serve_operations, serve_stop,
        serve_restore;
serve_answer_function serve_messages, serve_overview, serve_stream;
serve_answer_function serve_cancel, serve_job_mails, serve_dead_mails, serve_dead_message;
serve_answer_function serve_job, serve_jobs, serve_queues, serve_workers, serve_outlets, serve_schedules,
        serve_types, serve_type, serve_type_schema, serve_type_plan;

#endif
