#include "cli/dlq/dlq.h"
#include "core/job/reason.h"
#include "core/message/topology.h"
#include "core/record/keys.h"
#include "core/record/letter.h"
#include "io/amqp/amqp_admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entries a request; each request is answered within the time-out of Redis. */
#define PAGE 1000

/* Of each entry: its dead id, then the fields that lists show. */
enum { FIELD_COUNT = 1 + LETTER_LISTED };

static void entry_fill(struct arena *arena, struct dlq_entry *entry, const struct redis_value *values)
{
        struct slice texts[LETTER_LISTED];
        for (int i = 0; i < LETTER_LISTED; i++)
                texts[i] = values[1 + i].text;
        struct letter_record letter;
        letter_record_read(&letter, texts);
        *entry = (struct dlq_entry){
                .dead_id = arena_copy(arena, values[0].text.data, values[0].text.len),
                .id = arena_copy(arena, letter.id.data ? letter.id.data : "", letter.id.len),
                .type = letter.type,
                .reason = letter.reason,
                .error = letter.error,
                .failed_ms = letter.failed_ms,
                .first_seen_ms = letter.first_seen_ms,
                .attempt = letter.attempt,
                .redrives = letter.redrives,
                .size = letter.size,
                .copies = letter.copies > 1 ? letter.copies : 1,
                .subject = letter.subject,
                .app_id = letter.app_id,
                .routing_key = letter.routing_key,
                .message_id = letter.message_id,
                .deadline_ms = letter.deadline_ms,
        };
}

/* SORT joins the set with the hashes in one request; a cluster refuses that, then each hash is asked for. */
static const struct redis_value *page_sorted(struct dlq *dlq, const char *set, size_t from)
{
        struct arena *arena = &dlq->cli->arena;
        struct slice words[7 + 2 * FIELD_COUNT] = {SLICE_LITERAL("SORT"),
                                                   slice_of(set),
                                                   SLICE_LITERAL("BY"),
                                                   SLICE_LITERAL("nosort"),
                                                   SLICE_LITERAL("LIMIT"),
                                                   slice_of(arena_printf(arena, "%zu", from)),
                                                   slice_of(arena_printf(arena, "%d", PAGE))};
        size_t count = 7;
        words[count++] = SLICE_LITERAL("GET");
        words[count++] = SLICE_LITERAL("#");
        const char *hash = record_key(arena, dlq->cli->config->redis.prefix, KEY_LETTER, "*");
        for (int i = 0; i < LETTER_LISTED; i++) {
                words[count++] = SLICE_LITERAL("GET");
                words[count++] = slice_of(arena_printf(arena, "%s->%s", hash, letter_field(i)));
        }
        return redis_sync_run(dlq->redis, arena, words, count);
}

static void fetch_one(struct dlq *dlq, const struct redis_value *dead_id, struct redis_value *into)
{
        struct arena *arena = &dlq->cli->arena;
        const char *key = record_key(arena, dlq->cli->config->redis.prefix, KEY_LETTER,
                                     arena_copy(arena, dead_id->text.data, dead_id->text.len));
        struct slice words[2 + LETTER_LISTED] = {SLICE_LITERAL("HMGET"), slice_of(key)};
        for (int i = 0; i < LETTER_LISTED; i++)
                words[2 + i] = slice_of(letter_field(i));
        const struct redis_value *reply = redis_sync_run(dlq->redis, arena, words, 2 + LETTER_LISTED);
        into[0] = *dead_id;
        for (size_t i = 0; i + 1 < FIELD_COUNT && i < reply->count; i++)
                into[i + 1] = reply->items[i];
}

static const struct redis_value *page_single(struct dlq *dlq, const char *set, size_t from)
{
        struct arena *arena = &dlq->cli->arena;
        const struct redis_value *ids =
                redis_sync_call(dlq->redis, arena, "ZRANGE", set, arena_printf(arena, "%zu", from),
                                arena_printf(arena, "%zu", from + PAGE - 1), NULL);
        if (ids->kind != REDIS_LIST)
                return ids;
        struct redis_value *page = arena_alloc(arena, sizeof(*page));
        page->kind = REDIS_LIST;
        page->count = ids->count * FIELD_COUNT;
        page->items = arena_alloc(arena, page->count * sizeof(*page->items));
        for (size_t i = 0; i < ids->count; i++)
                fetch_one(dlq, &ids->items[i], &page->items[i * FIELD_COUNT]);
        return page;
}

static void add_page(struct dlq *dlq, const struct redis_value *page)
{
        size_t more = page->count / FIELD_COUNT;
        if (dlq->count + more > dlq->capacity) {
                dlq->capacity = 2 * (dlq->count + more);
                struct dlq_entry *entries = arena_alloc(&dlq->cli->arena, dlq->capacity * sizeof(*entries));
                if (dlq->count > 0)
                        memcpy(entries, dlq->entries, dlq->count * sizeof(*entries));
                dlq->entries = entries;
        }
        for (size_t i = 0; i < more; i++)
                entry_fill(&dlq->cli->arena, &dlq->entries[dlq->count++], &page->items[i * FIELD_COUNT]);
}

