#include "core/message/foreign.h"
#include "core/codec/json_pointer.h"
#include "core/codec/looks_like.h"
#include "core/codec/rfc3339.h"
#include "core/codec/sha256.h"
#include "core/message/content_type.h"
#include "core/message/envelope.h"
#include "core/message/foreign_rules.h"
#include "core/message/own_headers.h"
#include "core/plan/registry.h"
#include "core/text/plain_text.h"
#include "core/text/utf8.h"

#include <inttypes.h>

enum { NAME_SHOWN_MAX = 80, TYPE_NAMES_MAX = 32 /* of one message */ };

static const char header_source[] = "header:";

struct foreign_reading {
        struct arena *arena;
        const struct config_queue *queue;
        const struct foreign_rules *rules;
        const struct message *message;
        json_t *body; /* NULL: it is no JSON */
        struct foreign *out;
};

static void foreign_wrong(struct foreign_reading *reading, enum reason reason, const char *text)
{
        struct foreign *out = reading->out;
        if (out->fault_count < FOREIGN_FAULTS_MAX)
                out->faults[out->fault_count++] = (struct foreign_fault){.reason = reason, .text = text};
}

static const char *advised(struct foreign_reading *reading, const char *text, const char *advice)
{
        return advice ? arena_printf(reading->arena, "%s; %s", text, advice) : text;
}

/* ---- Sources ---- */

static struct slice routing_key_of(const struct message *message)
{
        struct own_headers own;
        own_headers_read(message, &own);
        return own.routing_key.data ? own.routing_key : message->routing_key;
}

static const struct {
        const char *name;
        size_t offset;
} properties[] = {
        {"message_id", offsetof(struct message_properties, message_id)},
        {"correlation_id", offsetof(struct message_properties, correlation_id)},
        {"type", offsetof(struct message_properties, type)},
        {"app_id", offsetof(struct message_properties, app_id)},
        {"reply_to", offsetof(struct message_properties, reply_to)},
        {"user_id", offsetof(struct message_properties, user_id)},
};

static bool foreign_property_of(const struct message *message, const char *name, struct slice *text)
{
        for (size_t i = 0; i < sizeof(properties) / sizeof(*properties); i++) {
                if (strcmp(properties[i].name, name) != 0)
                        continue;
                if (message)
                        memcpy(text, (const char *)&message->properties + properties[i].offset,
                               sizeof(*text));
                return true;
        }
        return false;
}

bool foreign_source_valid(const char *source, bool of_id)
{
        if (source[0] == '/')
                return json_pointer_valid(source);
        if (source[0] == '=')
                return !of_id && handler_type_valid(slice_of(source + 1));
        if (strncmp(source, header_source, strlen(header_source)) == 0)
                return source[strlen(header_source)] != '\0';
        return foreign_property_of(NULL, source, NULL) || strcmp(source, "routing_key") == 0 ||
               (of_id && strcmp(source, "content") == 0);
}

/* Texts, whole numbers as their digits, objects as compact JSON. */
static struct slice json_words(struct arena *arena, const json_t *value)
{
        if (json_is_integer(value))
                return slice_of(arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value)));
        if (json_is_object(value)) { /* a pattern of NestJS may be one */
                struct buffer compact = {0};
                json_compact_sorted(&compact, value);
                struct slice copy = slice_of(arena_copy(arena, compact.data, compact.len));
                buffer_fini(&compact);
                return copy;
        }
        struct slice text = json_text(value), wide = json_wide(value);
        return text.data ? text : wide;
}

static struct slice header_words(struct arena *arena, const struct message *message, const char *name)
{
        struct slice text = message_header_text(message, name);
        int64_t number = message_header_integer(message, name, -1);
        if (!text.data && number >= 0)
                return slice_of(arena_printf(arena, "%" PRId64, number));
        return text;
}

/* What stands at a source; absent or empty: nothing does. */
static struct slice source_text(const struct foreign_reading *reading, const char *source)
{
        struct slice text = {0};
        if (source[0] == '=')
                return slice_of(source + 1);
        if (source[0] == '/')
                return arena_slice(reading->arena,
                                   json_words(reading->arena, json_pointer_get(reading->body, source)));
        if (strncmp(source, header_source, strlen(header_source)) == 0)
                return header_words(reading->arena, reading->message, source + strlen(header_source));
        if (strcmp(source, "routing_key") == 0)
                return routing_key_of(reading->message);
        foreign_property_of(reading->message, source, &text);
        return text;
}

