#include "core/plan/plan_effects.h"
#include "core/codec/rfc3339.h"
#include "core/plan/registry.h"
#include "core/text/plain_text.h"
#include "core/text/utf8.h"

enum { EVENT_TYPE_MAX = 128, SUBJECT_MAX = 256, NAME_MAX_BYTES = 255 };

/* Rejects the plan: "post crm: /url: expected ..". */
static bool forbid(struct plan *plan, const char *what, const char *key, const char *mistake)
{
        plan_reject(plan, plan_printf(plan, "%s %s: %s", what, key, mistake));
        return false;
}

/* Is it one JSON value that still fits into the plan? */
static bool data_fits(struct plan *plan, const char *what, const char *key, const char *data)
{
        char cause[JSON_CAUSE_MAX];
        if (!data)
                return forbid(plan, what, key, "/data: missing");
        plan->bytes += strlen(data);
        if (plan->bytes > PLAN_BYTES_MAX)
                return forbid(plan, what, key, "the plan is larger than 4 MiB");
        json_t *value = json_parse(slice_of(data), cause);
        if (!value)
                return forbid(plan, what, key, plan_printf(plan, "/data: no JSON: %s", cause));
        json_decref(value);
        return true;
}

static char *copy_or_null(struct plan *plan, const char *text)
{
        return text ? arena_strdup(plan->arena, text) : NULL;
}

/* Names as configurations and brokers have them. */
static bool name_fits(const char *name)
{
        size_t len = strlen(name);
        return len > 0 && len <= NAME_MAX_BYTES && plain_text_is(slice_of(name), NAME_MAX_BYTES);
}

/* ---- post ---- */

static bool url_fits(const char *url)
{
        bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
        size_t len = strlen(url);
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f)
                        return false;
        return http && len <= PLAN_URL_MAX;
}

static bool event_type_fits(const char *type)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        size_t len = strlen(type);
        return len > 0 && len <= EVENT_TYPE_MAX && strspn(type, allowed) == len;
}

static const char *post_mistake(const struct post *post)
{
        if (!post->url || !url_fits(post->url))
                return "/url: expected http:// or https://, in ASCII, at most 2000 bytes";
        if (post->type && !event_type_fits(post->type))
                return "/type: expected 1 to 128 of [A-Za-z0-9._-]";
        return post->outlet && !name_fits(post->outlet) ? "/outlet: expected the name of an outlet" : NULL;
}

void plan_post(struct plan *plan, const struct post *post)
{
        if (plan->rejected)
                return;
        const char *mistake = effect_mistake(plan, post->key);
        if (mistake) {
                plan_reject(plan, mistake);
                return;
        }
        mistake = post_mistake(post);
        if (mistake)
                forbid(plan, "post", post->key, mistake);
        else if (data_fits(plan, "post", post->key, post->data)) {
                struct effect *effect = effect_add(plan, post->key, EFFECT_POST);
                effect->post = (struct post){.key = effect->key,
                                             .url = arena_strdup(plan->arena, post->url),
                                             .type = copy_or_null(plan, post->type),
                                             .data = arena_strdup(plan->arena, post->data),
                                             .outlet = copy_or_null(plan, post->outlet)};
        }
}

/* ---- publish ---- */

static const char *outgoing_mistake(const struct outgoing *outgoing)
{
        if (!outgoing->type || !handler_type_valid(slice_of(outgoing->type)))
                return "/type: expected dotted lower case with a version, as order.created.v1";
        if (outgoing->subject && !plain_text_is(slice_of(outgoing->subject), SUBJECT_MAX))
                return "/subject: expected one line of at most 256 bytes";
        int64_t deliver_at_ms;
        if (outgoing->deliver_at && !rfc3339_parse(slice_of(outgoing->deliver_at), &deliver_at_ms))
                return "/deliver_at: expected a time of RFC 3339, as in 2030-01-31T12:00:00Z";
        if (outgoing->exchange && !name_fits(outgoing->exchange))
                return "/exchange: expected the name of an exchange";
        return NULL;
}

static struct effect *batch_find(const struct plan *plan, const char *key)
{
        for (size_t i = 0; key && i < plan->count; i++)
                if (plan->effects[i].kind == EFFECT_PUBLISH && strcmp(plan->effects[i].key, key) == 0)
                        return &plan->effects[i];
        return NULL;
}

/* The array doubles at every power of two, as that of the effects. */
static void batch_add(struct plan *plan, struct outgoing_batch *batch, const struct outgoing *outgoing)
{
        size_t count = batch->count;
        if ((count & (count - 1)) == 0) {
                struct outgoing *grown = arena_alloc(plan->arena, (count ? 2 * count : 1) * sizeof(*grown));
                if (count)
                        memcpy(grown, batch->list, count * sizeof(*grown));
                batch->list = grown;
        }
        batch->list[batch->count++] =
                (struct outgoing){.key = outgoing->key,
                                  .type = arena_strdup(plan->arena, outgoing->type),
                                  .data = arena_strdup(plan->arena, outgoing->data),
                                  .subject = copy_or_null(plan, outgoing->subject),
                                  .deliver_at = copy_or_null(plan, outgoing->deliver_at),
                                  .exchange = copy_or_null(plan, outgoing->exchange)};
}

static void plan_effects_publish(struct plan *plan, const struct outgoing *outgoing, bool numbered)
{
        if (plan->rejected)
                return;
        struct effect *effect = batch_find(plan, outgoing->key);
        const char *mistake = effect ? NULL : effect_mistake(plan, outgoing->key);
        if (mistake) {
                plan_reject(plan, mistake);
                return;
        }
        mistake = outgoing_mistake(outgoing);
        if (!mistake && effect && effect->publish.count == PLAN_BATCH_MAX)
                mistake = "more than 1000 messages";
        if (mistake) {
                forbid(plan, "publish", outgoing->key, mistake);
                return;
        }
        if (!data_fits(plan, "publish", outgoing->key, outgoing->data))
                return;
        if (!effect)
                effect = effect_add(plan, outgoing->key, EFFECT_PUBLISH);
        batch_add(plan, &effect->publish, outgoing);
        effect->publish.list[effect->publish.count - 1].key = effect->key;
        effect->publish.numbered |= numbered || effect->publish.count > 1;
}

void plan_publish(struct plan *plan, const struct outgoing *outgoing)
{
        plan_effects_publish(plan, outgoing, /* numbered = */ false);
}

void plan_publish_item(struct plan *plan, const struct outgoing *outgoing)
{
        plan_effects_publish(plan, outgoing, /* numbered = */ true);
}

const char *effect_outlet(const struct effect *effect)
{
        switch (effect->kind) {
        case EFFECT_MAIL:
                return effect->mail.outlet;
        case EFFECT_POST:
                return effect->post.outlet;
        case EFFECT_PUBLISH:
                return NULL;
        }
        return NULL;
}
