#include "core/codec/percent.h"
#include "core/codec/rfc3339.h"
#include "core/serve/problem.h"
#include "core/text/units.h"
#include "io/machine/clock.h"
#include "serve/serve.h"

#include <stdlib.h>

/* What the routes share: how they read a query, and refuse. */

void serve_refuse(const struct serve_call *call, int status, const char *detail)
{
        buffer_clear(&call->answer->body);
        call->answer->status = status;
        call->answer->content_type = problem_content_type;
        problem_add(&call->answer->body, status, detail);
}

void serve_refuse_faults(const struct serve_call *call, const char *detail, const char *root,
                         const struct faults *faults)
{
        call->answer->status = 400;
        call->answer->content_type = problem_content_type;
        problem_add_faults(&call->answer->body, 400, detail, root, faults);
}

void serve_refuse_redis(const struct serve_call *call)
{
        serve_refuse(call, 503, "Redis cannot be asked");
}

const char *serve_query(const struct serve_call *call, const char *name)
{
        const char *value = http_request_query(call->request, name);
        return value ? percent_decode(call->query->arena, slice_of(value), true) : NULL;
}

bool serve_read_limit(const struct serve_call *call, size_t *limit)
{
        enum { LIMIT = 50, LIMIT_MAX = 1000 };
        char *end;
        const char *text = serve_query(call, "limit");
        *limit = text ? strtoul(text, &end, 10) : LIMIT;
        if (!text || (text[0] >= '0' && text[0] <= '9' && !*end && *limit >= 1 && *limit <= LIMIT_MAX))
                return true;
        serve_refuse(call, 400, "limit: expected 1 to 1000");
        return false;
}

bool serve_read_since(const struct serve_call *call, int64_t *since_ms)
{
        int64_t ago_ms;
        const char *text = serve_query(call, "since");
        *since_ms = 0;
        if (!text || rfc3339_parse(slice_of(text), since_ms))
                return true;
        if (duration_parse(text, &ago_ms)) {
                *since_ms = clock_wall_ms() - ago_ms;
                return true;
        }
        serve_refuse(call, 400, "since: expected how long ago, as 2h, or a time, as 2026-01-31T12:00:00Z");
        return false;
}
