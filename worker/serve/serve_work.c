#include "core/codec/json.h"
#include "core/codec/rfc3339.h"
#include "core/job/reason.h"
#include "core/text/units.h"
#include "io/machine/clock.h"
#include "query/audit.h"
#include "serve/serve.h"
#include "serve/work.h"
#include "serve/work_kinds.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* POST /v1/dead/{queue}/redrive and /drop, /v1/dead/{queue}/{dead-id}/redrive, /v1/operations. */

enum { IDS_MAX = 1000, RATE_MAX = 100000 };

/* What the body asks for, while it is read. */
struct asked {
        const struct serve_call *call;
        struct work *work;
        struct faults faults;
        bool dry_run, redrives;
};

static const char *serve_work_text_of(struct asked *asked, const char *name, const json_t *value)
{
        struct slice text = json_text(value);
        if (text.data && text.len > 0)
                return arena_copy(&asked->work->arena, text.data, text.len);
        faults_add(&asked->faults, "/%s: expected text", name);
        return NULL;
}

static bool truth_of(struct asked *asked, const char *name, const json_t *value)
{
        if (!json_is_boolean(value))
                faults_add(&asked->faults, "/%s: expected true or false", name);
        return json_is_true(value);
}

static void read_ids(struct asked *asked, const json_t *value)
{
        size_t count = json_array_size(value);
        const char **ids = arena_alloc(&asked->work->arena, (count ? count : 1) * sizeof(*ids));
        if (count == 0 || count > IDS_MAX) {
                faults_add(&asked->faults, "/ids: expected an array of 1 to %d ids", IDS_MAX);
                return;
        }
        for (size_t i = 0; i < count; i++) {
                struct slice text = json_text(json_array_get(value, i));
                if (!text.data || text.len == 0)
                        faults_add(&asked->faults, "/ids/%zu: expected a dead id or an id", i);
                ids[i] = arena_copy(&asked->work->arena, text.data ? text.data : "", text.len);
        }
        asked->work->dlq.ids = ids;
        asked->work->dlq.id_count = count;
}

static void read_since(struct asked *asked, const json_t *value)
{
        const char *text = serve_work_text_of(asked, "since", value);
        int64_t *since_ms = &asked->work->dlq.since_ms, ago_ms;
        if (!text || rfc3339_parse(slice_of(text), since_ms))
                return;
        if (duration_parse(text, &ago_ms))
                *since_ms = clock_wall_ms() - ago_ms;
        else
                faults_add(&asked->faults,
                           "/since: expected how long ago, as 2h, or a time, as 2026-01-31T12:00:00Z");
}

static void read_target(struct asked *asked, const json_t *value)
{
        struct dlq *dlq = &asked->work->dlq;
        const char *name = serve_work_text_of(asked, "to", value);
        if (name && !(dlq->target = dlq_work_queue(&dlq->query, name)))
                faults_add(&asked->faults, "/to: no such work queue is configured");
}

/* False: there is no such member. */
static bool work_read_filter(struct asked *asked, const char *name, const json_t *value)
{
        struct dlq *dlq = &asked->work->dlq;
        const struct {
                const char *name, **to;
        } filters[] = {{"reason", &dlq->reason},
                       {"type", &dlq->type},
                       {"subject", &dlq->subject},
                       {"search", &dlq->search}};
        for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
                if (strcmp(filters[i].name, name) == 0) {
                        *filters[i].to = serve_work_text_of(asked, name, value);
                        return true;
                }
        if (strcmp(name, "since") == 0)
                read_since(asked, value);
        else if (strcmp(name, "ids") == 0)
                read_ids(asked, value);
        else if (strcmp(name, "all") == 0)
                dlq->all = truth_of(asked, name, value);
        else
                return false;
        return true;
}

static void read_rate(struct asked *asked, const json_t *value)
{
        if (!json_number(value, &asked->work->rate))
                asked->work->rate = 0;
        if (asked->work->rate < 1 || asked->work->rate > RATE_MAX)
                faults_add(&asked->faults, "/rate: expected 1 to %d letters a second", RATE_MAX);
}

