#include "core/watch/alert.h"
#include "core/text/percent.h"
#include "core/text/plain_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void copy_plain(char *to, size_t size, const char *from)
{
        struct arena arena;
        arena_init(&arena);
        snprintf(to, size, "%s", plain_text(&arena, slice_of(from), size - 1));
        arena_fini(&arena);
}

static struct alert_entry *entry_find(struct alert_digest *digest, const char *kind, const char *type)
{
        for (size_t i = 0; i < digest->count; i++) {
                struct alert_entry *entry = &digest->entries[i];
                if (strcmp(entry->kind, kind) == 0 && strcmp(entry->type, type) == 0)
                        return entry;
        }
        return NULL;
}

/* The last entry is for all that no other place is left for. */
static struct alert_entry *entry_get(struct alert_digest *digest, const char *kind, const char *type)
{
        struct alert_entry *entry = entry_find(digest, kind, type);
        if (entry)
                return entry;
        if (digest->count == ALERT_ENTRIES_MAX)
                return &digest->entries[ALERT_ENTRIES_MAX - 1];
        entry = &digest->entries[digest->count++];
        bool last = digest->count == ALERT_ENTRIES_MAX;
        *entry = (struct alert_entry){0};
        snprintf(entry->kind, sizeof(entry->kind), "%s", last ? "other" : kind);
        snprintf(entry->type, sizeof(entry->type), "%s", last ? "other types" : type);
        return entry;
}

void alert_note(struct alert_digest *digest, const char *kind, const char *type, enum reason reason,
                const char *text)
{
        char type_plain[ALERT_NAME_MAX];
        copy_plain(type_plain, sizeof(type_plain), type ? type : "");
        struct alert_entry *entry = entry_get(digest, kind, type_plain);
        copy_plain(entry->text, sizeof(entry->text), text ? text : "");
        entry->count++;
        entry->reasons[reason]++;
}

static bool entry_is_due(const struct alert_entry *entry, int64_t now_ms)
{
        return entry->count > 0 && now_ms >= entry->next_ms;
}

bool alert_is_due(const struct alert_digest *digest, int64_t now_ms)
{
        for (size_t i = 0; !digest->under_way && i < digest->count; i++)
                if (entry_is_due(&digest->entries[i], now_ms))
                        return true;
        return false;
}

void alert_begin(struct alert_digest *digest, int64_t now_ms)
{
        digest->under_way = true;
        for (size_t i = 0; i < digest->count; i++) {
                struct alert_entry *entry = &digest->entries[i];
                if (!entry_is_due(entry, now_ms))
                        continue;
                entry->telling = entry->count;
                entry->count = 0;
                memcpy(entry->telling_reasons, entry->reasons, sizeof(entry->reasons));
                memset(entry->reasons, 0, sizeof(entry->reasons));
                entry->next_ms = now_ms + digest->interval_ms;
        }
}

size_t alert_telling(const struct alert_digest *digest)
{
        size_t telling = 0;
        for (size_t i = 0; i < digest->count; i++)
                telling += digest->entries[i].telling > 0;
        return telling;
}

void alert_dead_text(const char *queue, const char *base_url, char text[ALERT_TEXT_MAX])
{
        snprintf(text, ALERT_TEXT_MAX, "look: leveret dlq groups %s", queue);
        if (!base_url)
                return;
        size_t len = strlen(text);
        struct buffer link = {0};
        buffer_printf(&link, " or %s%s#/dead/", base_url, base_url[strlen(base_url) - 1] == '/' ? "" : "/");
        percent_add(&link, queue);
        if (len + link.len < ALERT_TEXT_MAX)
                memcpy(text + len, link.data, link.len + 1);
        buffer_fini(&link);
}

static void alert_add_reasons(const struct alert_entry *entry, struct buffer *out)
{
        const char *between = " (";
        for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
                if (entry->telling_reasons[reason] == 0)
                        continue;
                buffer_printf(out, "%s%s %" PRIu64, between, reason_word((enum reason)reason),
                              entry->telling_reasons[reason]);
                between = ", ";
        }
        if (between[0] == ',')
                buffer_add_char(out, ')');
}

static void alert_entry_text(const struct alert_entry *entry, struct buffer *out)
{
        buffer_printf(out, "%s: %" PRIu64, entry->kind, entry->telling);
        if (entry->type[0])
                buffer_printf(out, " of %s", entry->type);
        alert_add_reasons(entry, out);
        if (entry->text[0])
                buffer_printf(out, ": %s", entry->text);
}

void alert_text(const struct alert_digest *digest, struct buffer *out)
{
        for (size_t i = 0; i < digest->count; i++) {
                if (digest->entries[i].telling == 0)
                        continue;
                alert_entry_text(&digest->entries[i], out);
                buffer_add_char(out, '\n');
        }
}

static void alert_add_member(struct buffer *out, const char *name, const char *value)
{
        buffer_printf(out, ",\"%s\":", name);
        buffer_add_json_string(out, slice_of(value));
}

/* `text` at the top is what the usual chat services show of a webhook. */
void alert_json(const struct alert_digest *digest, const struct alert_sender *sender, struct buffer *out)
{
        struct buffer text = {0};
        buffer_printf(&text, "leveret %s\n", sender->worker);
        alert_text(digest, &text);
        if (sender->base_url)
                buffer_printf(&text, "%s\n", sender->base_url);
        buffer_add_text(out, "{\"source\":\"leveret\"");
        alert_add_member(out, "worker", sender->worker);
        alert_add_member(out, "text", text.data);
        if (sender->base_url)
                alert_add_member(out, "link", sender->base_url);
        buffer_fini(&text);
        const char *between = ",\"alerts\":[";
        for (size_t i = 0; i < digest->count; i++) {
                const struct alert_entry *entry = &digest->entries[i];
                if (entry->telling == 0)
                        continue;
                buffer_printf(out, "%s{\"count\":%" PRIu64, between, entry->telling);
                alert_add_member(out, "kind", entry->kind);
                alert_add_member(out, "type", entry->type);
                alert_add_member(out, "text", entry->text);
                buffer_add_char(out, '}');
                between = ",";
        }
        buffer_add_text(out, between[1] ? ",\"alerts\":[]}" : "]}");
}

static void entry_give_back(struct alert_entry *entry)
{
        entry->count += entry->telling;
        for (size_t i = 0; i < REASON_COUNT; i++)
                entry->reasons[i] += entry->telling_reasons[i];
}

void alert_end(struct alert_digest *digest, bool sent)
{
        digest->under_way = false;
        for (size_t i = 0; i < digest->count; i++) {
                struct alert_entry *entry = &digest->entries[i];
                if (!sent && entry->telling > 0)
                        entry_give_back(entry);
                entry->telling = 0;
        }
}
