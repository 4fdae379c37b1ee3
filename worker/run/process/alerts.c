#include "core/mail/mail_guard.h"
#include "core/mail/mail_request.h"
#include "core/memory/memory.h"
#include "core/template/template.h"
#include "core/watch/alert.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/send/post_http.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Tells people by mail and webhook that something needs them. It never fails or delays a job: a digest waits
 * until a place at its outlet is free and the breaker is closed, and its own failure is only logged. */

#define SIGHT_MARGIN_MS 5000
/* At least; they are looked at with each tick of the engine. */
#define LOOK_EVERY_MS 900
#define SEND_LIMIT_MS 60000
#define WEBHOOK_TIMEOUT_MS 5000

struct alerts {
        struct engine *engine;
        int64_t looked_ms;
        struct alert_digest by_mail, by_webhook;
        /* Where the webhook leaves: an outlet of its own, of the kind post, open while one is configured. */
        struct config_outlet hook_config;
        struct outlet hook;
        struct arena hook_arena; /* of the post under way */
        struct post_request post;
        struct outlet_place hook_place;
        /* The mail under way. */
        struct arena arena;
        struct mail_request request;
        struct outlet_place place;
        /* Nothing succeeds though work waits? CLOCK_BOOTTIME, 0: no work seen. */
        int64_t work_first_ms, work_last_ms, idle_told_ms;
        uint64_t completed, put_off;
};

static void note(struct engine *engine, const char *kind, const char *type, enum reason reason,
                 const char *text)
{
        struct alerts *alerts = engine->alerts;
        if (!alerts)
                return;
        if (engine->config->alerts.mail_to)
                alert_note(&alerts->by_mail, kind, type, reason, text);
        if (alerts->hook.transport)
                alert_note(&alerts->by_webhook, kind, type, reason, text);
}

void alerts_dead(struct engine *engine, const char *queue, const char *type, enum reason reason)
{
        char text[ALERT_TEXT_MAX];
        alert_dead_text(queue, engine->config->serve.base_url, text);
        note(engine, "dead", type ? type : "no type", reason, text);
}

void alerts_event(struct engine *engine, const char *kind, const char *text)
{
        note(engine, kind, "", REASON_NONE, text);
}

/* ---- nothing succeeds though work waits ---- */

/* A queue in which messages wait although nothing is taken from it; NULL: none. */
static const char *queue_left_alone(const struct engine *engine, const char **why)
{
        for (size_t i = 0; i < engine->config->queue_count; i++) {
                const struct queue_state *queue = &engine->queues[i];
                if (queue->ready <= 0 || amqp_consumer_is_consuming(engine->consumer, i))
                        continue;
                *why = queue->paused ? "it is paused, see leveret queue resume: " : "it is not consumed: ";
                return engine->config->queues[i].name;
        }
        return NULL;
}

/* Work is seen if something is in flight, was put off since the last look, waits in a queue of which nothing
 * is taken, or cannot be taken because of an outage. Adds to `why` what is in the way. */
static bool work_is_seen(const struct engine *engine, bool more_put_off, struct buffer *why)
{
        uint32_t outage = OBSTACLE_BIT(BROKER_DOWN) | OBSTACLE_BIT(REDIS_DOWN);
        uint32_t set = obstacles_of_engine(engine) & outage;
        for (size_t i = 0; i < engine->outlet_count && !set; i++)
                set |= obstacles_of_outlet(engine, i) &
                       (OBSTACLE_BIT(BREAKER_OPEN) | OBSTACLE_BIT(BREAKER_HALF_OPEN));
        if (set) {
                obstacle_print(why, obstacle_first(set), "mail");
                return true;
        }
        const char *cause = "jobs are taken and fail", *which = "";
        bool seen = engine->inflight.count > 0 || more_put_off ||
                    (which = queue_left_alone(engine, &cause)) != NULL;
        buffer_printf(why, "%s%s", cause, which ? which : "");
        return seen;
}

/* How long a job may be out of sight and yet wait: in the longest delay tier. */
static int64_t out_of_sight_ms(const struct config *config)
{
        int64_t longest_ms = config->alerts.idle_ms;
        for (size_t i = 0; i < config->queue_count; i++) {
                const struct config_queue *queue = &config->queues[i];
                if (queue->tier_count > 0 && queue->tiers_ms[queue->tier_count - 1] > longest_ms)
                        longest_ms = queue->tiers_ms[queue->tier_count - 1];
        }
        return longest_ms + SIGHT_MARGIN_MS;
}