static bool read_redrive(struct asked *asked, const char *name, const json_t *value)
{
        if (strcmp(name, "rate") == 0)
                read_rate(asked, value);
        else if (strcmp(name, "expired") == 0)
                asked->work->dlq.expired = truth_of(asked, name, value);
        else if (strcmp(name, "to") == 0)
                read_target(asked, value);
        else
                return false;
        return true;
}

/* Exactly one of ids, all and filters. */
static void check_choice(struct asked *asked)
{
        const struct dlq *dlq = &asked->work->dlq;
        int ways = (dlq->id_count > 0) + dlq->all + dlq_has_filter(dlq);
        if (ways != 1 && asked->faults.count == 0)
                faults_add(
                        &asked->faults, "%s",
                        ways == 0 ? "expected one of ids, \"all\": true, and filters (reason, type, subject, "
                                    "since, search)"
                                  : "expected only one of ids, all, and filters");
        if (asked->redrives && !dlq->target)
                faults_add(&asked->faults,
                           "/to: required: letters that no queue took have none of their own");
}

static void check_reason(struct asked *asked)
{
        const char *reason = asked->work->dlq.reason;
        if (reason && reason_parse(reason) == REASON_NONE && strcmp(reason, "unrouted") != 0)
                faults_add(&asked->faults, "/reason: there is no such reason; see /v1/dead/{queue}/groups");
}

static void work_read_members(struct asked *asked, json_t *body)
{
        const char *name;
        json_t *value;
        json_object_foreach(body, name, value)
        {
                if (strcmp(name, "dry_run") == 0)
                        asked->dry_run = truth_of(asked, name, value);
                else if (!work_read_filter(asked, name, value) &&
                         !(asked->redrives && read_redrive(asked, name, value)))
                        faults_add(&asked->faults, "/%.60s: unknown member", name);
        }
        check_reason(asked);
        check_choice(asked);
}

static bool serve_work_read_body(struct asked *asked)
{
        char cause[JSON_CAUSE_MAX];
        json_t *body = json_parse(http_request_body(asked->call->request), cause);
        if (json_is_object(body))
                work_read_members(asked, body);
        else
                faults_add(&asked->faults, "%s", body ? "expected an object" : cause);
        json_decref(body);
        if (asked->faults.count > 0)
                serve_refuse_faults(asked->call, "the request is not as it must be", "", &asked->faults);
        return asked->faults.count == 0;
}

/* What went wrong in a function of dlq.h, as a problem. */
void work_refuse(const struct serve_call *call, const struct work *work, int status)
{
        static const int statuses[] = {[DLQ_ERROR] = 503, [DLQ_NOT_FOUND] = 404, [DLQ_REFUSED] = 409};
        serve_refuse(call, statuses[status], work->told);
}

/* The letters are loaded and chosen. A filter that finds none is no error. False: refused. */
static bool work_choose(struct asked *asked)
{
        struct work *work = asked->work;
        struct dlq *dlq = &work->dlq;
        int status = dlq_index_load(dlq);
        if (status == DLQ_OK && !dlq->all)
                status = dlq_index_choose(dlq);
        if (status == DLQ_NOT_FOUND && dlq->id_count == 0 && dlq->wanted == 0) {
                work->told_status = 0;
                work->told[0] = '\0';
                return true;
        }
        if (status != DLQ_OK)
                work_refuse(asked->call, work, status);
        return status == DLQ_OK;
}

/* Those of the index; with `all`, those that the broker counts if it can be asked. */
static bool count_chosen(struct asked *asked)
{
        struct work *work = asked->work;
        int64_t count;
        int status = DLQ_OK;
        if (!work->dlq.all)
                work->operation.total = dlq_index_goal(&work->dlq);
        else if ((status = dlq_count(&work->dlq, &count)) == DLQ_OK)
                work->operation.total = count;
        if (status != DLQ_OK)
                work_refuse(asked->call, work, status);
        return status == DLQ_OK;
}

