#include "core/plan/plan.h"
#include "core/address/mailbox.h"
#include "core/codec/looks_like.h"
#include "core/plan/fields.h"
#include "core/plan/mail_check.h"
#include "core/plan/mail_copy.h"
#include "core/plan/plan_effects.h"
#include "core/text/html_text.h"
#include "core/text/utf8.h"
#include "core/text/word.h"

#include <stdio.h>
#include <stdlib.h>

char *plan_printf(struct plan *plan, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        char *text = arena_vprintf(plan->arena, format, args);
        va_end(args);
        return text;
}

/* Room for `more` bytes and the NUL: twice what there was, so that many pieces are not copied as often. */
static void text_grow(struct plan_text *text, size_t more)
{
        size_t room = (text->len + more) * 2;
        char *larger = arena_alloc(text->plan->arena, room + 1);
        if (text->len)
                memcpy(larger, text->text, text->len);
        text->text = larger;
        text->room = room;
}

void plan_add(struct plan_text *text, const char *format, ...)
{
        va_list args, again;
        va_start(args, format);
        va_copy(again, args);
        int len = vsnprintf(NULL, 0, format, args);
        if (len < 0)
                abort();
        if (!text->text || (size_t)len > text->room - text->len)
                text_grow(text, (size_t)len);
        vsnprintf(text->text + text->len, (size_t)len + 1, format, again);
        text->len += (size_t)len;
        va_end(again);
        va_end(args);
}

void *plan_alloc(struct plan *plan, size_t size)
{
        return arena_alloc(plan->arena, size);
}

void plan_reject(struct plan *plan, const char *reason)
{
        if (plan->rejected)
                return;
        plan->rejected = true;
        plan->count = 0;
        struct slice text = slice_of(reason);
        if (!utf8_one_line(text.data, text.len))
                text = SLICE_LITERAL("the handler's reason is not one line of UTF-8");
        size_t len = utf8_prefix(text.data, text.len, sizeof(plan->reason) - 1);
        memcpy(plan->reason, text.data, len);
        plan->reason[len] = '\0';
}

bool plan_key_valid(const char *key)
{
        size_t len = key ? strlen(key) : 0;
        size_t good = key ? strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-") : 0;
        return len > 0 && len <= PLAN_KEY_MAX && good == len;
}

static bool key_taken(const struct plan *plan, const char *key)
{
        for (size_t i = 0; i < plan->count; i++)
                if (strcmp(plan->effects[i].key, key) == 0)
                        return true;
        return false;
}

const char *effect_mistake(const struct plan *plan, const char *key)
{
        if (plan->count == PLAN_EFFECTS_MAX)
                return "more than 32 effects";
        if (!plan_key_valid(key))
                return "an effect's key is not 1 to 64 of [a-z0-9._-]";
        return key_taken(plan, key) ? "two effects of the same key" : NULL;
}

/* The array doubles at every power of two; what it leaves behind in the arena is small. */
struct effect *effect_add(struct plan *plan, const char *key, enum effect_kind kind)
{
        size_t count = plan->count;
        if ((count & (count - 1)) == 0) {
                struct effect *grown = arena_alloc(plan->arena, (count ? 2 * count : 1) * sizeof(*grown));
                if (count)
                        memcpy(grown, plan->effects, count * sizeof(*grown));
                plan->effects = grown;
        }
        struct effect *effect = &plan->effects[plan->count++];
        effect->key = arena_strdup(plan->arena, key);
        effect->kind = kind;
        return effect;
}

void plan_mail(struct plan *plan, const struct mail *mail)
{
        if (plan->rejected)
                return;
        const char *mistake = effect_mistake(plan, mail->key);
        if (mistake) {
                plan_reject(plan, mistake);
                return;
        }
        struct buffer mistakes = {0};
        mail_mistakes_add(&mistakes, mail);
        if (mistakes.len) {
                plan_reject(plan, plan_printf(plan, "mail %s: %s", mail->key, mistakes.data));
                buffer_fini(&mistakes);
                return;
        }
        struct effect *effect = effect_add(plan, mail->key, EFFECT_MAIL);
        mail_copy(plan->arena, &effect->mail, mail);
        effect->mail.key = effect->key;
}