static void idle_tell(struct alerts *alerts, const char *why, int64_t now_ms)
{
        const struct config *config = alerts->engine->config;
        int64_t since_ms = now_ms - alerts->work_first_ms;
        if (config->alerts.idle_ms <= 0 || since_ms < config->alerts.idle_ms)
                return;
        if (alerts->idle_told_ms != 0 && now_ms - alerts->idle_told_ms < config->alerts.interval_ms)
                return;
        alerts->idle_told_ms = now_ms;
        char text[ALERT_TEXT_MAX];
        snprintf(text, sizeof(text), "nothing succeeded for %" PRId64 " s though work waits: %.190s",
                 since_ms / 1000, why);
        alerts_event(alerts->engine, "idle", text);
}

static void look_for_idling(struct alerts *alerts, int64_t now_ms)
{
        struct engine *engine = alerts->engine;
        uint64_t completed = engine->ends[METRICS_COMPLETED];
        uint64_t put_off = engine->ends[METRICS_RETRY] + engine->ends[METRICS_DEFER];
        struct buffer why = {0};
        bool seen = work_is_seen(engine, put_off != alerts->put_off, &why);
        if (completed != alerts->completed || now_ms - alerts->work_last_ms > out_of_sight_ms(engine->config))
                alerts->work_first_ms = alerts->idle_told_ms = 0;
        alerts->completed = completed;
        alerts->put_off = put_off;
        if (seen) {
                alerts->work_last_ms = now_ms;
                if (alerts->work_first_ms == 0)
                        alerts->work_first_ms = now_ms;
                idle_tell(alerts, why.data, now_ms);
        }
        buffer_fini(&why);
}

/* ---- the mail ---- */

static void on_mailed(void *context, const struct send_result *result)
{
        struct alerts *alerts = context;
        bool surely_not = result->outcome != SEND_DONE && result->outcome != SEND_AMBIGUOUS;
        outlet_give(&alerts->engine->outlets[0], &alerts->place);
        wake_soon(alerts->engine);
        alert_end(&alerts->by_mail, !surely_not);
        arena_reset(&alerts->arena);
        if (result->outcome != SEND_DONE)
                log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "alert_failed",
                                                               .msg = "an alert could not be mailed",
                                                               .outcome = send_outcome_word(result->outcome),
                                                               .error = result->error});
}

static const char *mail_text(struct alerts *alerts)
{
        struct buffer text = {0};
        buffer_printf(&text, "leveret %s reports:\n\n", alerts->engine->worker);
        alert_text(&alerts->by_mail, &text);
        buffer_add_text(&text, "\nSee leveret worker list, leveret queue list and docs/operations.md.\n");
        if (alerts->engine->config->serve.base_url)
                buffer_printf(&text, "The page: %s\n", alerts->engine->config->serve.base_url);
        const char *copy = arena_copy(&alerts->arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

/* Some services take no mail without it. */
static const char *mail_html(struct arena *arena, const char *text)
{
        struct buffer html = {0};
        buffer_add_text(&html, "<pre>");
        template_escape(&html, slice_of(text));
        buffer_add_text(&html, "</pre>\n");
        const char *copy = arena_copy(arena, html.data, html.len);
        buffer_fini(&html);
        return copy;
}

/* Why it must not be sent, or NULL. */
static const char *build_mail(struct alerts *alerts)
{
        struct engine *engine = alerts->engine;
        const struct config *config = engine->config;
        struct arena *arena = &alerts->arena;
        int64_t now_ms = clock_wall_ms();
        size_t telling = alert_telling(&alerts->by_mail);
        const char *text = mail_text(alerts);
        const struct mail mail = {
                .key = "alert",
                .to = config->alerts.mail_to,
                .subject = arena_printf(arena, "[leveret] %zu alert%s from %s", telling,
                                        telling == 1 ? "" : "s", engine->worker),
                .text = text,
                .html = mail_html(arena, text),
        };
        const struct mail_origin origin = {
                .prefix = config->redis.prefix,
                .job_id = arena_printf(arena, "alert:%s:%" PRId64, engine->worker, now_ms),
                .from = config->mail.from,
                .date_s = now_ms / 1000,
                .guard = &config->guard,
        };
        alerts->request = mail_request_make(arena, &mail, &origin);
        return mail_guard_refusal(&config->guard, &mail, NULL);
}

/* Told in the log in place of the mail, and not tried again. */
static void mail_forbidden(struct alerts *alerts, const char *refusal)
{
        outlet_give(&alerts->engine->outlets[0], &alerts->place);
        alert_end(&alerts->by_mail, true);
        arena_reset(&alerts->arena);
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "alert_failed",
                                                       .msg = "an alert must not be mailed to alerts.mail_to",
                                                       .error = refusal});
}

