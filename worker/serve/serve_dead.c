#include "core/broker/topology.h"
#include "core/text/json_member.h"
#include "io/machine/clock.h"
#include "query/jobs.h"
#include "query/letters_tally.h"
#include "query/pause.h"
#include "serve/live/tallies.h"
#include "serve/serve.h"

#include <inttypes.h>
#include <string.h>

/* Which letters the query asks for. False: refused. */
static bool dead_read_filter(const struct serve_call *call, struct letter_filter *filter)
{
        const char *queue = call->words[0];
        *filter = (struct letter_filter){.type = serve_query(call, "type"),
                                         .reason = serve_query(call, "reason"),
                                         .subject = serve_query(call, "subject"),
                                         .search = serve_query(call, "search")};
        if (!query_has_queue(call->query->config, queue) && strcmp(queue, QUEUE_UNROUTED) != 0) {
                serve_refuse(call, 404, "no such queue is configured; see /v1/queues");
                return false;
        }
        return serve_read_since(call, &filter->since_ms);
}

struct listing {
        struct buffer *out;
        struct arena *arena;
        size_t limit, count;
        const char *last; /* the cursor of the last that is listed */
        bool more;
};

static bool dead_list_one(void *context, const struct letter_entry *entry)
{
        struct listing *listing = context;
        listing->more = listing->count == listing->limit;
        if (listing->more)
                return false;
        buffer_add_text(listing->out, listing->count++ ? "," : "");
        letter_add_json(entry, listing->out);
        if (listing->count == listing->limit)
                listing->last = letters_cursor(listing->arena, entry);
        return true;
}

void serve_dead(const struct serve_call *call)
{
        struct letter_filter filter;
        struct letters_walked walked;
        struct buffer *out = &call->answer->body;
        struct listing listing = {.out = out, .arena = call->query->arena};
        if (!serve_read_limit(call, &listing.limit) || !dead_read_filter(call, &filter))
                return;
        const struct letters_walk walk = {.queue = call->words[0],
                                          .filter = &filter,
                                          .cursor = serve_query(call, "cursor"),
                                          .at_once = listing.limit + 1,
                                          .until_ms = clock_boot_ms() + LETTERS_WALK_MS,
                                          .take = dead_list_one,
                                          .context = &listing};
        buffer_add_text(out, "{\"items\":[");
        if (letters_walk(call->query, &walk, &walked)) {
                serve_refuse_redis(call);
                return;
        }
        const char *next = walked.over ? NULL : walked.cursor;
        if (listing.more)
                next = listing.last;
        buffer_add_text(out, "],\"next\":");
        if (next)
                buffer_add_json_string(out, slice_of(next));
        else
                buffer_add_text(out, "null");
        buffer_add_char(out, '}');
}

static void add_groups(const struct letter_group *groups, size_t count, struct buffer *out)
{
        for (size_t i = 0; i < count; i++) {
                const struct letter_group *group = &groups[i];
                buffer_printf(out, "%s{\"count\":%zu,\"first_ms\":%" PRId64 ",\"last_ms\":%" PRId64,
                              i ? "," : "", group->count, group->first_ms, group->last_ms);
                json_member_given(out, "type", slice_of(group->type));
                json_member_given(out, "reason", slice_of(group->reason));
                json_member_given(out, "error", slice_of(group->shape));
                json_member_given(out, "app_id", slice_of(group->app));
                json_member_given(out, "routing_key", slice_of(group->key));
                json_member_given(out, "example", slice_of(group->example));
                buffer_add_char(out, '}');
        }
}

void serve_add_groups(const struct query *query, const struct letters *letters, struct buffer *out)
{
        struct letter_group *groups;
        size_t count = letters_group(query, letters, &groups);
        add_groups(groups, count, out);
}

/* What was counted before holds for who asks the same; not for "the last two hours", which move. */
static const char *asked_of(const struct serve_call *call, const struct letter_filter *filter)
{
        struct buffer words = {0};
        const char *const parts[] = {call->words[0], filter->type, filter->reason, filter->subject,
                                     filter->search};
        if (filter->since_ms > 0)
                return NULL;
        for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
                buffer_add_json_string(&words, slice_of(parts[i] ? parts[i] : ""));
                buffer_add_text(&words, parts[i] ? "+" : "-");
        }
        const char *asked = arena_copy(call->query->arena, words.data, words.len);
        buffer_fini(&words);
        return asked;
}

void serve_dead_groups(const struct serve_call *call)
{
        struct letter_filter filter;
        struct letters_counted counted;
        struct buffer *out = &call->answer->body;
        if (!dead_read_filter(call, &filter))
                return;
        struct tally_slot *slot = tallies_take(call->tallies, asked_of(call, &filter));
        if (letters_tally_count(tally_of(slot), call->query, call->words[0], &filter, &counted)) {
                serve_refuse_redis(call);
        } else {
                buffer_add_text(out, "{\"items\":[");
                add_groups(counted.groups, counted.count, out);
                buffer_printf(out, "],\"next\":null,\"complete\":%s,\"letters\":%" PRId64 "}",
                              counted.complete ? "true" : "false", counted.letters);
        }
        tallies_give(call->tallies, slot);
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
