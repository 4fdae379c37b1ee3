#include "core/text/units.h"
#include "core/text/word.h"
#include "io/machine/clock.h"
#include "query/audit.h"
#include "query/cancel.h"
#include "query/events.h"
#include "query/jobs.h"
#include "serve/live/streams.h"
#include "serve/live/waiters.h"
#include "serve/postings.h"
#include "serve/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How long to wait, of the query; 0: not at all. False: refused. */
static bool read_wait(const struct serve_call *call, int64_t *wait_ms)
{
        enum { WAIT_MAX_MS = 60000 };
        const char *text = serve_query(call, "wait");
        *wait_ms = 0;
        if (!text || (duration_parse(text, wait_ms) && *wait_ms <= WAIT_MAX_MS))
                return true;
        serve_refuse(call, 400, "wait: expected a duration, as 30s, of at most 60s");
        return false;
}

void serve_job(const struct serve_call *call)
{
        int64_t wait_ms;
        struct waiting waiting = {
                .word = call->words[0], .token = call->who->token, .own = call->who->role == SERVE_PUBLISH};
        if (!read_wait(call, &wait_ms))
                return;
        waiting.until_boot_ms = clock_boot_ms() + wait_ms;
        const char *awaited;
        if (!job_answer(call->query, &waiting, call->answer, &awaited)) {
                serve_refuse_redis(call);
                return;
        }
        if (wait_ms == 0 || !awaited)
                return;
        waiting.word = awaited;
        if (waiters_add(call->waiters, &waiting, call->request))
                buffer_fini(&call->answer->body);
}

static void answer_cancelled(const struct serve_call *call, const struct cancel_answer *cancelled)
{
        struct buffer *out = &call->answer->body;
        buffer_add_text(out, "{\"id\":");
        buffer_add_json_string(out, slice_of(cancelled->id));
        buffer_add_text(out, ",\"state\":\"cancelled\",\"was\":");
        buffer_add_json_string(out, slice_of(cancelled->state));
        buffer_add_text(out, ",\"sent\":[");
        for (size_t i = 0; i < cancelled->sent_count; i++) {
                buffer_add_text(out, i ? "," : "");
                buffer_add_json_string(out, slice_of(cancelled->sent[i]));
        }
        buffer_add_text(out, "]}");
}

/* What is not confirmed a worker tells when the job's message comes. */
static void serve_jobs_tell(const struct serve_call *call, const char *id)
{
        struct query_events events;
        query_events_due(call->query, id, &events);
        for (size_t i = 0; i < events.count; i++) {
                struct arena *arena = arena_new();
                if (!postings_tell(
                            call->postings, arena,
                            tell_message(arena, call->query->config->events.exchange, &events.list[i])))
                        return;
        }
        if (events.count > 0)
                query_events_told(call->query, &events);
}

static void cancel(const struct serve_call *call)
{
        struct cancel_answer cancelled;
        switch (query_cancel(call->query, call->words[0], call->who->token, &cancelled)) {
        case CANCEL_DONE:
                serve_jobs_tell(call, cancelled.id);
                answer_cancelled(call, &cancelled);
                break;
        case CANCEL_RUNS:
                serve_refuse(call, 409, "it runs, or ran when its worker died: too late");
                break;
        case CANCEL_OVER:
                serve_refuse(call, 409, arena_printf(call->query->arena, "it is over: %s", cancelled.state));
                break;
        case CANCEL_UNKNOWN:
                serve_refuse(call, 404,
                             "not seen by a worker yet, or never published, or its record expired");
                break;
        case CANCEL_FAILED:
                serve_refuse_redis(call);
                break;
        }
}

void serve_cancel(const struct serve_call *call)
{
        const struct waiting asked = {
                .word = call->words[0], .token = call->who->token, .own = call->who->role == SERVE_PUBLISH};
        const char *awaited;
        if (!job_answer(call->query, &asked, call->answer, &awaited)) {
                serve_refuse_redis(call);
                return;
        }
        if (call->answer->status != 200)
                return; /* unknown, or another's */
        buffer_clear(&call->answer->body);
        if (audit_write(call->query, call->who->token, "cancel", call->words[0]))
                cancel(call);
        else
                serve_refuse_redis(call);
}

void serve_stream(const struct serve_call *call)
{
        if (streams_add(call->streams, call->request))
                call->answer->content_type = "text/event-stream";
        else
                serve_refuse(call, 503, "too many listen to this process; ask from time to time");
}

/* "1700000000000~order-42": where the page before ended. */
static bool parse_cursor(const char *cursor, struct job_filter *filter)
{
        char *end;
        filter->after_ms = strtoll(cursor, &end, 10);
        filter->after_id = end + 1;
        return end != cursor && *end == '~' && end[1];
}

/* A list of one, or of none. */
static void jobs_list_one(const struct serve_call *call, const char *word)
{
        const char *id;
        struct buffer *out = &call->answer->body;
        const struct redis_value *record = job_find(call->query, word, &id);
        if (record->kind == REDIS_FAILED) {
                serve_refuse_redis(call);
                return;
        }
        buffer_add_text(out, "{\"items\":[");
        if (record->count > 0) {
                buffer_add_char(out, '{');
                job_add_fields(id, record, out);
                buffer_add_char(out, '}');
        }
        buffer_add_text(out, "],\"complete\":true,\"next\":null}");
}

void serve_jobs(const struct serve_call *call)
{
        struct job_filter filter = {.state = serve_query(call, "state"),
                                    .type = serve_query(call, "type"),
                                    .subject = serve_query(call, "subject")};
        struct job_list list;
        size_t limit;
        struct buffer *out = &call->answer->body;
        const char *cursor = serve_query(call, "cursor"), *problem = jobs_state_problem(&filter);
        if (!serve_read_limit(call, &limit) || !serve_read_since(call, &filter.since_ms))
                return;
        if (cursor && !parse_cursor(cursor, &filter))
                problem = "cursor: expected the `next` of an earlier page";
        if (problem) {
                serve_refuse(call, 400, problem);
                return;
        }
        if (serve_query(call, "id")) {
                jobs_list_one(call, serve_query(call, "id"));
                return;
        }
        jobs_list(call->query, &filter, limit, &list);
        if (list.error) {
                serve_refuse_redis(call);
                return;
        }
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; i < list.count; i++) {
                buffer_add_text(out, i ? ",{" : "{");
                job_add_fields(list.rows[i].id, list.rows[i].record, out);
                buffer_add_char(out, '}');
        }
        buffer_printf(out, "],\"complete\":%s,\"next\":", bool_word(list.complete));
        const struct job_row *last = list.more ? &list.rows[list.count - 1] : NULL;
        if (last)
                buffer_add_json_string(out, slice_of(arena_printf(call->query->arena, "%" PRId64 "~%s",
                                                                  last->at_ms, last->id)));
        else
                buffer_add_text(out, "null");
        buffer_add_char(out, '}');
}