static void mail_digest(struct alerts *alerts, int64_t now_ms)
{
        struct engine *engine = alerts->engine;
        struct outlet *outlet = &engine->outlets[0];
        if (!alert_is_due(&alerts->by_mail, now_ms) || engine->life.stage != STAGE_RUNNING ||
            !outlet_is_idle(outlet) || !outlet_take_spare(outlet, &alerts->place, now_ms))
                return;
        alert_begin(&alerts->by_mail, now_ms);
        const char *refusal = build_mail(alerts);
        if (refusal) {
                mail_forbidden(alerts, refusal);
                return;
        }
        alerts->place.sent = true;
        transport_send(outlet->transport, &alerts->request,
                       (struct send_terms){.valid_until_ms = now_ms + SEND_LIMIT_MS}, on_mailed, alerts);
}

/* ---- the webhook ---- */

static void alert_on_posted(void *context, const struct send_result *result)
{
        struct alerts *alerts = context;
        outlet_result(&alerts->hook, &alerts->hook_place, 0, result, clock_boot_ms());
        outlet_give(&alerts->hook, &alerts->hook_place);
        alert_end(&alerts->by_webhook, result->outcome == SEND_DONE);
        arena_reset(&alerts->hook_arena);
        if (result->outcome != SEND_DONE)
                log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "alert_failed",
                                                               .msg = "the webhook did not take an alert",
                                                               .outcome = send_outcome_word(result->outcome),
                                                               .error = result->error});
}

static void post_digest(struct alerts *alerts, int64_t now_ms)
{
        struct outlet *hook = &alerts->hook;
        if (!hook->transport || !alert_is_due(&alerts->by_webhook, now_ms))
                return;
        outlet_tick(hook, now_ms);
        if (!outlet_take_spare(hook, &alerts->hook_place, now_ms))
                return;
        struct buffer body = {0};
        alert_begin(&alerts->by_webhook, now_ms);
        alert_json(&alerts->by_webhook,
                   &(struct alert_sender){alerts->engine->worker, alerts->engine->config->serve.base_url},
                   &body);
        alerts->post = (struct post_request){
                .url = arena_strdup(&alerts->hook_arena, alerts->engine->config->alerts.webhook),
                .body = arena_slice(&alerts->hook_arena, (struct slice){.data = body.data, .len = body.len}),
                .bare = true};
        buffer_fini(&body);
        alerts->hook_place.sent = true;
        post_http_send(hook->transport, &alerts->post,
                       (struct send_terms){.valid_until_ms = now_ms + SEND_LIMIT_MS}, alert_on_posted,
                       alerts);
}

/* ---- life ---- */

/* Nobody but the operator names its URL, so that it may lead anywhere; the answers tell nobody else. */
static void hook_open(struct alerts *alerts)
{
        struct engine *engine = alerts->engine;
        alerts->hook_config = (struct config_outlet){
                .name = "alerts",
                .kind = OUTLET_POST,
                .timeout_ms = WEBHOOK_TIMEOUT_MS,
                .retry_after_max_ms = engine->config->alerts.interval_ms,
                .post = {.connections = 1, .allow_private = true},
                .breaker = {.failures = 1, .open_ms = LOOK_EVERY_MS, .open_max_ms = LOOK_EVERY_MS},
        };
        outlet_init(&alerts->hook, &alerts->hook_config, clock_boot_ms());
        outlet_open_lane(&alerts->hook,
                         post_http_open(&engine->loop, &alerts->hook_config, /* allow_private = */ true));
}

/* The settings may have been read again. A post that is under way is let end first. */
static void settings_follow(struct alerts *alerts)
{
        struct engine *engine = alerts->engine;
        alerts->by_mail.interval_ms = alerts->by_webhook.interval_ms = engine->config->alerts.interval_ms;
        if (alerts->hook_place.held)
                return;
        if (engine->config->alerts.webhook && !alerts->hook.transport)
                hook_open(alerts);
        if (!engine->config->alerts.webhook)
                outlet_close(&alerts->hook);
}

void alerts_look(struct engine *engine, int64_t now_ms)
{
        struct alerts *alerts = engine->alerts;
        if (now_ms - alerts->looked_ms < LOOK_EVERY_MS)
                return;
        alerts->looked_ms = now_ms;
        settings_follow(alerts);
        look_for_idling(alerts, now_ms);
        mail_digest(alerts, now_ms);
        post_digest(alerts, now_ms);
}

void alerts_open(struct engine *engine)
{
        struct alerts *alerts = memory_zeroed(1, sizeof(*alerts));
        alerts->engine = engine;
        arena_init(&alerts->arena);
        arena_init(&alerts->hook_arena);
        settings_follow(alerts);
        engine->alerts = alerts;
}

void alerts_reload(struct engine *engine)
{
        settings_follow(engine->alerts);
}

/* After the transport was closed: no mail is under way any more. */
void alerts_close(struct engine *engine)
{
        struct alerts *alerts = engine->alerts;
        outlet_close(&alerts->hook);
        engine->alerts = NULL;
        arena_fini(&alerts->arena);
        arena_fini(&alerts->hook_arena);
        free(alerts);
}
