#include "core/plan/plan_answer.h"
#include "core/plan/fields.h"
#include "core/plan/plan_effects.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

#include <stdlib.h>

/* An answer on its way to a plan. */
struct answer {
        const struct handler *mail;
        struct plan *plan;
        struct faults *faults;
};

/* ---- What is wrong, with its place ---- */

static bool plan_answer_refuse(struct answer *answer, size_t index, const char *member, const char *what)
{
        faults_add(answer->faults, "/effects/%zu%s%s: %s", index, text_if(member, "/"), text_or(member, ""),
                   what);
        return false;
}

/* A name that a planner chose, safe to show. */
static const char *shown(struct answer *answer, const char *name)
{
        struct slice text = slice_of(name);
        if (!utf8_one_line(text.data, text.len))
                return "?";
        return arena_copy(answer->plan->arena, name, utf8_prefix(text.data, text.len, 64));
}

static bool answer_members_known(struct answer *answer, size_t index, const json_t *object,
                                 const char *const *names)
{
        const char *name;
        json_t *value;
        bool good = true;
        json_object_foreach((json_t *)(uintptr_t)object, name, value)
        {
                size_t i = 0;
                while (names[i] && strcmp(names[i], name) != 0)
                        i++;
                if (!names[i])
                        good = plan_answer_refuse(answer, index, shown(answer, name), "unknown field");
        }
        return good;
}

/* The text of a member, in the arena, or NULL: it is not there, or is null. */
static const char *plan_answer_text_of(struct answer *answer, size_t index, const json_t *object,
                                       const char *name)
{
        const json_t *value = json_object_get(object, name);
        struct slice text = json_text(value);
        if (text.data)
                return arena_copy(answer->plan->arena, text.data, text.len);
        if (value && !json_is_null(value))
                plan_answer_refuse(answer, index, name, "expected a string");
        return NULL;
}

static const char *answer_data(struct answer *answer, const json_t *object)
{
        const json_t *value = json_object_get(object, "data");
        if (!value)
                return NULL;
        struct buffer text = {0};
        json_write(&text, value, JSON_COMPACT | JSON_ENCODE_ANY);
        const char *data = arena_copy(answer->plan->arena, text.data, text.len);
        buffer_fini(&text);
        return data;
}

/* ---- Effects ---- */

/* What is left of the effect are the fields of email.send.v1, which its own handler makes a mail of. */
static const struct mail *mail_decode(struct answer *answer, size_t index, const json_t *fields)
{
        const struct handler *handler = answer->mail;
        struct payload_table table = {.fields = handler->fields, .size = handler->size, .closed = true};
        struct faults faults = {.arena = answer->plan->arena};
        struct plan *alone = arena_alloc(answer->plan->arena, sizeof(*alone));
        alone->arena = answer->plan->arena;
        const void *decoded = fields_decode(&table, fields, &faults);
        for (const struct fault *fault = faults.first; fault; fault = fault->next)
                faults_add(answer->faults, "/effects/%zu%s", index, fault->text);
        if (!decoded)
                return NULL;
        handler->plan(decoded, alone);
        if (!alone->rejected)
                return &alone->effects[0].mail;
        plan_answer_refuse(answer, index, NULL, alone->reason);
        return NULL;
}

static void answer_mail_read(struct answer *answer, size_t index, const char *key, const json_t *effect)
{
        json_t *fields = json_copy((json_t *)(uintptr_t)effect);
        const char *outlet = plan_answer_text_of(answer, index, effect, "outlet");
        json_object_del(fields, "kind");
        json_object_del(fields, "key");
        json_object_del(fields, "outlet");
        const struct mail *decoded = mail_decode(answer, index, fields);
        json_decref(fields);
        if (!decoded)
                return;
        struct mail mail = *decoded;
        mail.key = key;
        mail.outlet = outlet;
        plan_mail(answer->plan, &mail);
}

static void post_read(struct answer *answer, size_t index, const char *key, const json_t *effect)
{
        static const char *const names[] = {"kind", "key", "url", "type", "data", "outlet", NULL};
        if (answer_members_known(answer, index, effect, names))
                plan_post(answer->plan,
                          &(struct post){.key = key,
                                         .url = plan_answer_text_of(answer, index, effect, "url"),
                                         .type = plan_answer_text_of(answer, index, effect, "type"),
                                         .data = answer_data(answer, effect),
                                         .outlet = plan_answer_text_of(answer, index, effect, "outlet")});
}

