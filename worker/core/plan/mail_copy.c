#include "core/plan/mail_copy.h"
#include "core/address/mailbox.h"
#include "core/plan/mail_members.h"
#include "core/text/word.h"

/* Most lists are one address, which is written anew only if it is not ASCII. */
static char *list_copy(struct arena *arena, const char *list)
{
        struct buffer text = {0};
        if (!list || !*list)
                return NULL;
        mailbox_list_write(&text, list);
        char *copy = arena_copy(arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

static char *from_copy(struct arena *arena, const char *from)
{
        struct buffer text = {0};
        if (!from)
                return NULL;
        mailbox_one_write(&text, from);
        char *copy = arena_copy(arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

static const struct pair *pairs_copy(struct arena *arena, const struct pair *pairs)
{
        size_t count = 0;
        while (pairs && pairs[count].name)
                count++;
        if (count == 0)
                return NULL;
        struct pair *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
        for (size_t i = 0; i < count; i++)
                copy[i] = (struct pair){.name = arena_strdup(arena, pairs[i].name),
                                        .value = arena_strdup(arena, pairs[i].value)};
        return copy;
}

static const char *const *texts_copy(struct arena *arena, const char *const *texts)
{
        size_t count = 0;
        while (texts && texts[count])
                count++;
        if (count == 0)
                return NULL;
        const char **copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
        for (size_t i = 0; i < count; i++)
                copy[i] = arena_strdup(arena, texts[i]);
        return copy;
}

static const struct attachment *attachments_copy(struct arena *arena, const struct attachment *files)
{
        size_t count = 0;
        while (files && files[count].name)
                count++;
        if (count == 0)
                return NULL;
        struct attachment *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
        for (size_t i = 0; i < count; i++)
                copy[i] = (struct attachment){
                        .name = arena_strdup(arena, files[i].name),
                        .type = arena_strdup(arena, text_or(files[i].type, "application/octet-stream")),
                        .content = files[i].content
                                           ? arena_copy(arena, files[i].content, files[i].content_len)
                                           : NULL,
                        .content_len = files[i].content_len,
                        .url = arena_strdup(arena, files[i].url),
                        .sha256 = arena_strdup(arena, files[i].sha256),
                        .size = files[i].size,
                        .inline_id = arena_strdup(arena, files[i].inline_id),
                };
        return copy;
}

static struct list_unsubscribe unsubscribe_copy(struct arena *arena, const struct list_unsubscribe *list)
{
        return (struct list_unsubscribe){.url = arena_strdup(arena, list->url),
                                         .mailto = arena_strdup(arena, list->mailto),
                                         .one_click = list->one_click};
}

static char *text_copy(struct arena *arena, enum mail_text_form form, const char *text)
{
        switch (form) {
        case FORM_MAILBOX:
                return from_copy(arena, text);
        case FORM_MAILBOXES:
                return list_copy(arena, text);
        case FORM_BODY: /* an empty one would be a part that is shown instead of the other */
                return text && *text ? arena_strdup(arena, text) : NULL;
        case FORM_LINE:
                break;
        }
        return arena_strdup(arena, text);
}

static void member_copy(struct arena *arena, const struct mail_member *member, void *to, const void *from)
{
        switch (member->kind) {
        case MEMBER_TEXT:
                *(const char **)to = text_copy(arena, member->form, *(const char *const *)from);
                break;
        case MEMBER_TEXTS:
                *(const char *const **)to = texts_copy(arena, *(const char *const *const *)from);
                break;
        case MEMBER_PAIRS:
                *(const struct pair **)to = pairs_copy(arena, *(const struct pair *const *)from);
                break;
        case MEMBER_UNSUBSCRIBE:
                *(struct list_unsubscribe *)to = unsubscribe_copy(arena, from);
                break;
        case MEMBER_ATTACHMENTS:
                *(const struct attachment **)to =
                        attachments_copy(arena, *(const struct attachment *const *)from);
                break;
        }
}

void mail_copy(struct arena *arena, struct mail *to, const struct mail *from)
{
        *to = (struct mail){.key = arena_strdup(arena, from->key)};
        for (const struct mail_member *each = mail_members; each < mail_members + MAIL_MEMBERS; each++)
                member_copy(arena, each, (char *)to + each->offset, mail_member_at(from, each));
}
