#include "core/codec/json.h"
#include "core/plan/plan_json.h"
#include "core/plan/schema.h"
#include "core/serve/problem.h"
#include "handler.h"
#include "serve/serve.h"

#include <string.h>

void serve_types(const struct serve_call *call)
{
        struct buffer *out = &call->answer->body;
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; i < call->types->count; i++) {
                const struct handler *handler = call->types->table[i];
                buffer_add_text(out, i ? ",{\"type\":" : "{\"type\":");
                buffer_add_json_string(out, slice_of(handler->type));
                buffer_add_text(out, ",\"summary\":");
                buffer_add_json_string(out, slice_of(handler->summary));
                buffer_add_char(out, '}');
        }
        buffer_add_text(out, "],\"next\":null}");
}

/* NULL: refused. */
static const struct handler *handler_of(const struct serve_call *call)
{
        const struct handler *handler = type_set_find(call->types, slice_of(call->words[0]));
        if (!handler)
                serve_refuse(call, 404, "no handler of this type; see /v1/types");
        return handler;
}

void serve_type(const struct serve_call *call)
{
        struct buffer *out = &call->answer->body;
        const struct handler *handler = handler_of(call);
        if (!handler)
                return;
        buffer_add_text(out, "{\"type\":");
        buffer_add_json_string(out, slice_of(handler->type));
        buffer_add_text(out, ",\"summary\":");
        buffer_add_json_string(out, slice_of(handler->summary));
        buffer_printf(out, ",\"closed\":%s,\"example\":%s,\"schema\":", handler->closed ? "true" : "false",
                      handler->example);
        schema_render(out, handler, false);
        buffer_add_char(out, '}');
}

void serve_type_schema(const struct serve_call *call)
{
        const struct handler *handler = handler_of(call);
        if (!handler)
                return;
        schema_render(&call->answer->body, handler, false);
        call->answer->content_type = "application/schema+json";
}

/* The member `data` of {"data": ..} as a text. Absent: refused. */
static struct slice data_of(const struct serve_call *call)
{
        char cause[JSON_CAUSE_MAX];
        struct buffer text = {0};
        struct slice data = {0};
        json_t *body = json_parse(http_request_body(call->request), cause);
        const json_t *found = json_object_get(body, "data");
        if (!body)
                serve_refuse(call, 400, arena_strdup(call->query->arena, cause));
        else if (!found || json_object_size(body) != 1)
                serve_refuse(call, 400, "expected {\"data\": PAYLOAD} and no other member");
        else {
                json_write(&text, found, JSON_COMPACT | JSON_ENCODE_ANY);
                data = arena_slice(call->query->arena, (struct slice){.data = text.data, .len = text.len});
        }
        buffer_fini(&text);
        json_decref(body);
        return data;
}

void serve_type_plan(const struct serve_call *call)
{
        struct faults faults = {.arena = call->query->arena};
        struct plan *plan = NULL;
        const struct handler *handler = handler_of(call);
        struct slice data = handler ? data_of(call) : (struct slice){.data = NULL};
        if (!data.data)
                return;
        enum plan_outcome outcome = plan_build_text(handler, data, &plan, &faults);
        if (outcome == PLAN_OK) {
                plan_json(&call->answer->body, handler->type, plan);
                return;
        }
        call->answer->status = 400;
        call->answer->content_type = problem_content_type;
        problem_add_faults(&call->answer->body, 400,
                           outcome == PLAN_REJECTED ? "rejected: its handler will not do it"
                                                    : "bad_payload: it is not what the type asks for",
                           "/data", &faults);
}
