#include "core/plan/mail_members.h"
#include "core/plan/plan.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

/* Text that cannot steer a terminal; a line break stays one if `indent`, and the next line is indented. */
static void add_safe(struct buffer *out, const char *text, const char *indent)
{
        size_t len = strlen(text);
        for (size_t at = 0, width; at < len; at += width) {
                width = utf8_width(text + at, len - at);
                if (indent && text[at] == '\n') {
                        buffer_add_char(out, '\n');
                        if (at + 1 < len)
                                buffer_add_text(out, indent);
                } else if (width && utf8_one_line(text + at, width)) {
                        buffer_add(out, text + at, width);
                } else {
                        width = width ? width : 1;
                        for (size_t i = 0; i < width; i++)
                                buffer_printf(out, "\\x%02x", (unsigned char)text[at + i]);
                }
        }
}

static void render_add_line(struct buffer *out, const char *name, const char *value)
{
        if (!value)
                return;
        buffer_printf(out, "  %s: ", name);
        add_safe(out, value, NULL);
        buffer_add_char(out, '\n');
}

static void add_block(struct buffer *out, const char *name, const char *text)
{
        if (!text)
                return;
        buffer_printf(out, "  %s:\n    ", name);
        add_safe(out, text, "    ");
        if (out->data[out->len - 1] != '\n')
                buffer_add_char(out, '\n');
}

static void render_add_pairs(struct buffer *out, const char *name, const struct pair *pairs)
{
        for (; pairs && pairs->name; pairs++) {
                buffer_printf(out, "  %s: ", name);
                add_safe(out, pairs->name, NULL);
                buffer_add_text(out, ": ");
                add_safe(out, pairs->value, NULL);
                buffer_add_char(out, '\n');
        }
}

static void render_add_texts(struct buffer *out, const char *name, const char *const *texts)
{
        for (; texts && *texts; texts++)
                render_add_line(out, name, *texts);
}

static void render_add_unsubscribe(struct buffer *out, const char *name, const struct list_unsubscribe *list)
{
        render_add_line(out, list->one_click ? "list_unsubscribe (one click)" : name, list->url);
        render_add_line(out, name, list->mailto);
}

/* No content: `report.pdf, application/pdf, 4711 bytes, inline as logo`. */
static void add_attachment(struct buffer *out, const struct attachment *file)
{
        buffer_add_text(out, "  attachment: ");
        add_safe(out, file->name, NULL);
        buffer_printf(out, ", %s", file->type);
        if (file->content)
                buffer_printf(out, ", %zu bytes", file->content_len);
        else if (file->size)
                buffer_printf(out, ", %" PRId64 " bytes", file->size);
        if (file->inline_id)
                buffer_printf(out, ", inline as %s", file->inline_id);
        if (file->url) /* what follows the question mark may be a secret */
                buffer_printf(out, ", from %.*s", (int)strcspn(file->url, "?#"), file->url);
        buffer_add_char(out, '\n');
}

static void render_add_attachments(struct buffer *out, const struct attachment *files)
{
        for (; files && files->name; files++)
                add_attachment(out, files);
}

static void render_member(struct buffer *out, const struct mail *mail, const struct mail_member *member)
{
        const char *name = text_or(member->each, member->name);
        const void *at = mail_member_at(mail, member);
        switch (member->kind) {
        case MEMBER_TEXT:
                (member->form == FORM_BODY ? add_block : render_add_line)(out, name,
                                                                          mail_member_text(mail, member));
                break;
        case MEMBER_TEXTS:
                render_add_texts(out, name, *(const char *const *const *)at);
                break;
        case MEMBER_PAIRS:
                render_add_pairs(out, name, *(const struct pair *const *)at);
                break;
        case MEMBER_UNSUBSCRIBE:
                render_add_unsubscribe(out, name, at);
                break;
        case MEMBER_ATTACHMENTS:
                render_add_attachments(out, *(const struct attachment *const *)at);
                break;
        }
}

static void render_mail(struct buffer *out, const struct mail *mail)
{
        buffer_printf(out, "mail %s\n", mail->key);
        for (size_t i = 0; i < MAIL_MEMBERS; i++)
                render_member(out, mail, &mail_members[i]);
}

/* What follows the question mark may be a secret. */
static void add_url(struct buffer *out, const char *url)
{
        size_t len = strcspn(url, "?#");
        buffer_printf(out, "  url: %.*s%s\n", (int)len, url, url[len] ? "?.." : "");
}

static void render_post(struct buffer *out, const struct post *post)
{
        buffer_printf(out, "post %s\n", post->key);
        add_url(out, post->url);
        render_add_line(out, "type", post->type);
        render_add_line(out, "outlet", post->outlet);
        add_block(out, "data", post->data);
}

static void render_publish(struct buffer *out, const struct outgoing_batch *batch)
{
        for (size_t i = 0; i < batch->count; i++) {
                const struct outgoing *outgoing = &batch->list[i];
                buffer_printf(out, "publish %s", outgoing->key);
                if (batch->numbered)
                        buffer_printf(out, ".%zu", i);
                buffer_add_char(out, '\n');
                render_add_line(out, "type", outgoing->type);
                render_add_line(out, "subject", outgoing->subject);
                render_add_line(out, "deliver_at", outgoing->deliver_at);
                render_add_line(out, "exchange", outgoing->exchange);
                add_block(out, "data", outgoing->data);
        }
}

static void render_effect(struct buffer *out, const struct effect *effect)
{
        switch (effect->kind) {
        case EFFECT_MAIL:
                render_mail(out, &effect->mail);
                break;
        case EFFECT_POST:
                render_post(out, &effect->post);
                break;
        case EFFECT_PUBLISH:
                render_publish(out, &effect->publish);
                break;
        }
}

void plan_render(struct buffer *out, const struct plan *plan)
{
        if (plan->rejected)
                buffer_printf(out, "rejected: %s\n", plan->reason);
        else if (plan->count == 0)
                buffer_add_text(out, "nothing to do\n");
        for (size_t i = 0; i < plan->count; i++)
                render_effect(out, &plan->effects[i]);
}
