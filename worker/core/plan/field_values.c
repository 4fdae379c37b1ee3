#include "core/address/mailbox.h"
#include "core/codec/base64.h"
#include "core/codec/json_pointer.h"
#include "core/plan/fields_decode.h"
#include "core/text/utf8.h"

/* Values of a field that are texts, and those that mails are made of. */

enum { NAME_SHOWN_MAX = 64 };

static void add_pointer(struct buffer *text, const struct place *place)
{
        if (!place->outer)
                return;
        add_pointer(text, place->outer);
        buffer_add_char(text, '/');
        if (!place->name)
                buffer_printf(text, "%zu", place->index);
        else
                json_pointer_escape(text, place->name);
}

bool field_refuse(struct decoder *decoder, const struct place *place, const char *format, ...)
{
        struct buffer text = {0};
        if (place->outer)
                add_pointer(&text, place);
        else
                buffer_add_text(&text, "payload");
        buffer_add_text(&text, ": ");
        va_list args;
        va_start(args, format);
        buffer_vprintf(&text, format, args);
        va_end(args);
        faults_add(decoder->faults, "%s", text.data);
        buffer_fini(&text);
        return false;
}

const char *field_name_shown(struct arena *arena, const char *name)
{
        if (strchr(name, '@') || !utf8_one_line(name, strlen(name)))
                return "?";
        bool cut = strlen(name) > NAME_SHOWN_MAX;
        return cut ? arena_printf(arena, "%.*s...", (int)utf8_prefix(name, strlen(name), NAME_SHOWN_MAX),
                                  name)
                   : arena_strdup(arena, name);
}

static void store_text(struct decoder *decoder, struct slice text, char *to)
{
        const char *copy = arena_copy(decoder->arena, text.data, text.len);
        memcpy(to, &copy, sizeof(copy));
}

/* Code points of valid UTF-8: bytes that do not continue one. */
static size_t field_characters(struct slice text)
{
        size_t count = 0;
        for (size_t i = 0; i < text.len; i++)
                count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
        return count;
}

static bool length_fits(struct slice text, const struct field *field)
{
        if (text.len < field->min_length)
                return false;
        if (text.len <= field->max_length && field->min_length == 0)
                return true;
        size_t count = field_characters(text);
        return count >= field->min_length && count <= field->max_length;
}

static bool refuse_length(struct decoder *decoder, const struct place *place, const struct field *field)
{
        if (field->min_length == 0)
                return field_refuse(decoder, place, "expected at most %zu characters", field->max_length);
        return field_refuse(decoder, place, "expected %zu to %zu characters", field->min_length,
                            field->max_length);
}

static bool is_one_of(struct slice text, const char *const *choices)
{
        for (; *choices; choices++)
                if (slice_is(text, *choices))
                        return true;
        return false;
}

static bool refuse_choice(struct decoder *decoder, const struct place *place, const char *const *choices)
{
        struct buffer list = {0};
        for (; *choices; choices++)
                buffer_printf(&list, "%s%s", list.len ? ", " : "", *choices);
        field_refuse(decoder, place, "expected one of: %s", list.len ? list.data : "");
        buffer_fini(&list);
        return false;
}

bool field_string(struct decoder *decoder, const struct place *place, const struct field *field,
                  const json_t *value, char *to)
{
        struct slice text = json_text(value);
        if (!text.data)
                return field_refuse(decoder, place, "expected a string");
        if (field->one_of && !is_one_of(text, field->one_of))
                return refuse_choice(decoder, place, field->one_of);
        if (!length_fits(text, field))
                return refuse_length(decoder, place, field);
        if (field->one_line && !utf8_one_line(text.data, text.len))
                return field_refuse(decoder, place, "expected one line without control characters");
        if (memchr(text.data, '\0', text.len))
                return field_refuse(decoder, place, "expected a string without U+0000");
        store_text(decoder, text, to);
        return true;
}

bool field_email(struct decoder *decoder, const struct place *place, const json_t *value, char *to)
{
        struct slice text = json_text(value);
        if (!text.data || !address_valid(text.data, text.len))
                return field_refuse(decoder, place, "%s",
                                    address_mistake(text, "expected an e-mail address"));
        store_text(decoder, text, to);
        return true;
}

/* ---- mailboxes ---- */

static bool string_add(struct decoder *decoder, const struct place *place, struct slice text,
                       struct buffer *out)
{
        struct mailbox mailbox;
        if (!utf8_one_line(text.data, text.len))
                return field_refuse(decoder, place, "expected one line without control characters");
        const char *mistake = mailbox_parse(&mailbox, arena_copy(decoder->arena, text.data, text.len));
        if (mistake)
                return field_refuse(decoder, place, "%s", mistake);
        buffer_add_text(out, out->len ? ", " : "");
        mailbox_rewrite(out, mailbox);
        return true;
}

static bool fields_members_known(struct decoder *decoder, const struct place *place, const json_t *object)
{
        bool good = true;
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)object, name, value)
        {
                struct place inner = {.outer = place, .name = field_name_shown(decoder->arena, name)};
                if (decoder->closed && strcmp(name, "email") != 0 && strcmp(name, "name") != 0)
                        good = field_refuse(decoder, &inner, "unknown field");
        }
        return good;
}

