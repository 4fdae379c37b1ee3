#include "cli/dlq/dlq_command.h"
#include "core/codec/json.h"
#include "core/message/own_headers.h"

#include <stdio.h>
#include <string.h>

/*
 * What an operator edits:
 *
 *         id: order-42:e1
 *         type: order.created.v1
 *         header subject: "order/42"
 *
 *         {"order_id": 42}
 *
 * A header's value is JSON. A line that is taken out takes the header away.
 */

static const char header_word[] = "header ";

/* What the broker and leveret have written is no publisher's. */
static bool is_publishers(struct slice name)
{
        static const char *const theirs[] = {OWN_HEADER_PREFIX, "x-death", "x-first-death-", "x-last-death-",
                                             "x-delivery-count"};
        for (size_t i = 0; i < CLI_COUNT(theirs); i++)
                if (name.len >= strlen(theirs[i]) && memcmp(name.data, theirs[i], strlen(theirs[i])) == 0)
                        return false;
        return name.len > 0 && !memchr(name.data, '\n', name.len) && !memchr(name.data, ':', name.len);
}

struct slice dlq_edit_write(struct arena *arena, const struct message *message, const char *id,
                            struct slice body)
{
        struct buffer out = {0};
        buffer_printf(&out, "id: %s\ntype: %.*s\n", id, SLICE_PRINT(message->properties.type));
        for (size_t i = 0; i < message->properties.header_count; i++) {
                const struct header *header = &message->properties.headers[i];
                if (!is_publishers(header->name))
                        continue;
                buffer_printf(&out, "%s%.*s: ", header_word, SLICE_PRINT(header->name));
                header_json(&out, header);
                buffer_add_char(&out, '\n');
        }
        buffer_add_char(&out, '\n');
        buffer_add_slice(&out, body);
        struct slice text = arena_slice(arena, (struct slice){.data = out.data, .len = out.len});
        buffer_fini(&out);
        return text;
}

static struct slice next_line(struct slice *rest)
{
        const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
        struct slice line = {.data = rest->data, .len = end ? (size_t)(end - rest->data) : rest->len};
        size_t past = line.len + (end != NULL);
        *rest = (struct slice){.data = rest->data + past, .len = rest->len - past};
        if (line.len > 0 && line.data[line.len - 1] == '\r')
                line.len--;
        return line;
}

/* What follows `word` in the line, without blanks around it. */
static const char *after(struct arena *arena, struct slice line, const char *word)
{
        size_t from = strlen(word), to = line.len;
        while (from < to && line.data[from] == ' ')
                from++;
        while (to > from && line.data[to - 1] == ' ')
                to--;
        return arena_copy(arena, line.data + from, to - from);
}

/* Is it what the message says already? Then it keeps its type, which JSON does not know. */
static bool is_unchanged(const struct message *message, struct slice name, struct slice value)
{
        for (size_t i = 0; i < message->properties.header_count; i++) {
                struct buffer now = {0};
                if (!slice_equal(message->properties.headers[i].name, name))
                        continue;
                header_json(&now, &message->properties.headers[i]);
                bool same = slice_equal((struct slice){.data = now.data, .len = now.len}, value);
                buffer_fini(&now);
                return same;
        }
        return false;
}

/* The lines of headers as they are read. */
struct head {
        struct slice names[HEADER_COUNT_MAX];
        size_t count;
        struct header set[HEADER_COUNT_MAX];
        size_t set_count;
};

static const char *edit_read_header(struct arena *arena, const struct message *message, struct slice line,
                                    struct head *head)
{
        char cause[JSON_CAUSE_MAX];
        const char *text = after(arena, line, header_word), *colon = strchr(text, ':');
        if (!colon || colon == text || head->count == HEADER_COUNT_MAX)
                return "a header is expected as `header NAME: VALUE`, the value as JSON";
        struct header header = {.name = {.data = text, .len = (size_t)(colon - text)}};
        struct slice value = slice_of(after(arena, slice_of(colon), ":"));
        if (!is_publishers(header.name))
                return "a header that is leveret's or the broker's own cannot be set";
        head->names[head->count++] = header.name;
        if (is_unchanged(message, header.name, value))
                return NULL;
        json_t *json = json_parse(value, cause);
        const char *name = arena_copy(arena, header.name.data, header.name.len);
        bool good = json && header_read(arena, name, json, &head->set[head->set_count++], 0);
        json_decref(json);
        if (!good)
                return arena_printf(arena,
                                    "header %s: expected JSON: a text in quotes, a number, true, false, null",
                                    name);
        return NULL;
}

static bool dlq_edit_text_is_among(struct slice name, const struct head *head)
{
        for (size_t i = 0; i < head->count; i++)
                if (slice_equal(head->names[i], name))
                        return true;
        return false;
}

/* Headers whose line was taken out. */
static void drop_missing(struct arena *arena, const struct message *message, const struct head *head,
                         struct copy_edit *edit)
{
        size_t count = message->properties.header_count;
        edit->dropped = arena_alloc(arena, (count ? count : 1) * sizeof(*edit->dropped));
        for (size_t i = 0; i < count; i++) {
                struct slice name = message->properties.headers[i].name;
                if (is_publishers(name) && !dlq_edit_text_is_among(name, head))
                        edit->dropped[edit->dropped_count++] = arena_copy(arena, name.data, name.len);
        }
}

const char *dlq_edit_read(struct arena *arena, const struct message *message, struct slice text,
                          struct copy_edit *edit)
{
        struct head *head = arena_alloc(arena, sizeof(*head));
        struct slice rest = text, line;
        const char *problem = NULL;
        *edit = (struct copy_edit){.body = text};
        if (!slice_begins(text, "id:") && !slice_begins(text, "type:") && !slice_begins(text, header_word))
                return NULL;
        while (!problem && (line = next_line(&rest)).len > 0) {
                if (slice_begins(line, "id:"))
                        edit->id = after(arena, line, "id:");
                else if (slice_begins(line, "type:"))
                        edit->type = after(arena, line, "type:");
                else if (slice_begins(line, header_word))
                        problem = edit_read_header(arena, message, line, head);
                else
                        problem = "above the empty line only id:, type: and header NAME: are known";
        }
        edit->body = rest.data ? rest : SLICE_LITERAL("");
        edit->set = head->set;
        edit->set_count = head->set_count;
        drop_missing(arena, message, head, edit);
        return problem;
}