char *plan_html_text(struct plan *plan, const char *html)
{
        struct buffer text = {0};
        if (html && utf8_valid(html, strlen(html)))
                html_text_add(&text, slice_of(html));
        char *copy = text.len ? arena_copy(plan->arena, text.data, text.len) : NULL;
        buffer_fini(&text);
        return copy;
}

char *plan_mailbox(struct plan *plan, const char *name, const char *email)
{
        struct slice address = slice_of(email), shown = slice_of(name);
        struct buffer text = {0};
        if (!address_valid(address.data, address.len)) {
                plan_reject(plan, plan_printf(plan, "plan_mailbox: %s",
                                              address_mistake(address, "expected an e-mail address")));
        } else if (!utf8_one_line(shown.data, shown.len)) {
                plan_reject(plan, "plan_mailbox: expected a name of one line of UTF-8");
        } else {
                mailbox_write(&text, shown, address);
        }
        char *mailbox = arena_copy(plan->arena, text.data, text.len);
        buffer_fini(&text);
        return mailbox;
}

/* The struct that the handler plans with, or the payload itself; NULL with faults. */
static const void *decode(const struct handler *handler, const json_t *payload, struct faults *faults)
{
        struct payload_table table = {
                .fields = handler->fields, .size = handler->size, .closed = handler->closed};
        if (handler->kind)
                return handler->kind->check(handler, payload, faults) ? payload : NULL;
        return fields_decode(&table, payload, faults);
}

/* False with faults: only the template of a type from a file finds more than the fields of one in C. */
static bool plan_with(const struct handler *handler, const void *decoded, struct plan *plan,
                      struct faults *faults)
{
        if (handler->kind)
                return handler->kind->plan(handler, decoded, plan, faults);
        handler->plan(decoded, plan);
        return true;
}

/* NULL and a fault if it is no JSON. The caller owns the result. */
static json_t *payload_parse(struct slice payload, struct faults *faults)
{
        char cause[JSON_CAUSE_MAX];
        json_t *value = json_parse(payload, cause);
        const char *look = value ? NULL : looks_like(payload);
        if (!value)
                faults_add(faults, "%s%s%s", cause, text_if(look, "; the body looks like "),
                           text_or(look, ""));
        return value;
}

void plan_check(const struct handler *handler, struct slice payload, struct faults *faults)
{
        json_t *value = payload_parse(payload, faults);
        if (value)
                decode(handler, value, faults);
        json_decref(value);
}

enum plan_outcome plan_build(const struct handler *handler, const json_t *payload, struct plan **plan,
                             struct faults *faults)
{
        *plan = NULL;
        const void *decoded = decode(handler, payload, faults);
        if (!decoded)
                return PLAN_BAD_PAYLOAD;
        if (handler->kind && !handler->kind->plan)
                return PLAN_PLANNERS;
        struct plan *made = arena_alloc(faults->arena, sizeof(*made));
        made->arena = faults->arena;
        made->templates = handler->templates;
        if (!plan_with(handler, decoded, made, faults))
                return PLAN_BAD_PAYLOAD;
        *plan = made;
        if (!(*plan)->rejected)
                return PLAN_OK;
        faults_add(faults, "%s", (*plan)->reason);
        return PLAN_REJECTED;
}

enum plan_outcome plan_build_text(const struct handler *handler, struct slice payload, struct plan **plan,
                                  struct faults *faults)
{
        *plan = NULL;
        json_t *value = payload_parse(payload, faults);
        if (!value)
                return PLAN_BAD_PAYLOAD;
        enum plan_outcome outcome = plan_build(handler, value, plan, faults);
        json_decref(value);
        return outcome;
}