/* {"email": "ada@example.com", "name": "Ada"} */
static bool object_add(struct decoder *decoder, const struct place *place, const json_t *object,
                       struct buffer *out)
{
        struct place email_place = {.outer = place, .name = "email"},
                     name_place = {.outer = place, .name = "name"};
        const json_t *name_value = json_object_get(object, "name");
        struct slice email = json_text(json_object_get(object, "email")), name = json_text(name_value);
        bool good = fields_members_known(decoder, place, object);
        if (!address_valid(email.data, email.len))
                good = field_refuse(decoder, &email_place, "%s",
                                    address_mistake(email, "expected an e-mail address"));
        if (name_value && !json_is_null(name_value) && !name.data)
                good = field_refuse(decoder, &name_place, "expected a string");
        if (!utf8_one_line(name.data, name.len))
                good = field_refuse(decoder, &name_place, "expected one line without control characters");
        if (good) {
                buffer_add_text(out, out->len ? ", " : "");
                mailbox_write(out, name, email);
        }
        return good;
}

static bool fields_mailbox_add(struct decoder *decoder, const struct place *place, const json_t *value,
                               struct buffer *out)
{
        struct slice text = json_text(value);
        if (text.data)
                return string_add(decoder, place, text, out);
        if (json_is_object(value))
                return object_add(decoder, place, value, out);
        return field_refuse(decoder, place,
                            "expected an e-mail address, or a name and <address>, or an object of these");
}

static bool field_list_add(struct decoder *decoder, const struct place *place, const struct field *field,
                           const json_t *list, struct buffer *out)
{
        size_t count = json_array_size(list);
        bool good = true;
        if (count < field->min_items || count > field->max_items)
                return field_refuse(decoder, place, "expected %zu to %zu mailboxes", field->min_items,
                                    field->max_items);
        for (size_t i = 0; i < count; i++) {
                struct place item = {.outer = place, .index = i};
                good &= fields_mailbox_add(decoder, &item, json_array_get(list, i), out);
        }
        return good;
}

bool field_mailboxes(struct decoder *decoder, const struct place *place, const struct field *field,
                     const json_t *value, char *to)
{
        struct buffer text = {0};
        struct slice string = json_text(value);
        bool many = field->kind == FIELD_KIND_MAILBOXES;
        if (many && field->min_items == 0 && string.data && string.len == 0)
                return true;
        bool good = many && json_is_array(value) ? field_list_add(decoder, place, field, value, &text)
                                                 : fields_mailbox_add(decoder, place, value, &text);
        if (good && text.len) /* a list of nobody is as good as none */
                store_text(decoder, (struct slice){.data = text.data, .len = text.len}, to);
        buffer_fini(&text);
        return good;
}

/* ---- lists and maps of strings ---- */

bool field_strings(struct decoder *decoder, const struct place *place, const struct field *field,
                   const json_t *value, char *to)
{
        size_t count = json_array_size(value);
        bool good = true;
        if (!json_is_array(value))
                return field_refuse(decoder, place, "expected a list of strings");
        if (count > field->max_items)
                return field_refuse(decoder, place, "expected at most %zu items", field->max_items);
        const char **texts = arena_alloc(decoder->arena, (count + 1) * sizeof(*texts));
        for (size_t i = 0; i < count; i++) {
                struct place item = {.outer = place, .index = i};
                good &= field_string(decoder, &item, field, json_array_get(value, i), (char *)&texts[i]);
        }
        memcpy(to, &texts, sizeof(texts));
        return good;
}

bool field_pairs(struct decoder *decoder, const struct place *place, const struct field *field,
                 const json_t *value, char *to)
{
        size_t count = json_object_size(value), i = 0;
        bool good = true;
        const char *name;
        json_t *member;
        if (!json_is_object(value))
                return field_refuse(decoder, place, "expected an object of strings");
        if (count > field->max_items)
                return field_refuse(decoder, place, "expected at most %zu members", field->max_items);
        struct pair *pairs = arena_alloc(decoder->arena, (count + 1) * sizeof(*pairs));
        json_object_foreach((json_t *)(uintptr_t)value, name, member)
        {
                struct place inner = {.outer = place, .name = field_name_shown(decoder->arena, name)};
                pairs[i].name = arena_strdup(decoder->arena, name);
                good &= field_string(decoder, &inner, field, member, (char *)&pairs[i].value);
                i++;
        }
        memcpy(to, &pairs, sizeof(pairs));
        return good;
}

/* ---- bytes ---- */

bool field_base64(struct decoder *decoder, const struct place *place, const struct field *field,
                  const json_t *value, char *to)
{
        struct slice text = json_text(value);
        if (!text.data)
                return field_refuse(decoder, place, "expected a string of base64");
        struct slice bytes;
        if (!base64_unpack(decoder->arena, text, &bytes))
                return field_refuse(decoder, place,
                                    "expected base64 (RFC 4648 section 4), padded, without line breaks");
        memcpy(to, &bytes.data, sizeof bytes.data);
        memcpy(to - field->offset + field->count_offset, &bytes.len, sizeof bytes.len);
        return true;
}
