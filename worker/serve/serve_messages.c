#include "core/broker/ladder.h"
#include "core/codec/json.h"
#include "core/codec/rfc3339.h"
#include "core/codec/traceparent.h"
#include "core/codec/tracestate.h"
#include "core/message/envelope.h"
#include "core/plan/plan.h"
#include "core/plan/registry.h"
#include "core/text/plain_text.h"
#include "core/text/word.h"
#include "handler.h"
#include "io/machine/clock.h"
#include "query/audit.h"
#include "query/publication.h"
#include "serve/postings.h"
#include "serve/serve.h"

#include <string.h>

/* POST /v1/messages. */

/* One member of the body that is text. */
static void read_text(const struct serve_call *call, const json_t *value, const char *name, const char **to,
                      struct faults *faults)
{
        struct slice text = json_text(value);
        if (!text.data)
                faults_add(faults, "/%s: expected text", name);
        else if (!plain_text_is(text, ENVELOPE_SUBJECT_MAX))
                faults_add(faults, "/%s: expected at most %d bytes without control characters", name,
                           ENVELOPE_SUBJECT_MAX);
        else
                *to = arena_copy(call->query->arena, text.data, text.len);
}

static void messages_read_members(const struct serve_call *call, json_t *body,
                                  struct publication *publication, struct faults *faults)
{
        const struct {
                const char *name, **to;
        } texts[] = {{"type", &publication->type},
                     {"id", &publication->id},
                     {"subject", &publication->subject},
                     {"deadline", &publication->deadline},
                     {"deliver_at", &publication->deliver_at},
                     {"key", &publication->key}};
        enum { TEXTS = sizeof(texts) / sizeof(*texts) };
        const char *name;
        json_t *value;
        json_object_foreach(body, name, value)
        {
                size_t i = 0;
                while (i < TEXTS && strcmp(texts[i].name, name) != 0)
                        i++;
                if (i < TEXTS)
                        read_text(call, value, name, texts[i].to, faults);
                else if (strcmp(name, "data") != 0)
                        faults_add(faults, "/%.60s: unknown member", name);
        }
}

static struct slice data_text(const struct serve_call *call, const json_t *data)
{
        struct buffer text = {0};
        json_write(&text, data, JSON_COMPACT | JSON_ENCODE_ANY);
        struct slice copy =
                arena_slice(call->query->arena, (struct slice){.data = text.data, .len = text.len});
        buffer_fini(&text);
        return copy;
}

static void message_check_times(const struct publication *publication, struct faults *faults)
{
        int64_t deadline_ms = 0, due_ms = 0;
        bool late = publication->deadline && rfc3339_parse(slice_of(publication->deadline), &deadline_ms);
        bool due = publication->deliver_at && rfc3339_parse(slice_of(publication->deliver_at), &due_ms);
        if (publication->deadline && !late)
                faults_add(faults, "/deadline: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z");
        if (publication->deliver_at && !due)
                faults_add(faults, "/deliver_at: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z");
        if (due && due_ms > clock_wall_ms() + LADDER_MAX_MS)
                faults_add(faults, "/deliver_at: expected at most 400 days ahead");
        if (due && late && deadline_ms <= due_ms)
                faults_add(faults, "/deadline: expected a time after deliver_at");
}

static void check_members(const struct publication *publication, struct faults *faults)
{
        if (!publication->type)
                faults_add(faults, "/type: required");
        if (!publication->data.data)
                faults_add(faults, "/data: required");
        if (publication->id && !envelope_id_valid(slice_of(publication->id)))
                faults_add(faults, "/id: expected 1 to %d of A-Z a-z 0-9 . _ : / -", ENVELOPE_ID_MAX);
        message_check_times(publication, faults);
        if (publication->key && strlen(publication->key) > PUBLICATION_KEY_MAX)
                faults_add(faults, "/key: expected at most %d bytes", PUBLICATION_KEY_MAX);
}