static int compare_dead_ids(const void *a, const void *b)
{
        const struct dlq_entry *const *left = a, *const *right = b;
        return strcmp((*left)->dead_id, (*right)->dead_id);
}

int dlq_index_load(struct dlq *dlq)
{
        struct arena *arena = &dlq->cli->arena;
        const char *set = record_key(arena, dlq->cli->config->redis.prefix, KEY_DEAD, dlq->queue);
        for (;;) {
                size_t before = dlq->count;
                const struct redis_value *page = page_sorted(dlq, set, before);
                if (page->kind != REDIS_LIST)
                        page = page_single(dlq, set, before);
                if (page->kind != REDIS_LIST)
                        return cli_fail(dlq->cli, CLI_ERROR, "Redis: %s", cli_safe(dlq->cli, page->text));
                add_page(dlq, page);
                if (dlq->count - before < PAGE)
                        break;
        }
        dlq->by_dead_id = arena_alloc(arena, dlq->count * sizeof(struct dlq_entry *));
        for (size_t i = 0; i < dlq->count; i++)
                dlq->by_dead_id[i] = &dlq->entries[i];
        if (dlq->count > 0)
                qsort(dlq->by_dead_id, dlq->count, sizeof(struct dlq_entry *), compare_dead_ids);
        return CLI_OK;
}

struct dlq_entry *dlq_index_find(const struct dlq *dlq, const char *dead_id)
{
        struct dlq_entry key = {.dead_id = dead_id}, *wanted = &key;
        struct dlq_entry **found = dlq->count == 0 ? NULL
                                                   : bsearch(&wanted, dlq->by_dead_id, dlq->count,
                                                             sizeof(struct dlq_entry *), compare_dead_ids);
        return found ? *found : NULL;
}

const struct dlq_entry *dlq_index_meet(struct dlq *dlq, const char *dead_id)
{
        struct dlq_entry *entry = dlq_index_find(dlq, dead_id);
        if (entry && ++entry->met <= entry->copies)
                dlq->met += entry->wanted;
        return entry;
}

void dlq_index_pass(struct dlq *dlq, const struct dlq_entry *entry)
{
        if (entry && entry->wanted)
                dlq->met--;
}

bool dlq_index_is_chosen(const struct dlq *dlq, const struct dlq_entry *entry)
{
        return dlq->wanted == 0 || (entry && entry->wanted && entry->met <= entry->copies);
}

bool dlq_has_filter(const struct dlq *dlq)
{
        return dlq->type || dlq->reason || dlq->search || dlq->subject || dlq->since;
}

