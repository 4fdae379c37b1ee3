#include "core/codec/json.h"
#include "core/plan/plan_json.h"
#include "core/plan/schema.h"
#include "core/serve/problem.h"
#include "core/text/word.h"
#include "core/types/declared_type.h"
#include "core/types/planned_type.h"
#include "handler.h"
#include "io/plan/planner_once.h"
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

struct locales {
        struct buffer *out;
        size_t first; /* where the list begins in it */
};

static void add_locale(void *context, const char *locale)
{
        struct locales *locales = context;
        struct buffer word = {0};
        buffer_add_json_string(&word, slice_of(locale));
        const struct buffer *out = locales->out;
        if (!memmem(out->data + locales->first, out->len - locales->first, word.data, word.len)) {
                buffer_add_char(locales->out, ',');
                buffer_add_slice(locales->out, (struct slice){.data = word.data, .len = word.len});
        }
        buffer_fini(&word);
}

/* ["","de"]: the neutral one first; [] if it chooses none. */
static void add_locales(struct buffer *out, const struct handler *handler)
{
        struct locales locales = {.out = out, .first = out->len};
        buffer_add_text(out, "[\"\"");
        declared_type_languages(handler, add_locale, &locales);
        if (out->len == locales.first + 3)
                out->len = locales.first + 1;
        buffer_add_char(out, ']');
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
        buffer_printf(out, ",\"closed\":%s,\"example\":%s,\"locales\":", bool_word(handler->closed),
                      handler->example);
        add_locales(out, handler);
        buffer_add_text(out, ",\"schema\":");
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

struct asked {
        json_t *body;
        const json_t *data;
        const char *locale; /* or NULL */
};

/* {"data": ..} or {"data": .., "locale": TEXT}; the caller owns the body. False: refused. */
static bool read_asked(const struct serve_call *call, struct asked *asked)
{
        char cause[JSON_CAUSE_MAX];
        asked->body = json_parse(http_request_body(call->request), cause);
        asked->data = json_object_get(asked->body, "data");
        const json_t *locale = json_object_get(asked->body, "locale");
        struct slice text = json_text(locale);
        asked->locale = text.data ? arena_copy(call->query->arena, text.data, text.len) : NULL;
        if (!asked->body)
                serve_refuse(call, 400, arena_strdup(call->query->arena, cause));
        else if (!asked->data || (locale && !text.data) || json_object_size(asked->body) != (locale ? 2 : 1))
                serve_refuse(call, 400,
                             "expected {\"data\": PAYLOAD}, perhaps with \"locale\": TEXT, and no "
                             "other member");
        else
                return true;
        return false;
}

void serve_plan(const struct serve_call *call, const struct handler *handler, const struct serve_payload *of)
{
        struct faults faults = {.arena = call->query->arena};
        struct plan *plan = NULL;
        struct buffer text = {0};
        enum plan_outcome outcome =
                of->locale ? declared_type_preview(handler, of->data, of->locale, &plan, &faults)
                           : plan_anyhow(handler, of->data, &plan, &faults);
        static const char *const details[] = {
                [PLAN_BAD_PAYLOAD] = "bad_payload: it is not what the type asks for",
                [PLAN_REJECTED] = "rejected: its handler will not do it",
                [PLAN_BAD_PLAN] = "bad_plan: what its planner answers is no plan",
                [PLAN_PLANNERS] = "its planner gives no plan"};
        if (outcome != PLAN_OK) {
                serve_refuse_faults(call, details[outcome], "/data", &faults);
                return;
        }
        plan_json(&text, handler->type, plan);
        if (of->from)
                buffer_printf(&call->answer->body, "{\"from\":\"%s\",\"data\":%.*s,", of->from,
                              SLICE_PRINT(of->text));
        size_t brace = of->from ? 1 : 0; /* the plan's own, if there is one already */
        buffer_add_slice(&call->answer->body,
                         (struct slice){.data = text.data + brace, .len = text.len - brace});
        buffer_fini(&text);
}

void serve_type_plan(const struct serve_call *call)
{
        struct asked asked = {0};
        const struct handler *handler = handler_of(call);
        if (!handler)
                return;
        bool read = read_asked(call, &asked);
        if (read && asked.locale && (!handler->kind || handler_is_planned(handler)))
                serve_refuse(call, 400, "locale: this type chooses its language itself");
        else if (read)
                serve_plan(call, handler,
                           &(struct serve_payload){.data = asked.data, .locale = asked.locale});
        json_decref(asked.body);
}
