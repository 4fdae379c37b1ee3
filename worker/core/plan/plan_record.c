#include "core/plan/plan_record.h"
#include "core/codec/base64.h"
#include "core/plan/mail_members.h"
#include "core/plan/plan_effects.h"

/* ---- Members that are texts ---- */

struct text_member {
        const char *name;
        size_t offset;
};

#define TEXT_MEMBER(type, member)                                                                            \
        {                                                                                                    \
#                member, offsetof(struct type, member)                                                       \
        }

static const struct text_member post_texts[] = {TEXT_MEMBER(post, url),
                                                TEXT_MEMBER(post, type),
                                                TEXT_MEMBER(post, data),
                                                TEXT_MEMBER(post, outlet),
                                                {0}};
static const struct text_member publish_texts[] = {
        TEXT_MEMBER(outgoing, type),       TEXT_MEMBER(outgoing, data),     TEXT_MEMBER(outgoing, subject),
        TEXT_MEMBER(outgoing, deliver_at), TEXT_MEMBER(outgoing, exchange), {0}};
static const struct text_member file_texts[] = {
        TEXT_MEMBER(attachment, name),   TEXT_MEMBER(attachment, type),      TEXT_MEMBER(attachment, url),
        TEXT_MEMBER(attachment, sha256), TEXT_MEMBER(attachment, inline_id), {0}};

/* ---- Writing ---- */

static void record_member_set(json_t *object, const char *name, const char *text)
{
        if (text)
                json_object_set_new(object, name, json_string(text));
}

static void texts_write(json_t *object, const struct text_member *members, const void *from)
{
        for (; members->name; members++) {
                const char *text;
                memcpy(&text, (const char *)from + members->offset, sizeof(text));
                record_member_set(object, members->name, text);
        }
}

static void list_write(json_t *object, const char *name, const char *const *texts)
{
        if (!texts)
                return;
        json_t *list = json_array();
        for (; *texts; texts++)
                json_array_append_new(list, json_string(*texts));
        json_object_set_new(object, name, list);
}

static void pairs_write(json_t *object, const char *name, const struct pair *pairs)
{
        if (!pairs)
                return;
        json_t *list = json_array();
        for (; pairs->name; pairs++)
                json_array_append_new(list, json_pack("[ss]", pairs->name, pairs->value));
        json_object_set_new(object, name, list);
}

static void files_write(json_t *object, const char *name, const struct attachment *files)
{
        if (!files)
                return;
        json_t *list = json_array();
        for (; files->name; files++) {
                json_t *file = json_object();
                texts_write(file, file_texts, files);
                json_object_set_new(file, "size", json_integer(files->size));
                struct buffer content = {0};
                base64_add(&content, files->content, files->content ? files->content_len : 0);
                if (files->content)
                        json_object_set_new(file, "content", json_string(content.data ? content.data : ""));
                buffer_fini(&content);
                json_array_append_new(list, file);
        }
        json_object_set_new(object, name, list);
}

static void unsubscribe_write(json_t *object, const struct list_unsubscribe *list)
{
        record_member_set(object, "unsubscribe_url", list->url);
        record_member_set(object, "unsubscribe_mailto", list->mailto);
        json_object_set_new(object, "one_click", json_boolean(list->one_click));
}

static void member_write(json_t *object, const struct mail *mail, const struct mail_member *member)
{
        const void *at = mail_member_at(mail, member);
        switch (member->kind) {
        case MEMBER_TEXT:
                record_member_set(object, member->name, mail_member_text(mail, member));
                break;
        case MEMBER_TEXTS:
                list_write(object, member->name, *(const char *const *const *)at);
                break;
        case MEMBER_PAIRS:
                pairs_write(object, member->name, *(const struct pair *const *)at);
                break;
        case MEMBER_UNSUBSCRIBE:
                unsubscribe_write(object, at);
                break;
        case MEMBER_ATTACHMENTS:
                files_write(object, member->name, *(const struct attachment *const *)at);
                break;
        }
}

static void record_mail_write(json_t *object, const struct mail *mail)
{
        for (size_t i = 0; i < MAIL_MEMBERS; i++)
                member_write(object, mail, &mail_members[i]);
}

static void batch_write(json_t *object, const struct outgoing_batch *batch)
{
        json_t *list = json_array();
        for (size_t i = 0; i < batch->count; i++) {
                json_t *message = json_object();
                texts_write(message, publish_texts, &batch->list[i]);
                json_array_append_new(list, message);
        }
        json_object_set_new(object, "messages", list);
        json_object_set_new(object, "numbered", json_boolean(batch->numbered));
}

