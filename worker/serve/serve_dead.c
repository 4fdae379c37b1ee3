#include "core/broker/topology.h"
#include "query/jobs.h"
#include "query/letters.h"
#include "query/pause.h"
#include "serve/serve.h"

#include <inttypes.h>
#include <string.h>

/* Those that the query asks for are `wanted`. False: refused. */
static bool choose(const struct serve_call *call, struct letters *letters)
{
        const char *queue = call->words[0];
        struct letter_filter filter = {.type = serve_query(call, "type"),
                                       .reason = serve_query(call, "reason"),
                                       .subject = serve_query(call, "subject"),
                                       .search = serve_query(call, "search")};
        if (!query_has_queue(call->query->config, queue) && strcmp(queue, QUEUE_UNROUTED) != 0) {
                serve_refuse(call, 404, "no such queue is configured; see /v1/queues");
                return false;
        }
        if (!serve_read_since(call, &filter.since_ms))
                return false;
        if (letters_load(call->query, queue, letters)) {
                serve_refuse_redis(call);
                return false;
        }
        for (size_t i = 0; i < letters->count; i++)
                letters->entries[i].wanted = letter_passes(call->query, &letters->entries[i], &filter);
        return true;
}

/* Where the page begins: behind the letter that the cursor names; 0 if that is gone. */
static size_t first_of(const struct letters *letters, const char *cursor)
{
        for (size_t i = 0; cursor && i < letters->count; i++)
                if (strcmp(letters->entries[i].dead_id, cursor) == 0)
                        return i + 1;
        return 0;
}

/* Adds at most `limit` from `first` on. The last of them if there are more behind it, else NULL. */
static const struct letter_entry *add_page(struct buffer *out, const struct letters *letters, size_t first,
                                           size_t limit)
{
        const struct letter_entry *last = NULL;
        size_t count = 0;
        for (size_t i = first; i < letters->count; i++) {
                const struct letter_entry *entry = &letters->entries[i];
                if (!entry->wanted)
                        continue;
                if (count == limit)
                        return last;
                buffer_add_text(out, count++ ? "," : "");
                letter_add_json(entry, out);
                last = entry;
        }
        return NULL;
}

void serve_dead(const struct serve_call *call)
{
        struct letters letters;
        size_t limit;
        struct buffer *out = &call->answer->body;
        if (!serve_read_limit(call, &limit) || !choose(call, &letters))
                return;
        buffer_add_text(out, "{\"items\":[");
        const struct letter_entry *last =
                add_page(out, &letters, first_of(&letters, serve_query(call, "cursor")), limit);
        buffer_add_text(out, "],\"next\":");
        if (last)
                buffer_add_json_string(out, slice_of(last->dead_id));
        else
                buffer_add_text(out, "null");
        buffer_add_char(out, '}');
}

static void add_text(struct buffer *out, const char *name, const char *text)
{
        buffer_printf(out, ",\"%s\":", name);
        if (text[0])
                buffer_add_json_string(out, slice_of(text));
        else
                buffer_add_text(out, "null");
}

void serve_add_groups(const struct query *query, const struct letters *letters, struct buffer *out)
{
        struct letter_group *groups;
        size_t count = letters_group(query, letters, &groups);
        for (size_t i = 0; i < count; i++) {
                const struct letter_group *group = &groups[i];
                buffer_printf(out, "%s{\"count\":%zu,\"first_ms\":%" PRId64 ",\"last_ms\":%" PRId64,
                              i ? "," : "", group->count, group->first_ms, group->last_ms);
                add_text(out, "type", group->type);
                add_text(out, "reason", group->reason);
                add_text(out, "error", group->shape);
                add_text(out, "app_id", group->app);
                add_text(out, "routing_key", group->key);
                add_text(out, "example", group->example);
                buffer_add_char(out, '}');
        }
}

void serve_dead_groups(const struct serve_call *call)
{
        struct letters letters;
        struct buffer *out = &call->answer->body;
        if (!choose(call, &letters))
                return;
        buffer_add_text(out, "{\"items\":[");
        serve_add_groups(call->query, &letters, out);
        buffer_add_text(out, "],\"next\":null}");
}

void serve_dead_letter(const struct serve_call *call)
{
        struct buffer *out = &call->answer->body;
        const struct redis_value *hash = letter_find(call->query, call->words[1]);
        struct slice id = redis_value_field(hash, "id");
        if (hash->kind == REDIS_FAILED) {
                serve_refuse_redis(call);
                return;
        }
        if (hash->count == 0 || !slice_is(redis_value_field(hash, "queue"), call->words[0])) {
                serve_refuse(call, 404, "no such dead letter is known of this queue");
                return;
        }
        buffer_add_text(out, "{\"dead_id\":");
        buffer_add_json_string(out, slice_of(call->words[1]));
        letter_add_fields(hash, out);
        buffer_add_text(out, ",\"events\":");
        if (id.len > 0)
                job_add_timeline(call->query, query_text(call->query, id), out);
        else
                buffer_add_text(out, "[]");
        buffer_add_char(out, '}');
}
