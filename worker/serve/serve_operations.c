#include "core/codec/json.h"
#include "query/audit.h"
#include "serve/work_kinds.h"

#include <string.h>

/* Operations that were begun, and the mending of one letter. */

/* False: refused. */
static bool serve_operations_find(const struct serve_call *call, const char *id, struct operation *operation)
{
        if (operation_find(call->query, id, operation))
                serve_refuse_redis(call);
        else if (!operation->id)
                serve_refuse(call, 404, "no such operation is known; they are kept for 7 days");
        else
                return true;
        return false;
}

void serve_operation(const struct serve_call *call)
{
        struct operation operation;
        if (serve_operations_find(call, call->words[0], &operation))
                operation_add_json(&operation, &call->answer->body);
}

void serve_operations(const struct serve_call *call)
{
        size_t limit;
        struct buffer *out = &call->answer->body;
        if (!serve_read_limit(call, &limit))
                return;
        const struct redis_value *ids = operations_latest(call->query, limit);
        if (ids->kind != REDIS_LIST) {
                serve_refuse_redis(call);
                return;
        }
        const char *between = "";
        buffer_add_text(out, "{\"items\":[");
        for (size_t i = 0; i < ids->count; i++) {
                struct operation operation;
                if (operation_find(call->query, query_text(call->query, ids->items[i].text), &operation) ||
                    !operation.id)
                        continue;
                buffer_add_text(out, between);
                operation_add_json(&operation, out);
                between = ",";
        }
        buffer_add_text(out, "],\"next\":null}");
}

void serve_stop(const struct serve_call *call)
{
        struct operation operation;
        if (!serve_operations_find(call, call->words[0], &operation))
                return;
        if (strcmp(operation.state, "running") == 0 &&
            (!audit_write(call->query, call->who->token, "stop", operation.id) ||
             !operation_ask_to_stop(call->query, operation.id)))
                serve_refuse_redis(call);
        else
                operation_add_json(&operation, &call->answer->body);
}

void serve_restore(const struct serve_call *call)
{
        struct operation dropped;
        if (!serve_operations_find(call, call->words[0], &dropped))
                return;
        int64_t kept = operation_kept(call->query, dropped.id);
        if (kept <= 0) {
                serve_refuse(
                        call, 409,
                        "no letter of it is kept: it dropped none, or they are back, or 7 days are over");
                return;
        }
        struct work *work = work_new(call->works, call->query, call->who->token);
        work->operation.kind = "restore";
        work->operation.queue = arena_strdup(&work->arena, dropped.queue);
        work->operation.total = kept;
        work->source = arena_strdup(&work->arena, dropped.id);
        work->run = work_restore;
        work->dlq.queue = work->operation.queue;
        work_answer(call, work);
}

/* ---- edit ---- */

struct mending {
        const struct serve_call *call;
        struct work *work;
        struct faults faults;
};

static struct slice payload_of(struct mending *mending, const json_t *value)
{
        struct buffer text = {0};
        json_write(&text, value, JSON_COMPACT | JSON_ENCODE_ANY);
        struct slice copy =
                arena_slice(&mending->work->arena, (struct slice){.data = text.data, .len = text.len});
        buffer_fini(&text);
        return copy;
}

static void read_body_text(struct mending *mending, const json_t *body)
{
        struct copy_edit *edit = &mending->work->edit;
        const json_t *data = json_object_get(body, "data"), *raw = json_object_get(body, "body");
        struct slice text = json_text(raw);
        if (data && raw)
                faults_add(&mending->faults, "/body: expected either data or body");
        else if (data)
                edit->body = payload_of(mending, data);
        else if (raw && !text.data)
                faults_add(&mending->faults, "/body: expected text");
        else if (raw)
                edit->body = arena_slice(&mending->work->arena, text);
}