static json_t *effect_write(const struct effect *effect)
{
        json_t *object = json_pack("{s:i,s:s}", "kind", (int)effect->kind, "key", effect->key);
        switch (effect->kind) {
        case EFFECT_MAIL:
                record_mail_write(object, &effect->mail);
                break;
        case EFFECT_POST:
                texts_write(object, post_texts, &effect->post);
                break;
        case EFFECT_PUBLISH:
                batch_write(object, &effect->publish);
                break;
        }
        return object;
}

bool plan_record_write(struct buffer *out, const struct plan *plan, const struct plan_around *around)
{
        json_t *record = json_object(), *senders = json_array();
        record_member_set(record, "redirect_to", around->redirect_to);
        record_member_set(record, "bcc_all", around->bcc_all);
        for (size_t i = 0; i < around->sender_count; i++)
                if (around->senders[i].from)
                        json_array_append_new(senders, json_pack("[ss]", around->senders[i].outlet,
                                                                 around->senders[i].from));
        json_object_set_new(record, "senders", senders);
        if (plan) {
                json_t *effects = json_array();
                for (size_t i = 0; i < plan->count; i++)
                        json_array_append_new(effects, effect_write(&plan->effects[i]));
                json_object_set_new(record, "effects", effects);
        }
        json_write(out, record, JSON_COMPACT);
        json_decref(record);
        return out->len <= PLAN_RECORD_MAX;
}

/* ---- Reading ---- */

static const char *text_read(struct arena *arena, const json_t *value)
{
        struct slice text = json_text(value);
        return text.data ? arena_copy(arena, text.data, text.len) : NULL;
}

static void texts_read(struct arena *arena, const json_t *object, const struct text_member *members, void *to)
{
        for (; members->name; members++) {
                const char *text = text_read(arena, json_object_get(object, members->name));
                memcpy((char *)to + members->offset, &text, sizeof(text));
        }
}

static const char *const *record_list_read(struct arena *arena, const json_t *list)
{
        size_t count = json_array_size(list);
        if (!list)
                return NULL;
        const char **texts = arena_alloc(arena, (count + 1) * sizeof(*texts));
        for (size_t i = 0; i < count; i++)
                texts[i] = text_read(arena, json_array_get(list, i));
        return texts;
}

static const struct pair *pairs_read(struct arena *arena, const json_t *list)
{
        size_t count = json_array_size(list);
        if (!list)
                return NULL;
        struct pair *pairs = arena_alloc(arena, (count + 1) * sizeof(*pairs));
        for (size_t i = 0; i < count; i++) {
                const json_t *each = json_array_get(list, i);
                pairs[i] = (struct pair){.name = text_read(arena, json_array_get(each, 0)),
                                         .value = text_read(arena, json_array_get(each, 1))};
        }
        return pairs;
}

static bool content_read(struct arena *arena, const json_t *value, struct attachment *file)
{
        struct slice text = json_text(value);
        if (!value)
                return true;
        char *bytes = arena_alloc(arena, text.len / 4 * 3 + 1);
        file->content = bytes;
        return text.data && base64_decode(text, bytes, &file->content_len);
}

static bool files_read(struct arena *arena, const json_t *list, const struct attachment **to)
{
        size_t count = json_array_size(list);
        struct attachment *files = arena_alloc(arena, (count + 1) * sizeof(*files));
        for (size_t i = 0; i < count; i++) {
                const json_t *each = json_array_get(list, i);
                texts_read(arena, each, file_texts, &files[i]);
                files[i].size = json_integer_value(json_object_get(each, "size"));
                if (!files[i].name || !content_read(arena, json_object_get(each, "content"), &files[i]))
                        return false;
        }
        *to = list ? files : NULL;
        return true;
}

static struct list_unsubscribe unsubscribe_read(struct arena *arena, const json_t *object)
{
        return (struct list_unsubscribe){
                .url = text_read(arena, json_object_get(object, "unsubscribe_url")),
                .mailto = text_read(arena, json_object_get(object, "unsubscribe_mailto")),
                .one_click = json_is_true(json_object_get(object, "one_click"))};
}

