#include "core/plan/plan_json.h"
#include "core/plan/mail_members.h"
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

static void plan_json_add_unsubscribe(struct buffer *out, const char *name,
                                      const struct list_unsubscribe *list)
{
        if (!list->url && !list->mailto)
                return;
        buffer_printf(out, ",\"%s\":{\"one_click\":%s", name, bool_word(list->one_click));
        json_member_text(out, "url", list->url);
        json_member_text(out, "mailto", list->mailto);
        buffer_add_char(out, '}');
}

/* Content by its size alone. */
static void add_attachments(struct buffer *out, const char *name, const struct attachment *files)
{
        if (!files)
                return;
        buffer_printf(out, ",\"%s\":[", name);
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

static void plan_json_add_member(struct buffer *out, const struct mail *mail,
                                 const struct mail_member *member)
{
        const void *at = mail_member_at(mail, member);
        switch (member->kind) {
        case MEMBER_TEXT:
                json_member_text(out, member->name, mail_member_text(mail, member));
                break;
        case MEMBER_TEXTS:
                plan_json_add_texts(out, member->name, *(const char *const *const *)at);
                break;
        case MEMBER_PAIRS:
                plan_json_add_pairs(out, member->name, *(const struct pair *const *)at);
                break;
        case MEMBER_UNSUBSCRIBE:
                plan_json_add_unsubscribe(out, member->name, at);
                break;
        case MEMBER_ATTACHMENTS:
                add_attachments(out, member->name, *(const struct attachment *const *)at);
                break;
        }
}

static void add_mail(struct buffer *out, const struct mail *mail)
{
        buffer_add_text(out, "{\"kind\":\"mail\"");
        json_member_text(out, "key", mail->key);
        for (size_t i = 0; i < MAIL_MEMBERS; i++)
                plan_json_add_member(out, mail, &mail_members[i]);
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
                json_member_text(out, "deliver_at", outgoing->deliver_at);
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
