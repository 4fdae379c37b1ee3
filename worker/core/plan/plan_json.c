#include "core/plan/plan_json.h"
#include "core/text/word.h"

#include <inttypes.h>

static void add_text(struct buffer *out, const char *name, const char *text)
{
        buffer_printf(out, ",\"%s\":", name);
        if (text)
                buffer_add_json_string(out, slice_of(text));
        else
                buffer_add_text(out, "null");
}

static void add_texts(struct buffer *out, const char *name, const char *const *texts)
{
        if (!texts)
                return;
        buffer_printf(out, ",\"%s\":[", name);
        for (size_t i = 0; texts[i]; i++) {
                buffer_add_text(out, i ? "," : "");
                buffer_add_json_string(out, slice_of(texts[i]));
        }
        buffer_add_char(out, ']');
}

static void add_pairs(struct buffer *out, const char *name, const struct pair *pairs)
{
        if (!pairs)
                return;
        buffer_printf(out, ",\"%s\":{", name);
        for (size_t i = 0; pairs[i].name; i++) {
                buffer_add_text(out, i ? "," : "");
                buffer_add_json_string(out, slice_of(pairs[i].name));
                buffer_add_char(out, ':');
                buffer_add_json_string(out, slice_of(pairs[i].value));
        }
        buffer_add_char(out, '}');
}

static void add_unsubscribe(struct buffer *out, struct list_unsubscribe list)
{
        if (!list.url && !list.mailto)
                return;
        buffer_printf(out, ",\"list_unsubscribe\":{\"one_click\":%s", bool_word(list.one_click));
        add_text(out, "url", list.url);
        add_text(out, "mailto", list.mailto);
        buffer_add_char(out, '}');
}

/* Content by its size alone. */
static void add_attachments(struct buffer *out, const struct attachment *files)
{
        if (!files)
                return;
        buffer_add_text(out, ",\"attachments\":[");
        for (size_t i = 0; files[i].name; i++) {
                int64_t size = files[i].content ? (int64_t)files[i].content_len : files[i].size;
                buffer_printf(out, "%s{\"size\":%" PRId64, i ? "," : "", size);
                add_text(out, "name", files[i].name);
                add_text(out, "type", files[i].type);
                add_text(out, "url", files[i].url);
                add_text(out, "sha256", files[i].sha256);
                add_text(out, "inline_id", files[i].inline_id);
                buffer_add_char(out, '}');
        }
        buffer_add_char(out, ']');
}

static void add_mail(struct buffer *out, const struct mail *mail)
{
        buffer_add_text(out, "{\"kind\":\"mail\"");
        add_text(out, "key", mail->key);
        add_text(out, "from", mail->from);
        add_text(out, "to", mail->to);
        add_text(out, "cc", mail->cc);
        add_text(out, "bcc", mail->bcc);
        add_text(out, "reply_to", mail->reply_to);
        add_text(out, "subject", mail->subject);
        add_text(out, "text", mail->text);
        add_text(out, "html", mail->html);
        add_pairs(out, "headers", mail->headers);
        add_attachments(out, mail->attachments);
        add_unsubscribe(out, mail->list_unsubscribe);
        add_text(out, "in_reply_to", mail->in_reply_to);
        add_texts(out, "references", mail->references);
        add_texts(out, "tags", mail->tags);
        add_pairs(out, "metadata", mail->metadata);
        add_text(out, "outlet", mail->outlet);
        buffer_add_char(out, '}');
}

/* A JSON text as it stands. */
static void add_data(struct buffer *out, const char *data)
{
        buffer_add_text(out, ",\"data\":");
        buffer_add_text(out, data);
        buffer_add_char(out, '}');
}

/* What follows the question mark of the URL may be a secret. */
static void add_post(struct buffer *out, const struct post *post)
{
        buffer_add_text(out, "{\"kind\":\"post\"");
        add_text(out, "key", post->key);
        buffer_add_text(out, ",\"url\":");
        buffer_add_json_string(out, (struct slice){.data = post->url, .len = strcspn(post->url, "?#")});
        add_text(out, "type", post->type);
        add_text(out, "outlet", post->outlet);
        add_data(out, post->data);
}

/* One entry for each message, with the end of its id in place of the effect's key. */
static void add_publish(struct buffer *out, const struct outgoing_batch *batch)
{
        for (size_t i = 0; i < batch->count; i++) {
                const struct outgoing *outgoing = &batch->list[i];
                buffer_printf(out, "%s{\"kind\":\"publish\",\"key\":\"%s", i ? "," : "", outgoing->key);
                if (batch->numbered)
                        buffer_printf(out, ".%zu", i);
                buffer_add_char(out, '"');
                add_text(out, "type", outgoing->type);
                add_text(out, "subject", outgoing->subject);
                add_text(out, "exchange", outgoing->exchange);
                add_data(out, outgoing->data);
        }
}

void plan_json(struct buffer *out, const char *type, const struct plan *plan)
{
        buffer_printf(out, "{\"type\":\"%s\",\"effects\":[", type);
        for (size_t i = 0; i < plan->count; i++) {
                buffer_add_text(out, i ? "," : "");
                switch (plan->effects[i].kind) {
                case EFFECT_MAIL:
                        add_mail(out, &plan->effects[i].mail);
                        break;
                case EFFECT_POST:
                        add_post(out, &plan->effects[i].post);
                        break;
                case EFFECT_PUBLISH:
                        add_publish(out, &plan->effects[i].publish);
                        break;
                }
        }
        buffer_add_text(out, "]}");
}