static bool member_read(struct arena *arena, const json_t *object, const struct mail_member *member, void *to)
{
        const json_t *value = json_object_get(object, member->name);
        switch (member->kind) {
        case MEMBER_TEXT:
                *(const char **)to = text_read(arena, value);
                return *(const char **)to || !member->required;
        case MEMBER_TEXTS:
                *(const char *const **)to = record_list_read(arena, value);
                return true;
        case MEMBER_PAIRS:
                *(const struct pair **)to = pairs_read(arena, value);
                return true;
        case MEMBER_UNSUBSCRIBE:
                *(struct list_unsubscribe *)to = unsubscribe_read(arena, object);
                return true;
        case MEMBER_ATTACHMENTS:
                return files_read(arena, value, to);
        }
        return false;
}

static bool record_mail_read(struct arena *arena, const json_t *object, struct mail *mail)
{
        bool good = true;
        for (const struct mail_member *each = mail_members; each < mail_members + MAIL_MEMBERS; each++)
                good = member_read(arena, object, each, (char *)mail + each->offset) && good;
        return good;
}

static bool batch_read(struct arena *arena, const json_t *object, struct effect *effect)
{
        const json_t *list = json_object_get(object, "messages");
        size_t count = json_array_size(list);
        effect->publish =
                (struct outgoing_batch){.list = arena_alloc(arena, (count + 1) * sizeof(struct outgoing)),
                                        .count = count,
                                        .numbered = json_is_true(json_object_get(object, "numbered"))};
        for (size_t i = 0; i < count; i++) {
                struct outgoing *outgoing = &effect->publish.list[i];
                texts_read(arena, json_array_get(list, i), publish_texts, outgoing);
                outgoing->key = effect->key;
                if (!outgoing->type || !outgoing->data)
                        return false;
        }
        return count > 0;
}

static bool record_effect_read(struct plan *plan, const json_t *object)
{
        struct arena *arena = plan->arena;
        const char *key = text_read(arena, json_object_get(object, "key"));
        json_int_t kind = json_integer_value(json_object_get(object, "kind"));
        if (effect_mistake(plan, key) || kind < EFFECT_MAIL || kind > EFFECT_PUBLISH)
                return false;
        struct effect *effect = effect_add(plan, key, (enum effect_kind)kind);
        switch (effect->kind) {
        case EFFECT_MAIL:
                effect->mail.key = effect->key;
                return record_mail_read(arena, object, &effect->mail);
        case EFFECT_POST:
                effect->post.key = effect->key;
                texts_read(arena, object, post_texts, &effect->post);
                return effect->post.url && effect->post.data;
        case EFFECT_PUBLISH:
                return batch_read(arena, object, effect);
        }
        return false;
}

static bool record_effects_read(struct arena *arena, const json_t *effects, struct plan **plan)
{
        *plan = NULL;
        if (!effects)
                return true;
        *plan = arena_alloc(arena, sizeof(**plan));
        (*plan)->arena = arena;
        for (size_t i = 0; i < json_array_size(effects); i++)
                if (!record_effect_read(*plan, json_array_get(effects, i)))
                        return false;
        return json_is_array(effects);
}

static void around_read(struct arena *arena, const json_t *record, struct plan_around *around)
{
        const json_t *list = json_object_get(record, "senders");
        size_t count = json_array_size(list);
        struct plan_sender *senders = arena_alloc(arena, (count + 1) * sizeof(*senders));
        for (size_t i = 0; i < count; i++) {
                const json_t *each = json_array_get(list, i);
                senders[i] = (struct plan_sender){.outlet = text_read(arena, json_array_get(each, 0)),
                                                  .from = text_read(arena, json_array_get(each, 1))};
        }
        *around =
                (struct plan_around){.redirect_to = text_read(arena, json_object_get(record, "redirect_to")),
                                     .bcc_all = text_read(arena, json_object_get(record, "bcc_all")),
                                     .senders = senders,
                                     .sender_count = count};
}

bool plan_record_read(struct arena *arena, struct slice text, struct plan **plan, struct plan_around *around)
{
        char error[JSON_CAUSE_MAX];
        json_t *record = json_parse(text, error);
        if (!record)
                return false;
        around_read(arena, record, around);
        bool good = json_is_object(record) &&
                    record_effects_read(arena, json_object_get(record, "effects"), plan);
        json_decref(record);
        return good;
}

const char *plan_around_sender(const struct plan_around *around, const char *outlet)
{
        for (size_t i = 0; i < around->sender_count; i++)
                if (around->senders[i].outlet && strcmp(around->senders[i].outlet, outlet) == 0)
                        return around->senders[i].from;
        return NULL;
}