static void operation_read_headers(struct mending *mending, json_t *headers)
{
        struct arena *arena = &mending->work->arena;
        struct copy_edit *edit = &mending->work->edit;
        size_t room = json_object_size(headers) + 1;
        struct header *set = arena_alloc(arena, room * sizeof(*set));
        const char **dropped = arena_alloc(arena, room * sizeof(*dropped)), *name;
        json_t *value;
        if (!json_is_object(headers) || room > 100)
                faults_add(&mending->faults, "/headers: expected an object of at most 99 members");
        json_object_foreach(headers, name, value)
        {
                if (strncmp(name, "x-leveret-", 10) == 0 || strlen(name) > 255)
                        faults_add(&mending->faults, "/headers/%.60s: not one that can be changed", name);
                else if (json_is_null(value))
                        dropped[edit->dropped_count++] = arena_strdup(arena, name);
                else if (!header_read(arena, arena_strdup(arena, name), value, &set[edit->set_count++], 0))
                        faults_add(&mending->faults, "/headers/%.60s: expected text, a number or null", name);
        }
        edit->set = set;
        edit->dropped = dropped;
}

static void read_word(struct mending *mending, const json_t *body, const char *name, const char **to)
{
        const json_t *value = json_object_get(body, name);
        struct slice text = json_text(value);
        if (value && text.len == 0)
                faults_add(&mending->faults, "/%s: expected text", name);
        else if (value)
                *to = arena_copy(&mending->work->arena, text.data, text.len);
}

static void read_edit(struct mending *mending, json_t *body)
{
        static const char known[] = " data body type id headers ";
        const char *name;
        json_t *value;
        json_object_foreach(body, name, value)
        {
                const char *word = arena_printf(&mending->work->arena, " %s ", name);
                if (!strstr(known, word))
                        faults_add(&mending->faults, "/%.60s: unknown member", name);
        }
        if (json_object_size(body) == 0)
                faults_add(&mending->faults,
                           "expected an object of data or body, type, id, headers; to send it as it is: "
                           "/v1/dead/{queue}/redrive");
        read_body_text(mending, body);
        read_word(mending, body, "type", &mending->work->edit.type);
        read_word(mending, body, "id", &mending->work->edit.id);
        if (mending->work->edit.id && !envelope_id_valid(slice_of(mending->work->edit.id)))
                faults_add(&mending->faults, "/id: expected 1 to %d of A-Z a-z 0-9 . _ : / -",
                           ENVELOPE_ID_MAX);
        if (json_object_get(body, "headers"))
                operation_read_headers(mending, json_object_get(body, "headers"));
}

static bool read_edit_body(struct mending *mending)
{
        char cause[JSON_CAUSE_MAX];
        json_t *body = json_parse(http_request_body(mending->call->request), cause);
        if (body)
                read_edit(mending, body);
        else
                faults_add(&mending->faults, "%s", cause);
        json_decref(body);
        if (mending->faults.count > 0)
                serve_refuse_faults(mending->call, "the request is not as it must be", "", &mending->faults);
        return mending->faults.count == 0;
}

/* The one letter of the path. False: refused. */
static bool choose_letter(const struct serve_call *call, struct work *work)
{
        const char **ids = arena_alloc(&work->arena, sizeof(*ids));
        ids[0] = arena_strdup(&work->arena, call->words[1]);
        work->dlq.ids = ids;
        work->dlq.id_count = 1;
        int status = dlq_index_load(&work->dlq);
        if (status == DLQ_OK && !dlq_index_find(&work->dlq, ids[0]))
                status = dlq_fail(&work->dlq, DLQ_NOT_FOUND, "no such dead letter is known of this queue");
        if (status == DLQ_OK)
                status = dlq_index_choose(&work->dlq);
        if (status != DLQ_OK)
                work_refuse(call, work, status);
        return status == DLQ_OK;
}

void serve_edit(const struct serve_call *call)
{
        struct work *work = work_on_queue(call, "edit");
        if (!work)
                return;
        struct mending mending = {.call = call, .work = work, .faults = {.arena = call->query->arena}};
        work->run = work_edit;
        work->operation.total = 1;
        bool good = read_edit_body(&mending) && choose_letter(call, work);
        if (good && !work->dlq.target) {
                serve_refuse(call, 409, "letters that no queue took have no work queue of their own");
                good = false;
        }
        if (good && work_queue_is_free(call, work))
                work_answer(call, work);
        else
                work_free(work);
}