static void publish_read(struct answer *answer, size_t index, const char *key, const json_t *effect)
{
        static const char *const names[] = {"kind",    "key",        "type",     "data",
                                            "subject", "deliver_at", "exchange", NULL};
        if (answer_members_known(answer, index, effect, names))
                plan_publish(answer->plan,
                             &(struct outgoing){
                                     .key = key,
                                     .type = plan_answer_text_of(answer, index, effect, "type"),
                                     .data = answer_data(answer, effect),
                                     .subject = plan_answer_text_of(answer, index, effect, "subject"),
                                     .deliver_at = plan_answer_text_of(answer, index, effect, "deliver_at"),
                                     .exchange = plan_answer_text_of(answer, index, effect, "exchange")});
}

static void answer_effect_read(struct answer *answer, size_t index, const json_t *effect)
{
        static const struct {
                const char *kind;
                void (*read)(struct answer *answer, size_t index, const char *key, const json_t *effect);
        } kinds[] = {{"mail", answer_mail_read}, {"post", post_read}, {"publish", publish_read}};
        if (!json_is_object(effect)) {
                plan_answer_refuse(answer, index, NULL, "expected an object");
                return;
        }
        const char *kind = plan_answer_text_of(answer, index, effect, "kind"),
                   *key = plan_answer_text_of(answer, index, effect, "key");
        if (!plan_key_valid(key)) {
                plan_answer_refuse(answer, index, "key", "expected 1 to 64 of [a-z0-9._-]");
                return;
        }
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
                if (kind && strcmp(kinds[i].kind, kind) == 0) {
                        kinds[i].read(answer, index, key, effect);
                        return;
                }
        plan_answer_refuse(answer, index, "kind", "expected mail, post or publish");
}

static void answer_effects_read(struct answer *answer, const json_t *effects)
{
        size_t count = json_array_size(effects);
        if (!json_is_array(effects)) {
                faults_add(answer->faults, "/effects: expected a list");
                return;
        }
        for (size_t i = 0; i < count; i++) {
                bool before = answer->plan->rejected;
                answer_effect_read(answer, i, json_array_get(effects, i));
                if (!before && answer->plan->rejected)
                        plan_answer_refuse(answer, i, NULL, answer->plan->reason);
        }
}

/* ---- The answer ---- */

static enum plan_outcome rejected(struct answer *answer, const json_t *reject)
{
        struct slice reason = json_text(reject);
        if (!reason.len || !utf8_one_line(reason.data, reason.len)) {
                faults_add(answer->faults, "/reject: expected a reason, one line");
                return PLAN_BAD_PLAN;
        }
        plan_reject(answer->plan, arena_copy(answer->plan->arena, reason.data, reason.len));
        faults_add(answer->faults, "%s", answer->plan->reason);
        return PLAN_REJECTED;
}

static void others_refuse(struct answer *answer, const json_t *object)
{
        const char *name;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)object, name, value)
        {
                bool known = strcmp(name, "id") == 0 || strcmp(name, "effects") == 0 ||
                             strcmp(name, "reject") == 0;
                if (!known)
                        faults_add(answer->faults, "/%s: unknown field", shown(answer, name));
        }
}

enum plan_outcome plan_answer_read(const struct handler *mail, const json_t *object, struct plan **plan,
                                   struct faults *faults)
{
        const json_t *effects = json_object_get(object, "effects"),
                     *reject = json_object_get(object, "reject");
        *plan = arena_alloc(faults->arena, sizeof(**plan));
        (*plan)->arena = faults->arena;
        struct answer answer = {.mail = mail, .plan = *plan, .faults = faults};
        if (!json_is_object(object))
                faults_add(faults, "expected an object with effects or reject");
        else if ((effects == NULL) == (reject == NULL))
                faults_add(faults, "expected one of effects and reject");
        others_refuse(&answer, object);
        if (faults->count)
                return PLAN_BAD_PLAN;
        if (reject)
                return rejected(&answer, reject);
        answer_effects_read(&answer, effects);
        return faults->count ? PLAN_BAD_PLAN : PLAN_OK;
}
