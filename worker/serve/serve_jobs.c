#include "core/codec/rfc3339.h"
#include "core/text/units.h"
#include "io/machine/clock.h"
#include "query/jobs.h"
#include "serve/serve.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void serve_job(const struct serve_call *call)
{
        const char *id;
        const struct redis_value *record = job_find(call->query, call->words[0], &id);
        if (record->kind == REDIS_FAILED) {
                serve_refuse(call, 503, "Redis cannot be asked");
                return;
        }
        bool own = call->who->role != SERVE_PUBLISH ||
                   (call->who->token && slice_is(redis_value_field(record, "publisher"), call->who->token));
        if (record->count == 0)
                serve_refuse(call, 404,
                             "not seen by a worker yet, or never published, or its record expired");
        else if (!own)
                serve_refuse(call, 403, "the job is not one that this token has published");
        else
                job_add_json(call->query, id, record, &call->answer->body);
}

/* "1700000000000~order-42": where the page before ended. */
static bool parse_cursor(const char *cursor, struct job_filter *filter)
{
        char *end;
        filter->after_ms = strtoll(cursor, &end, 10);
        filter->after_id = end + 1;
        return end != cursor && *end == '~' && end[1];
}

static bool parse_since(const char *text, int64_t *since_ms)
{
        int64_t ago_ms;
        if (!duration_parse(text, &ago_ms))
                return rfc3339_parse(slice_of(text), since_ms);
        *since_ms = clock_wall_ms() - ago_ms;
        return true;
}

/* NULL, or what is wrong with the query. */
static const char *read_query(const struct serve_call *call, struct job_filter *filter, size_t *limit)
{
        enum { LIMIT = 50, LIMIT_MAX = 1000 };
        const char *text, *since = serve_query(call, "since"), *cursor = serve_query(call, "cursor");
        *filter = (struct job_filter){.state = serve_query(call, "state"),
                                      .type = serve_query(call, "type"),
                                      .subject = serve_query(call, "subject")};
        *limit = LIMIT;
        if ((text = serve_query(call, "limit"))) {
                char *end;
                unsigned long number = strtoul(text, &end, 10);
                if (text[0] < '0' || text[0] > '9' || *end || number < 1 || number > LIMIT_MAX)
                        return "limit: expected 1 to 1000";
                *limit = number;
        }
        if (since && !parse_since(since, &filter->since_ms))
                return "since: expected how long ago, as 2h, or a time, as 2026-01-31T12:00:00Z";
        if (cursor && !parse_cursor(cursor, filter))
                return "cursor: expected the `next` of an earlier page";
        return jobs_state_problem(filter);
}

void serve_jobs(const struct serve_call *call)
{
        struct job_filter filter;
        struct job_list list;
        size_t limit;
        struct buffer *out = &call->answer->body;
        const char *problem = read_query(call, &filter, &limit);
        if (problem) {
                serve_refuse(call, 400, problem);
                return;
        }
        jobs_list(call->query, &filter, limit, &list);
        if (list.error) {
                serve_refuse(call, 503, "Redis cannot be asked");
                return;
        }
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; i < list.count; i++) {
                buffer_add_text(out, i ? ",{" : "{");
                job_add_fields(list.rows[i].id, list.rows[i].record, out);
                buffer_add_char(out, '}');
        }
        buffer_printf(out, "],\"complete\":%s,\"next\":", list.complete ? "true" : "false");
        const struct job_row *last = list.more ? &list.rows[list.count - 1] : NULL;
        if (last)
                buffer_add_json_string(out, slice_of(arena_printf(call->query->arena, "%" PRId64 "~%s",
                                                                  last->at_ms, last->id)));
        else
                buffer_add_text(out, "null");
        buffer_add_char(out, '}');
}