static bool contains(struct slice text, const char *part)
{
        return text.len > 0 && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

/* The heads are not loaded with the index: at 16 KiB each they would be most of it. */
static bool head_contains(const struct dlq *dlq, const struct dlq_entry *entry)
{
        struct arena arena;
        arena_init(&arena);
        const char *key = record_key(&arena, dlq->cli->config->redis.prefix, KEY_LETTER, entry->dead_id);
        const struct redis_value *head = redis_sync_call(dlq->redis, &arena, "HGET", key, "head", NULL);
        bool found = head->kind == REDIS_TEXT && contains(head->text, dlq->search);
        arena_fini(&arena);
        return found;
}

static bool is_found(const struct dlq *dlq, const struct dlq_entry *entry)
{
        return contains(entry->error, dlq->search) || contains(slice_of(entry->id), dlq->search) ||
               contains(entry->type, dlq->search) || contains(entry->subject, dlq->search) ||
               head_contains(dlq, entry);
}

static bool passes(const struct dlq *dlq, const struct dlq_entry *entry)
{
        return (!dlq->type || slice_is(entry->type, dlq->type)) &&
               (!dlq->reason || slice_is(entry->reason, dlq->reason)) &&
               (!dlq->subject || slice_is(entry->subject, dlq->subject)) &&
               (!dlq->since || entry->failed_ms >= dlq->since_ms) && (!dlq->search || is_found(dlq, entry));
}

/* Every death of that id, or the one death. */
static bool choose_id(struct dlq *dlq, const char *word)
{
        bool known = false;
        for (size_t i = 0; i < dlq->count; i++)
                if (strcmp(dlq->entries[i].dead_id, word) == 0 || strcmp(dlq->entries[i].id, word) == 0)
                        known = dlq->entries[i].wanted = true;
        if (!known)
                cli_fail(dlq->cli, CLI_NOT_FOUND,
                         "%s: no dead letter of %s has this id or dead id; if the broker made it: leveret "
                         "dlq sync %s",
                         cli_safe(dlq->cli, slice_of(word)), dlq->queue, dlq->queue);
        return known;
}

int dlq_index_choose(struct dlq *dlq)
{
        if (dlq->reason && reason_parse(dlq->reason) == REASON_NONE && strcmp(dlq->reason, "unrouted") != 0)
                return cli_fail(dlq->cli, CLI_NOT_FOUND,
                                "--reason %s: there is no such reason; see leveret dlq groups %s",
                                cli_safe(dlq->cli, slice_of(dlq->reason)), dlq->queue);
        for (size_t i = 0; i < dlq->id_count; i++)
                if (!choose_id(dlq, dlq->ids[i]))
                        return CLI_NOT_FOUND;
        dlq->wanted = 0;
        dlq->wanted_messages = 0;
        for (size_t i = 0; i < dlq->count; i++) {
                struct dlq_entry *entry = &dlq->entries[i];
                entry->wanted = (dlq->id_count == 0 || entry->wanted) && passes(dlq, entry);
                dlq->wanted += entry->wanted;
                dlq->wanted_messages += entry->wanted ? entry->copies : 0;
        }
        if (dlq->wanted == 0 && (dlq_has_filter(dlq) || dlq->id_count > 0))
                return cli_fail(dlq->cli, CLI_NOT_FOUND, "no dead letter of %s matches (the index holds %zu)",
                                dlq->queue, dlq->count);
        return CLI_OK;
}

int64_t dlq_index_goal(const struct dlq *dlq)
{
        bool limited = dlq->limit_count > 0 && dlq->limit_count < dlq->wanted_messages;
        return limited ? dlq->limit_count : dlq->wanted_messages;
}

/* Messages, not entries. */
static int64_t count_indexed(const struct dlq *dlq)
{
        int64_t count = 0;
        for (size_t i = 0; i < dlq->count; i++)
                count += dlq->entries[i].copies;
        return count;
}

void dlq_index_hint(struct dlq *dlq)
{
        struct queue_depth depth = {.name = dlq->source};
        struct amqp_error error = {0};
        const char *owner = dlq_lock_owner(dlq);
        int64_t indexed = count_indexed(dlq);
        if (!amqp_queue_depths(dlq->cli->config, &depth, 1, &error))
                return;
        if (!depth.exists)
                fprintf(stderr, "the broker has no queue %s; leveret topology apply declares it\n",
                        dlq->source);
        else if (depth.messages != indexed && owner)
                fprintf(stderr,
                        "%s holds %" PRIu32 " ready messages, the index %" PRId64 ": %s works on it\n",
                        dlq->source, depth.messages, indexed, owner);
        else if (depth.messages != indexed)
                fprintf(stderr,
                        "%s holds %" PRIu32 " ready messages, the index %" PRId64
                        "; leveret dlq sync %s makes them agree\n",
                        dlq->source, depth.messages, indexed, dlq->queue);
}

void dlq_index_add(struct dlq *dlq, struct arena *arena, const struct letter *letter,
                   const struct message *message, int64_t failed_ms)
{
        const char *prefix = dlq->cli->config->redis.prefix;
        struct own_headers own;
        struct envelope envelope;
        own_headers_read_dead(message, &own);
        envelope_read(arena, message, dlq->cli->config->max_body, &envelope);
        bool by_worker = !letter->broker_made && own.worker.data;
        struct letter_record record = {
                .id = slice_of(letter->id),
                .type = slice_of(letter->type),
                .queue = slice_of(dlq->queue),
                .reason = slice_of(letter->reason),
                .error = slice_of(letter->error),
                .failed_ms = failed_ms,
                .first_seen_ms = letter->first_seen_ms >= 0 ? letter->first_seen_ms : 0,
                .attempt = own.generation.attempt,
                .deferrals = own.generation.deferrals,
                .redrives = letter->redrives,
                .worker = by_worker ? own.worker : SLICE_LITERAL("broker"),
        };
        letter_record_message(&record, message, &envelope, &own);
        struct slice set[LETTER_WORDS];
        letter_record_set(arena, prefix, letter->dead_id, &record, set);
        struct slice add[] = {
                SLICE_LITERAL("ZADD"),
                slice_of(record_key(arena, prefix, KEY_DEAD, dlq->queue)),
                slice_of(arena_printf(arena, "%" PRId64, failed_ms)),
                slice_of(letter->dead_id),
        };
        redis_sync_queue(dlq->redis, set, CLI_COUNT(set));
        redis_sync_queue(dlq->redis, add, CLI_COUNT(add));
}

void dlq_index_remove(struct dlq *dlq, const char *const *dead_ids, size_t count)
{
        if (count == 0)
                return;
        struct arena arena;
        arena_init(&arena);
        const char *prefix = dlq->cli->config->redis.prefix;
        struct slice *remove = arena_alloc(&arena, (count + 2) * sizeof(*remove));
        remove[0] = SLICE_LITERAL("ZREM");
        remove[1] = slice_of(record_key(&arena, prefix, KEY_DEAD, dlq->queue));
        for (size_t i = 0; i < count; i++)
                remove[i + 2] = slice_of(dead_ids[i]);
        redis_sync_run(dlq->redis, &arena, remove, count + 2);
        remove[1] = SLICE_LITERAL("DEL");
        for (size_t i = 0; i < count; i++)
                remove[i + 2] = slice_of(record_key(&arena, prefix, KEY_LETTER, dead_ids[i]));
        redis_sync_run(dlq->redis, &arena, remove + 1, count + 1);
        arena_fini(&arena);
}