/* The sources that count, ended by NULL: those that are configured, else those of the preset. */
static const char *const *sources_of(struct foreign_reading *reading, const struct config_texts *configured,
                                     const char *const *preset)
{
        if (configured->count == 0)
                return preset;
        const char **list = arena_alloc(reading->arena, (configured->count + 1) * sizeof(*list));
        memcpy(list, configured->list, configured->count * sizeof(*list));
        return list;
}

static const char *none_there(struct foreign_reading *reading, const char *what, const char *const *sources)
{
        struct buffer text = {0};
        buffer_printf(&text, "%s: missing; looked at", what);
        for (size_t i = 0; sources[i]; i++)
                buffer_printf(&text, "%s %s", i ? "," : "", sources[i]);
        const char *copy = arena_copy(reading->arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

/* ---- The type ---- */

static const char *type_mapped(const struct foreign_reading *reading, struct slice name)
{
        const struct config_texts *types = &reading->queue->message.types;
        for (size_t i = 0; i < types->count; i++) {
                const char *end = strchr(types->list[i], '\n');
                struct slice theirs = {.data = types->list[i], .len = (size_t)(end - types->list[i])};
                if (slice_equal(theirs, name))
                        return end + 1;
        }
        return NULL;
}

/* Without what the framework puts around it. */
static struct slice type_bare(const struct foreign_rules *rules, struct slice name)
{
        size_t begins = rules->type_begins ? strlen(rules->type_begins) : 0, len = 0;
        if (begins && name.len > begins && memcmp(name.data, rules->type_begins, begins) == 0)
                name = (struct slice){.data = name.data + begins, .len = name.len - begins};
        while (rules->type_ends && len < name.len && !strchr(rules->type_ends, name.data[len]))
                len++;
        if (rules->type_ends)
                name.len = len;
        while (name.len > 0 && name.data[name.len - 1] == ' ')
                name.len--;
        return name;
}

/* NULL: the name is neither listed nor a type of leveret. */
static const char *type_known(const struct foreign_reading *reading, struct slice name)
{
        struct slice bare = type_bare(reading->rules, name);
        const char *type = type_mapped(reading, name);
        type = type ? type : type_mapped(reading, bare);
        return type || !handler_type_valid(bare) ? type : arena_copy(reading->arena, bare.data, bare.len);
}

/* The first of the names between semicolons; they are taken off. */
static struct slice type_next(struct slice *names)
{
        size_t len = 0;
        while (len < names->len && names->data[len] != ';')
                len++;
        struct slice first = {.data = names->data, .len = len};
        len += len < names->len;
        *names = (struct slice){.data = names->data + len, .len = names->len - len};
        return slice_trimmed(first, " ");
}

/* A message that can be taken for several types names them all, the nearest first: the first that is known
 * counts. */
static void type_take(struct foreign_reading *reading, const char *source, struct slice names)
{
        struct arena *arena = reading->arena;
        const char *type = type_known(reading, names);
        struct slice left = names, first = type_next(&left);
        const char *shown = plain_text(arena, type_bare(reading->rules, first), NAME_SHOWN_MAX);
        left = names;
        for (size_t i = 0; !type && left.len > 0 && i < TYPE_NAMES_MAX; i++)
                type = type_known(reading, type_next(&left));
        reading->out->type = type;
        if (!type)
                foreign_wrong(reading, REASON_UNKNOWN_TYPE,
                              arena_printf(arena,
                                           "%s: %s is not in message.types of the queue, as {%s: NAME.v1}",
                                           source[0] == '=' ? "type" : source, shown, shown));
}

/* A list in JSON as its texts with semicolons between. */
static struct slice type_words(const struct foreign_reading *reading, const char *source)
{
        const json_t *list = source[0] == '/' ? json_pointer_get(reading->body, source) : NULL;
        struct buffer names = {0};
        if (!json_is_array(list))
                return source_text(reading, source);
        for (size_t i = 0; i < json_array_size(list); i++) {
                buffer_add_text(&names, names.len ? ";" : "");
                buffer_add_slice(&names, json_text(json_array_get(list, i)));
        }
        struct slice copy = {.data = arena_copy(reading->arena, names.data, names.len), .len = names.len};
        buffer_fini(&names);
        return copy;
}

static void foreign_type_read(struct foreign_reading *reading)
{
        const char *const *sources = sources_of(reading, &reading->queue->message.type, reading->rules->type);
        const char *ignored = reading->rules->type_ignored;
        for (size_t i = 0; sources[i]; i++) {
                struct slice name = type_words(reading, sources[i]);
                if (name.len == 0 || (ignored && slice_is(name, ignored)))
                        continue;
                type_take(reading, sources[i], name);
                return;
        }
        if (reading->body) /* else that is what is wrong */
                foreign_wrong(reading, REASON_MISSING_TYPE, none_there(reading, "type", sources));
}

/* ---- The id ---- */

static const char *prefixed(struct arena *arena, const struct config_queue *queue, struct slice id)
{
        const struct config_message *message = &queue->message;
        if (message->id_prefix || message->has_id_prefix)
                return arena_printf(arena, "%s%.*s", message->id_prefix ? message->id_prefix : "",
                                    SLICE_PRINT(id));
        return arena_printf(arena, "%s/%.*s", queue->name, SLICE_PRINT(id));
}

const char *foreign_content_id(struct arena *arena, const struct config_queue *queue, const char *hex)
{
        return prefixed(arena, queue, slice_of(hex));
}

/* An id that leveret cannot use becomes its hash, and is kept for people. */
static void id_take(struct foreign_reading *reading, struct slice id)
{
        struct foreign *out = reading->out;
        const char *made = envelope_id_valid(id) ? prefixed(reading->arena, reading->queue, id) : NULL;
        if (!made || !envelope_id_valid(slice_of(made))) {
                struct sha256 hash;
                char hex[SHA256_HEX_SIZE];
                sha256_init(&hash);
                sha256_add(&hash, id.data, id.len);
                sha256_final_hex(&hash, hex);
                made = prefixed(reading->arena, reading->queue,
                                slice_of(arena_printf(reading->arena, "h:%s", hex)));
                out->source_id = plain_text(reading->arena, id, ENVELOPE_TEXT_MAX);
        }
        out->id = made;
}

static void id_read(struct foreign_reading *reading)
{
        struct own_headers own;
        const char *const *sources = sources_of(reading, &reading->queue->message.id, reading->rules->id);
        own_headers_read(reading->message, &own);
        if (envelope_id_valid(own.id)) { /* an operator has edited it */
                reading->out->id = arena_copy(reading->arena, own.id.data, own.id.len);
                return;
        }
        for (size_t i = 0; sources[i]; i++) {
                reading->out->id_of_content = strcmp(sources[i], "content") == 0;
                if (reading->out->id_of_content)
                        return;
                struct slice id = source_text(reading, sources[i]);
                if (id.len == 0)
                        continue;
                id_take(reading, id);
                return;
        }
        if (reading->body)
                foreign_wrong(
                        reading, REASON_MISSING_ID,
                        advised(reading, none_there(reading, "id", sources), reading->rules->id_advice));
}

/* ---- The data ---- */

static bool is_nothing(const json_t *value)
{
        return !value || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
               (json_is_object(value) && json_object_size(value) == 0);
}

static void empty_check(struct foreign_reading *reading)
{
        const char *const *pointers = reading->rules->empty;
        for (size_t i = 0; pointers && pointers[i]; i++)
                if (!is_nothing(json_pointer_get(reading->body, pointers[i])))
                        foreign_wrong(reading, REASON_BAD_PAYLOAD,
                                      arena_printf(reading->arena, "%s: %s", pointers[i],
                                                   reading->rules->empty_advice));
}

static void payload_set(struct foreign_reading *reading, const json_t *value)
{
        struct buffer text = {0}, doubles = {0};
        struct arena *arena = reading->arena;
        json_compact_both(&text, &doubles, value);
        reading->out->payload = slice_of(arena_copy(arena, text.data, text.len));
        reading->out->compared = arena_slice(arena, (struct slice){.data = doubles.data, .len = doubles.len});
        buffer_fini(&text);
        buffer_fini(&doubles);
}

static void foreign_data_read(struct foreign_reading *reading, struct slice body)
{
        const char *configured[] = {reading->queue->message.data, NULL};
        const char *const *pointers = configured[0] ? configured : reading->rules->data;
        for (size_t i = 0; pointers[i]; i++) {
                const json_t *value = json_pointer_get(reading->body, pointers[i]);
                if (!pointers[i][0])
                        reading->out->payload = body;
                else if (value)
                        payload_set(reading, value);
                if (reading->out->payload.data)
                        return;
        }
        const char *places = pointers[0];
        for (size_t i = 1; pointers[i]; i++)
                places = arena_printf(reading->arena, "%s, %s", places, pointers[i]);
        foreign_wrong(reading, REASON_BAD_PAYLOAD,
                      advised(reading, arena_printf(reading->arena, "%s: missing", places),
                              reading->rules->data_advice));
}

/* ---- Times ---- */

static void times_read(struct foreign_reading *reading)
{
        const struct foreign_rules *rules = reading->rules;
        struct slice deadline = rules->deadline ? source_text(reading, rules->deadline) : (struct slice){0};
        struct slice later = rules->not_before ? source_text(reading, rules->not_before) : (struct slice){0};
        struct foreign *out = reading->out;
        if (deadline.len)
                out->has_deadline = rfc3339_parse(deadline, &out->deadline_ms);
        if (deadline.len && !out->has_deadline)
                foreign_wrong(reading, REASON_BAD_PAYLOAD,
                              arena_printf(reading->arena,
                                           "%s: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z",
                                           rules->deadline));
        if (later.len)
                foreign_wrong(reading, REASON_BAD_PAYLOAD,
                              arena_printf(reading->arena,
                                           "%s: a message for later is not taken from this queue",
                                           rules->not_before));
}

/* ---- All ---- */

/* Some serializers of .NET begin with a byte order mark. */
static struct slice without_mark(struct slice body)
{
        size_t mark = utf8_mark_len(body.data, body.len);
        return mark ? (struct slice){.data = body.data + mark, .len = body.len - mark} : body;
}

static void no_json(struct foreign_reading *reading, const char *cause)
{
        struct slice type = reading->message->properties.content_type;
        const char *text = arena_printf(
                reading->arena, "body: expected JSON, found %s%s",
                type.len ? plain_text(reading->arena, type, NAME_SHOWN_MAX) : "no content type", cause);
        foreign_wrong(reading, REASON_BAD_PAYLOAD, advised(reading, text, reading->rules->body_advice));
}

/* A body that was not unpacked (`body.data` is NULL) was refused before: only its content type says what it
 * is. */
static void body_read(struct foreign_reading *reading, struct slice body)
{
        char cause[JSON_CAUSE_MAX];
        if (!body.data) {
                if (content_type_parse(reading->message->properties.content_type) == CONTENT_OTHER)
                        no_json(reading, "");
                return;
        }
        reading->body = json_parse(body, cause);
        const char *look = reading->body ? NULL : looks_like(body);
        if (look)
                no_json(reading, arena_printf(reading->arena, ": %s, it looks like %s", cause, look));
        else if (!reading->body)
                no_json(reading, arena_printf(reading->arena, ": %s", cause));
}

void foreign_read(struct arena *arena, const struct config_queue *queue, const struct message *message,
                  struct slice body, struct foreign *foreign)
{
        struct foreign_reading reading = {.arena = arena,
                                          .queue = queue,
                                          .rules = foreign_rules_of(queue->message.preset),
                                          .message = message,
                                          .out = foreign};
        *foreign = (struct foreign){0};
        body = without_mark(body);
        body_read(&reading, body);
        id_read(&reading);
        foreign_type_read(&reading);
        if (reading.body) {
                empty_check(&reading);
                foreign_data_read(&reading, body);
        }
        times_read(&reading);
        json_decref(reading.body);
}