static void answer_dry_run(struct asked *asked)
{
        struct buffer *out = &asked->call->answer->body;
        struct dlq *dlq = &asked->work->dlq;
        struct letters letters = {.entries = dlq->entries, .count = dlq->count};
        for (size_t i = 0; dlq->all && i < dlq->count; i++)
                dlq->entries[i].wanted = true;
        int64_t late = asked->redrives && !dlq->expired ? dlq_count_late(dlq) : 0;
        buffer_printf(out, "{\"kind\":\"%s\",\"queue\":", asked->work->operation.kind);
        buffer_add_json_string(out, slice_of(dlq->queue));
        buffer_printf(out, ",\"dry_run\":true,\"total\":%" PRId64 ",\"expired\":%" PRId64 ",\"groups\":[",
                      asked->work->operation.total, late);
        serve_add_groups(&(struct query){dlq->query.config, dlq->query.redis, dlq->query.arena}, &letters,
                         out);
        buffer_add_text(out, "]}");
}

void work_answer(const struct serve_call *call, struct work *work)
{
        struct buffer said = {0};
        operation_begin(&work->dlq.query, &work->operation);
        operation_add_json(&work->operation, &said);
        if (!audit_write(call->query, call->who->token, work->operation.kind,
                         arena_printf(call->query->arena, "%s (%" PRId64 "), operation %s",
                                      work->operation.queue, work->operation.total, work->operation.id))) {
                work_free(work);
                serve_refuse_redis(call);
        } else if (!work_begin(work)) {
                serve_refuse(call, 503, "too many operations run in this process; wait for the end of one");
        } else {
                call->answer->status = 202;
                buffer_add(&call->answer->body, said.data, said.len);
        }
        buffer_fini(&said);
}

/* A work on the queue of the path. NULL: refused. */
struct work *work_on_queue(const struct serve_call *call, const char *kind)
{
        struct work *work = work_new(call->works, call->query, call->who->token);
        work->operation.kind = kind;
        if (dlq_name(&work->dlq, call->words[0]) && strcmp(call->words[0], work->dlq.queue) == 0) {
                work->operation.queue = arena_strdup(&work->arena, work->dlq.queue);
                return work;
        }
        work_free(work);
        serve_refuse(call, 404, "no such queue is configured; see /v1/queues");
        return NULL;
}

/* Another works on it: that would be told only when it has begun. False: refused. */
bool work_queue_is_free(const struct serve_call *call, struct work *work)
{
        const char *owner = dlq_lock_owner(&work->dlq);
        if (owner)
                serve_refuse(call, 409,
                             arena_printf(call->query->arena, "somebody works on %s: %s; wait for its end",
                                          work->dlq.source, owner));
        return !owner;
}

static void begin_on_letters(const struct serve_call *call, const char *kind, int (*run)(struct work *work))
{
        struct work *work = work_on_queue(call, kind);
        if (!work)
                return;
        work->run = run;
        struct asked asked = {.call = call, .work = work, .redrives = run == work_redrive};
        asked.faults.arena = call->query->arena;
        bool good = serve_work_read_body(&asked) && work_choose(&asked) && count_chosen(&asked);
        if (good && !asked.dry_run && asked.redrives) {
                int status = dlq_check_target(&work->dlq);
                good = status == DLQ_OK;
                if (!good)
                        work_refuse(call, work, status);
        }
        if (good && !asked.dry_run && work_queue_is_free(call, work)) {
                work_answer(call, work);
                return;
        }
        if (good && asked.dry_run)
                answer_dry_run(&asked);
        work_free(work);
}

void serve_redrive(const struct serve_call *call)
{
        begin_on_letters(call, "redrive", work_redrive);
}

void serve_drop(const struct serve_call *call)
{
        begin_on_letters(call, "drop", work_drop);
}
