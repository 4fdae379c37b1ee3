#include "query/letters.h"
#include "core/record/keys.h"
#include "core/record/letter.h"
#include "core/text/error_shape.h"
#include "core/text/json_member.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Entries a request; each request is answered within the time-out of Redis. */
#define PAGE 1000

/* Of each entry: its dead id, the fields that lists show, then perhaps the head of its body. */
enum { FIELD_COUNT = 1 + LETTER_LISTED };

static size_t stride_of(const struct letters_part *part)
{
        return FIELD_COUNT + (part->heads ? 1 : 0);
}

static void entry_fill(struct arena *arena, struct letter_entry *entry, const struct redis_value *values)
{
        struct slice texts[LETTER_LISTED];
        for (int i = 0; i < LETTER_LISTED; i++)
                texts[i] = values[1 + i].text;
        struct letter_record letter;
        letter_record_read(&letter, texts);
        *entry = (struct letter_entry){
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
static const struct redis_value *page_sorted(const struct query *query, const char *set,
                                             const struct letters_part *part)
{
        struct arena *arena = query->arena;
        struct slice words[9 + 2 * FIELD_COUNT] = {SLICE_LITERAL("SORT"),
                                                   slice_of(set),
                                                   SLICE_LITERAL("BY"),
                                                   SLICE_LITERAL("nosort"),
                                                   SLICE_LITERAL("LIMIT"),
                                                   slice_of(arena_printf(arena, "%zu", part->from)),
                                                   slice_of(arena_printf(arena, "%zu", part->count))};
        size_t count = 7;
        words[count++] = SLICE_LITERAL("GET");
        words[count++] = SLICE_LITERAL("#");
        const char *hash = record_key(arena, query->config->redis.prefix, KEY_LETTER, "*");
        for (int i = 0; i < LETTER_LISTED; i++) {
                words[count++] = SLICE_LITERAL("GET");
                words[count++] = slice_of(arena_printf(arena, "%s->%s", hash, letter_field(i)));
        }
        if (part->heads) {
                words[count++] = SLICE_LITERAL("GET");
                words[count++] = slice_of(arena_printf(arena, "%s->head", hash));
        }
        return redis_sync_run(query->redis, arena, words, count);
}

static void fetch_one(const struct query *query, const struct redis_value *dead_id, struct redis_value *into,
                      size_t stride)
{
        struct arena *arena = query->arena;
        const char *key = record_key(arena, query->config->redis.prefix, KEY_LETTER,
                                     arena_copy(arena, dead_id->text.data, dead_id->text.len));
        struct slice words[3 + LETTER_LISTED] = {SLICE_LITERAL("HMGET"), slice_of(key)};
        for (int i = 0; i < LETTER_LISTED; i++)
                words[2 + i] = slice_of(letter_field(i));
        words[2 + LETTER_LISTED] = SLICE_LITERAL("head");
        const struct redis_value *reply = redis_sync_run(query->redis, arena, words, 1 + stride);
        into[0] = *dead_id;
        for (size_t i = 0; i + 1 < stride && i < reply->count; i++)
                into[i + 1] = reply->items[i];
}

static const struct redis_value *page_single(const struct query *query, const char *set,
                                             const struct letters_part *part)
{
        struct arena *arena = query->arena;
        size_t stride = stride_of(part);
        const struct redis_value *ids =
                redis_sync_call(query->redis, arena, "ZRANGE", set, arena_printf(arena, "%zu", part->from),
                                arena_printf(arena, "%zu", part->from + part->count - 1), NULL);
        if (ids->kind != REDIS_LIST)
                return ids;
        struct redis_value *page = arena_alloc(arena, sizeof(*page));
        page->kind = REDIS_LIST;
        page->count = ids->count * stride;
        page->items = arena_alloc(arena, (page->count ? page->count : 1) * sizeof(*page->items));
        memset(page->items, 0, page->count * sizeof(*page->items));
        for (size_t i = 0; i < ids->count; i++)
                fetch_one(query, &ids->items[i], &page->items[i * stride], stride);
        return page;
}

static void letters_add_page(const struct query *query, struct letters *letters,
                             const struct redis_value *page, size_t stride)
{
        size_t more = page->count / stride;
        if (letters->count + more > letters->capacity) {
                letters->capacity = 2 * (letters->count + more);
                struct letter_entry *entries =
                        arena_alloc(query->arena, letters->capacity * sizeof(*entries));
                if (letters->count > 0)
                        memcpy(entries, letters->entries, letters->count * sizeof(*entries));
                letters->entries = entries;
        }
        for (size_t i = 0; i < more; i++) {
                struct letter_entry *entry = &letters->entries[letters->count++];
                entry_fill(query->arena, entry, &page->items[i * stride]);
                if (stride > FIELD_COUNT)
                        entry->head = page->items[i * stride + FIELD_COUNT].text;
                entry->head_is_known = stride > FIELD_COUNT;
        }
}

const char *letters_read(const struct query *query, const char *queue, const struct letters_part *part,
                         struct letters *letters)
{
        const char *set = record_key(query->arena, query->config->redis.prefix, KEY_DEAD, queue);
        const struct redis_value *page = page_sorted(query, set, part);
        if (page->kind != REDIS_LIST)
                page = page_single(query, set, part);
        if (page->kind != REDIS_LIST)
                return query_text(query, page->text);
        letters_add_page(query, letters, page, stride_of(part));
        return NULL;
}

const char *letters_load(const struct query *query, const char *queue, struct letters *letters)
{
        *letters = (struct letters){0};
        for (;;) {
                const struct letters_part part = {.from = letters->count, .count = PAGE};
                const char *error = letters_read(query, queue, &part, letters);
                if (error || letters->count - part.from < PAGE)
                        return error;
        }
}

static bool contains(struct slice text, const char *part)
{
        return text.len > 0 && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

/* The heads are not loaded with the index: at 16 KiB each they would be most of it. */
static bool head_contains(const struct query *query, const struct letter_entry *entry,
                          const struct letter_filter *filter)
{
        struct arena arena;
        if (entry->head_is_known)
                return contains(entry->head, filter->search);
        arena_init(&arena);
        const char *key = record_key(&arena, query->config->redis.prefix, KEY_LETTER, entry->dead_id);
        const struct redis_value *head = redis_sync_call(query->redis, &arena, "HGET", key, "head", NULL);
        bool found = head->kind == REDIS_TEXT && contains(head->text, filter->search);
        arena_fini(&arena);
        return found;
}

static bool is_found(const struct query *query, const struct letter_entry *entry,
                     const struct letter_filter *filter)
{
        return contains(entry->error, filter->search) || contains(slice_of(entry->id), filter->search) ||
               contains(entry->type, filter->search) || contains(entry->subject, filter->search) ||
               head_contains(query, entry, filter);
}

bool letter_passes(const struct query *query, const struct letter_entry *entry,
                   const struct letter_filter *filter)
{
        return (!filter->type || slice_is(entry->type, filter->type)) &&
               (!filter->reason || slice_is(entry->reason, filter->reason)) &&
               (!filter->subject || slice_is(entry->subject, filter->subject)) &&
               (entry->failed_ms >= filter->since_ms) && (!filter->search || is_found(query, entry, filter));
}

const struct redis_value *letter_find(const struct query *query, const char *dead_id)
{
        const char *key = record_key(query->arena, query->config->redis.prefix, KEY_LETTER, dead_id);
        return redis_sync_call(query->redis, query->arena, "HGETALL", key, NULL);
}

void letter_add_fields(const struct redis_value *hash, struct buffer *out)
{
        for (size_t i = 0; i + 1 < hash->count; i += 2) {
                buffer_add_char(out, ',');
                buffer_add_json_string(out, hash->items[i].text);
                buffer_add_char(out, ':');
                buffer_add_json_string(out, hash->items[i + 1].text);
        }
}

void letter_add_json(const struct letter_entry *entry, struct buffer *out)
{
        buffer_add_text(out, "{\"dead_id\":");
        buffer_add_json_string(out, slice_of(entry->dead_id));
        json_member_given(out, "id", slice_of(entry->id));
        json_member_given(out, "type", entry->type);
        json_member_given(out, "reason", entry->reason);
        json_member_given(out, "error", entry->error);
        json_member_given(out, "subject", entry->subject);
        json_member_given(out, "app_id", entry->app_id);
        json_member_given(out, "routing_key", entry->routing_key);
        json_member_given(out, "message_id", entry->message_id);
        buffer_printf(out,
                      ",\"failed_ms\":%" PRId64 ",\"first_seen_ms\":%" PRId64 ",\"attempt\":%" PRId64
                      ",\"redrives\":%" PRId64 ",\"size\":%" PRId64 ",\"copies\":%" PRId64,
                      entry->failed_ms, entry->first_seen_ms, entry->attempt, entry->redrives, entry->size,
                      entry->copies);
        if (entry->deadline_ms > 0)
                buffer_printf(out, ",\"deadline_ms\":%" PRId64 "}", entry->deadline_ms);
        else
                buffer_add_text(out, ",\"deadline_ms\":null}");
}

/* ---- groups ---- */

int letter_group_compare(const void *a, const void *b)
{
        const struct letter_group *left = a, *right = b;
        int order = strcmp(left->type, right->type);
        if (order == 0)
                order = strcmp(left->reason, right->reason);
        if (order == 0)
                order = strcmp(left->shape, right->shape);
        if (order == 0)
                order = strcmp(left->key, right->key);
        return order != 0 ? order : strcmp(left->app, right->app);
}

int letter_group_compare_count(const void *a, const void *b)
{
        const struct letter_group *left = a, *right = b;
        if (left->count != right->count)
                return left->count < right->count ? 1 : -1;
        return letter_group_compare(a, b);
}

struct letter_group letter_group_of(const struct query *query, const struct letter_entry *entry)
{
        return (struct letter_group){.type = query_text(query, entry->type),
                                     .reason = query_text(query, entry->reason),
                                     .shape = error_shape(query->arena, entry->error),
                                     .key = query_text(query, entry->routing_key),
                                     .app = query_text(query, entry->app_id),
                                     .example = entry->dead_id,
                                     .count = 1,
                                     .first_ms = entry->failed_ms,
                                     .last_ms = entry->failed_ms};
}

void letter_group_join(struct letter_group *group, const struct letter_group *more)
{
        group->count += more->count;
        if (more->first_ms < group->first_ms)
                group->first_ms = more->first_ms;
        if (more->last_ms > group->last_ms) {
                group->last_ms = more->last_ms;
                group->example = more->example;
        }
}

/* Sorted, so that equal ones stand beside each other; returns how many are left after joining them. */
static size_t join_all(struct letter_group *groups, size_t count)
{
        size_t kept = 0;
        if (count > 0)
                qsort(groups, count, sizeof(*groups), letter_group_compare);
        for (size_t i = 0; i < count; i++) {
                if (kept > 0 && letter_group_compare(&groups[kept - 1], &groups[i]) == 0)
                        letter_group_join(&groups[kept - 1], &groups[i]);
                else
                        groups[kept++] = groups[i];
        }
        if (kept > 0)
                qsort(groups, kept, sizeof(*groups), letter_group_compare_count);
        return kept;
}

size_t letters_group(const struct query *query, const struct letters *letters, struct letter_group **groups)
{
        size_t count = 0;
        *groups = arena_alloc(query->arena, (letters->count ? letters->count : 1) * sizeof(**groups));
        for (size_t i = 0; i < letters->count; i++)
                if (letters->entries[i].wanted)
                        (*groups)[count++] = letter_group_of(query, &letters->entries[i]);
        return join_all(*groups, count);
}
