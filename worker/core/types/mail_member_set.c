#include "core/types/mail_member_set.h"
#include "core/address/mailbox.h"
#include "core/codec/base64.h"

#include <stdlib.h>

/* ---- Mailboxes ---- */

static bool member_mailbox_add(struct buffer *list, const json_t *value)
{
        struct mailbox mailbox;
        struct slice text = json_text(value), email = json_text(json_object_get(value, "email"));
        const json_t *name = json_object_get(value, "name");
        if (list->len)
                buffer_add_text(list, ", ");
        if (text.data && !mailbox_parse(&mailbox, text.data)) {
                mailbox_one_write(list, text.data);
                return true;
        }
        bool named = !name || json_is_null(name) || json_text(name).data;
        if (!email.data || !named || mailbox_parse(&mailbox, email.data) || mailbox.name.len)
                return false;
        mailbox_write(list, json_text(name), email);
        return true;
}

static bool mailboxes_add(struct buffer *list, const json_t *value)
{
        if (!json_is_array(value))
                return member_mailbox_add(list, value);
        for (size_t i = 0; i < json_array_size(value); i++)
                if (!member_mailbox_add(list, json_array_get(value, i)))
                        return false;
        return true;
}

static bool mailboxes_set(struct arena *arena, const char **member, const json_t *value)
{
        struct buffer list = {0};
        bool ok = mailboxes_add(&list, value);
        if (ok && list.len)
                *member = arena_copy(arena, list.data, list.len);
        buffer_fini(&list);
        return ok;
}

/* ---- Texts ---- */

/* A number is its digits, so that `metadata: {order: 42}` is what it looks like. */
static const char *mail_member_text_of(struct arena *arena, const json_t *value)
{
        struct slice text = json_text(value), wide = json_wide(value);
        if (text.data || wide.data)
                return arena_copy(arena, text.data ? text.data : wide.data, text.len + wide.len);
        return json_is_integer(value)
                       ? arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value))
                       : NULL;
}

static bool texts_set(struct arena *arena, const char *const **member, const json_t *value)
{
        size_t count = json_array_size(value);
        const char **texts = arena_alloc(arena, (count + 1) * sizeof(*texts));
        for (size_t i = 0; i < count; i++)
                if (!(texts[i] = mail_member_text_of(arena, json_array_get(value, i))))
                        return false;
        *member = texts;
        return json_is_array(value);
}

static bool pairs_set(struct arena *arena, const struct pair **member, const json_t *value)
{
        struct pair *pairs = arena_alloc(arena, (json_object_size(value) + 1) * sizeof(*pairs));
        const char *name;
        json_t *each;
        size_t count = 0;
        json_object_foreach((json_t *)(uintptr_t)value, name, each)
        {
                pairs[count] = (struct pair){.name = arena_strdup(arena, name),
                                             .value = mail_member_text_of(arena, each)};
                if (!pairs[count++].value)
                        return false;
        }
        *member = pairs;
        return json_is_object(value);
}

static const char *text_in(struct arena *arena, const json_t *object, const char *name)
{
        return mail_member_text_of(arena, json_object_get(object, name));
}

static bool unsubscribe_set(struct arena *arena, struct list_unsubscribe *member, const json_t *value)
{
        *member = (struct list_unsubscribe){.url = text_in(arena, value, "url"),
                                            .mailto = text_in(arena, value, "mailto"),
                                            .one_click = json_is_true(json_object_get(value, "one_click"))};
        return json_is_object(value) && (member->url || member->mailto);
}

/* ---- Attachments ---- */

static bool content_set(struct arena *arena, struct attachment *attachment, const json_t *value)
{
        struct slice text = json_text(value);
        if (!value)
                return true;
        if (!text.data)
                return false;
        struct slice bytes;
        bool read = base64_unpack(arena, text, &bytes);
        attachment->content = bytes.data;
        attachment->content_len = bytes.len;
        return read;
}

static bool attachments_set(struct arena *arena, const struct attachment **member, const json_t *value)
{
        size_t count = json_array_size(value);
        struct attachment *list = arena_alloc(arena, (count + 1) * sizeof(*list));
        for (size_t i = 0; i < count; i++) {
                const json_t *each = json_array_get(value, i);
                list[i] = (struct attachment){
                        .name = text_in(arena, each, "name"),
                        .type = text_in(arena, each, "type"),
                        .url = text_in(arena, each, "url"),
                        .sha256 = text_in(arena, each, "sha256"),
                        .size = json_integer_value(json_object_get(each, "size")),
                        .inline_id = text_in(arena, each, "inline_id"),
                };
                if (!list[i].name || !content_set(arena, &list[i], json_object_get(each, "content")))
                        return false;
        }
        *member = list;
        return json_is_array(value);
}

/* ---- Any ---- */

static const char *expected_of(const struct mail_member *member)
{
        switch (member->kind) {
        case MEMBER_TEXT:
                return mail_member_is_mailboxes(member) ? "a mailbox, {email, name} or a list of these"
                                                        : "a text";
        case MEMBER_TEXTS:
                return "a list of texts";
        case MEMBER_PAIRS:
                return "texts by name";
        case MEMBER_UNSUBSCRIBE:
                return "{url, mailto, one_click}";
        case MEMBER_ATTACHMENTS:
                return "a list of {name, type, content or url, sha256, size, inline_id}, the content in "
                       "base64";
        }
        abort();
}

static bool member_set(struct arena *arena, const struct mail_member *member, void *at, const json_t *value)
{
        const char **text = at;
        switch (member->kind) {
        case MEMBER_TEXT:
                if (mail_member_is_mailboxes(member))
                        return mailboxes_set(arena, text, value);
                *text = mail_member_text_of(arena, value);
                return *text != NULL;
        case MEMBER_TEXTS:
                return texts_set(arena, at, value);
        case MEMBER_PAIRS:
                return pairs_set(arena, at, value);
        case MEMBER_UNSUBSCRIBE:
                return unsubscribe_set(arena, at, value);
        case MEMBER_ATTACHMENTS:
                return attachments_set(arena, at, value);
        }
        abort();
}

bool mail_member_set(struct arena *arena, const struct mail_member *member, struct mail *mail,
                     const json_t *value, const char **expected)
{
        struct slice text = json_text(value);
        *expected = expected_of(member);
        if (json_is_null(value) || (text.data && text.len == 0))
                return true;
        return member_set(arena, member, (char *)mail + member->offset, value);
}
