#include "core/record/letter.h"
#include "core/record/keys.h"

#include <inttypes.h>
#include <stdlib.h>

enum letter_kind { LETTER_TEXT, LETTER_NUMBER, LETTER_HEAD };

struct letter_row {
        const char *name;
        enum letter_kind kind;
        size_t offset; /* in struct letter_record, of a slice or an int64_t */
};

#define LETTER_ROW(field, of_kind)                                                                           \
        {                                                                                                    \
                .name = #field, .kind = (of_kind), .offset = offsetof(struct letter_record, field)           \
        }

enum { ROW_COPIES = 9 };

static const struct letter_row letter_rows[LETTER_FIELDS] = {
        LETTER_ROW(id, LETTER_TEXT),
        LETTER_ROW(type, LETTER_TEXT),
        LETTER_ROW(reason, LETTER_TEXT),
        LETTER_ROW(error, LETTER_TEXT),
        LETTER_ROW(failed_ms, LETTER_NUMBER),
        LETTER_ROW(first_seen_ms, LETTER_NUMBER),
        LETTER_ROW(attempt, LETTER_NUMBER),
        LETTER_ROW(redrives, LETTER_NUMBER),
        LETTER_ROW(size, LETTER_NUMBER),
        [ROW_COPIES] = LETTER_ROW(copies, LETTER_NUMBER),
        LETTER_ROW(subject, LETTER_TEXT),
        LETTER_ROW(app_id, LETTER_TEXT),
        LETTER_ROW(routing_key, LETTER_TEXT),
        LETTER_ROW(message_id, LETTER_TEXT),
        LETTER_ROW(deadline_ms, LETTER_NUMBER),
        LETTER_ROW(deferrals, LETTER_NUMBER),
        LETTER_ROW(queue, LETTER_TEXT),
        LETTER_ROW(correlation_id, LETTER_TEXT),
        LETTER_ROW(content_type, LETTER_TEXT),
        LETTER_ROW(content_encoding, LETTER_TEXT),
        LETTER_ROW(reply_to, LETTER_TEXT),
        LETTER_ROW(exchange, LETTER_TEXT),
        LETTER_ROW(worker, LETTER_TEXT),
        {.name = "head", .kind = LETTER_HEAD, .offset = offsetof(struct letter_record, body)},
};

void letter_record_message(struct letter_record *letter, const struct message *message,
                           const struct envelope *envelope, const struct own_headers *own)
{
        const struct message_properties *properties = &message->properties;
        bool moved = own->exchange.data != NULL;
        letter->subject = slice_of(envelope->subject);
        letter->correlation_id = slice_of(envelope->correlation_id);
        letter->app_id = properties->app_id.len ? properties->app_id : slice_of(envelope->source);
        letter->exchange = moved ? own->exchange : message->exchange;
        letter->routing_key = moved ? own->routing_key : message->routing_key;
        letter->content_type = properties->content_type;
        letter->content_encoding = properties->content_encoding;
        letter->reply_to = properties->reply_to;
        if (!envelope->id)
                letter->message_id = properties->message_id;
        letter->deadline_ms = envelope->has_deadline ? envelope->deadline_ms : 0;
        letter->size = (int64_t)message->body_size;
        letter->body = message->body;
}

const char *letter_field(int index)
{
        return letter_rows[index].name;
}

static struct slice letter_value(struct arena *arena, const struct letter_record *letter,
                                 const struct letter_row *row)
{
        const char *at = (const char *)letter + row->offset;
        if (row->kind == LETTER_NUMBER) {
                int64_t number;
                memcpy(&number, at, sizeof(number));
                return slice_of(arena_printf(arena, "%" PRId64, number));
        }
        struct slice text;
        memcpy(&text, at, sizeof(text));
        if (!text.data)
                return SLICE_LITERAL("");
        if (row->kind == LETTER_HEAD && text.len > RECORD_HEAD_MAX)
                text.len = RECORD_HEAD_MAX;
        return text;
}

void letter_record_set(struct arena *arena, const char *prefix, const char *dead_id,
                       const struct letter_record *letter, struct slice words[LETTER_WORDS])
{
        size_t count = 0;
        words[count++] = SLICE_LITERAL("HSET");
        words[count++] = slice_of(record_key(arena, prefix, KEY_LETTER, dead_id));
        for (int i = 0; i < LETTER_FIELDS; i++) {
                if (i == ROW_COPIES)
                        continue;
                words[count++] = slice_of(letter_rows[i].name);
                words[count++] = letter_value(arena, letter, &letter_rows[i]);
        }
}

static int64_t letter_integer(struct slice text)
{
        char digits[24] = "";
        if (text.len > 0)
                memcpy(digits, text.data, text.len < sizeof(digits) ? text.len : sizeof(digits) - 1);
        return strtoll(digits, NULL, 10);
}

void letter_record_read(struct letter_record *letter, const struct slice values[LETTER_LISTED])
{
        *letter = (struct letter_record){0};
        for (int i = 0; i < LETTER_LISTED; i++) {
                char *at = (char *)letter + letter_rows[i].offset;
                int64_t number = letter_integer(values[i]);
                if (letter_rows[i].kind == LETTER_NUMBER)
                        memcpy(at, &number, sizeof(number));
                else
                        memcpy(at, &values[i], sizeof(values[i]));
        }
}
