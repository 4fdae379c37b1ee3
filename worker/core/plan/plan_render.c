#include "core/plan/plan.h"
#include "core/text/utf8.h"

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

static void add_line(struct buffer *out, const char *name, const char *value)
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

static void render_mail(struct buffer *out, const struct mail *mail)
{
        buffer_printf(out, "mail %s\n", mail->key);
        add_line(out, "to", mail->to);
        add_line(out, "reply_to", mail->reply_to);
        add_line(out, "subject", mail->subject);
        add_block(out, "text", mail->text);
        add_block(out, "html", mail->html);
}

static void render_effect(struct buffer *out, const struct effect *effect)
{
        switch (effect->kind) {
        case EFFECT_MAIL:
                render_mail(out, &effect->mail);
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
