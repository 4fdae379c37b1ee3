#include "core/plan/plan_json.h"
#include "core/text/json_member.h"
#include "core/text/word.h"

#include <inttypes.h>

static void plan_json_add_texts(struct buffer *out, const char *name, const char *const *texts)
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

static void plan_json_add_pairs(struct buffer *out, const char *name, const struct pair *pairs)
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

static void plan_json_add_unsubscribe(struct buffer *out, struct list_unsubscribe list)
{
        if (!list.url && !list.mailto)
                return;
        buffer_printf(out, ",\"list_unsubscribe\":{\"one_click\":%s", bool_word(list.one_click));
        json_member_text(out, "url", list.url);
        json_member_text(out, "mailto", list.mailto);
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
                json_member_text(out, "name", files[i].name);
                json_member_text(out, "type", files[i].type);
                json_member_text(out, "url", files[i].url);
                json_member_text(out, "sha256", files[i].sha256);
                json_member_text(out, "inline_id", files[i].inline_id);
                buffer_add_char(out, '}');
        }
        buffer_add_char(out, ']');
}

static void add_mail(struct buffer *out, const struct mail *mail)
{
        buffer_add_text(out, "{\"kind\":\"mail\"");
        json_member_text(out, "key", mail->key);
        json_member_text(out, "from", mail->from);
        json_member_text(out, "to", mail->to);
        json_member_text(out, "cc", mail->cc);
        json_member_text(out, "bcc", mail->bcc);
        json_member_text(out, "reply_to", mail->reply_to);
        json_member_text(out, "subject", mail->subject);
        json_member_text(out, "text", mail->text);
        json_member_text(out, "html", mail->html);
        plan_json_add_pairs(out, "headers", mail->headers);
        add_attachments(out, mail->attachments);
        plan_json_add_unsubscribe(out, mail->list_unsubscribe);
        json_member_text(out, "in_reply_to", mail->in_reply_to);
        plan_json_add_texts(out, "references", mail->references);
        plan_json_add_texts(out, "tags", mail->tags);
        plan_json_add_pairs(out, "metadata", mail->metadata);
        json_member_text(out, "outlet", mail->outlet);
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
        json_member_text(out, "key", post->key);
        buffer_add_text(out, ",\"url\":");
        buffer_add_json_string(out, (struct slice){.data = post->url, .len = strcspn(post->url, "?#")});
        json_member_text(out, "type", post->type);
        json_member_text(out, "outlet", post->outlet);
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
                json_member_text(out, "type", outgoing->type);
                json_member_text(out, "subject", outgoing->subject);
                json_member_text(out, "exchange", outgoing->exchange);
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