/* False: refused. */
static bool serve_messages_read_body(const struct serve_call *call, struct publication *publication)
{
        char cause[JSON_CAUSE_MAX];
        struct faults faults = {.arena = call->query->arena};
        json_t *body = json_parse(http_request_body(call->request), cause);
        if (json_is_object(body)) {
                messages_read_members(call, body, publication, &faults);
                const json_t *data = json_object_get(body, "data");
                if (data)
                        publication->data = data_text(call, data);
                check_members(publication, &faults);
        } else {
                faults_add(&faults, "%s", body ? "expected an object" : cause);
        }
        json_decref(body);
        if (faults.count > 0)
                serve_refuse_faults(call, "the message is not as it must be", "", &faults);
        return faults.count == 0;
}

/* What a worker would dead-letter is not published. False: refused. */
static bool check_payload(const struct serve_call *call, const struct publication *publication)
{
        struct faults faults = {.arena = call->query->arena};
        struct plan *plan;
        const struct handler *handler = type_set_find(call->types, slice_of(publication->type));
        if (!handler) {
                faults_add(&faults, "/type: no handler of this type; see /v1/types");
                serve_refuse_faults(call, "unknown_type", "", &faults);
                return false;
        }
        enum plan_outcome outcome = plan_build_text(handler, publication->data, &plan, &faults);
        bool good = outcome == PLAN_OK || outcome == PLAN_PLANNERS;
        if (!good)
                serve_refuse_faults(call,
                                    outcome == PLAN_REJECTED
                                            ? "rejected: its handler will not do it"
                                            : "bad_payload: it is not what the type asks for",
                                    "/data", &faults);
        return good;
}

/* Of the request, as a client under OpenTelemetry sends them: the message goes on in its trace. */
static void read_trace_headers(const struct serve_call *call, struct publication *publication)
{
        struct slice parent = slice_of(http_request_header(call->request, "traceparent"));
        struct slice state = slice_of(http_request_header(call->request, "tracestate"));
        char canonical[TRACEPARENT_SIZE];
        if (!parent.data || !traceparent_parse(parent, canonical))
                return;
        publication->traceparent = arena_strdup(call->query->arena, canonical);
        publication->tracestate = tracestate_read(call->query->arena, state);
}

static bool may_publish(const struct serve_call *call, const char *type)
{
        const struct config_texts *types = call->who->types;
        for (size_t i = 0; types && i < types->count; i++)
                if (strcmp(types->list[i], type) == 0)
                        return true;
        return !types || types->count == 0;
}

static void publish_new(const struct serve_call *call, const struct publication *publication)
{
        const char *publisher = call->who->token;
        if (audit_write(call->query, publisher, "publish", publication->id))
                postings_add(call->postings, call->request, publication, publisher);
        else
                serve_refuse_redis(call);
}

/* By what the record of the id says. */
static void publish_known(const struct serve_call *call, const struct publication *publication)
{
        switch (publication_look(call->query, publication, call->who->token)) {
        case PUBLICATION_NEW:
                publish_new(call, publication);
                break;
        case PUBLICATION_DUPLICATE:
                posting_accept(call->answer, publication->id, true);
                break;
        case PUBLICATION_OTHER:
                serve_refuse(call, 409, "id_conflict: the id is that of a message with other content");
                break;
        case PUBLICATION_FOREIGN:
                serve_refuse(call, 409, "the id is taken");
                break;
        case PUBLICATION_UNKNOWN:
                serve_refuse_redis(call);
                break;
        }
}

void serve_messages(const struct serve_call *call)
{
        struct publication publication = {.app_id = call->who->token};
        read_trace_headers(call, &publication);
        if (!serve_messages_read_body(call, &publication))
                return;
        if (!may_publish(call, publication.type)) {
                serve_refuse(call, 403, "the token may not publish this type");
                return;
        }
        if (!check_payload(call, &publication))
                return;
        publication.key = publication.key ? publication.key : publication.type;
        if (publication.id) {
                publish_known(call, &publication);
                return;
        }
        publication.id = publication_id(call->query->arena); /* nobody can know it yet */
        publish_new(call, &publication);
}
