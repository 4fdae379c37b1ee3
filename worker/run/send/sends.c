#include "core/message/child.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "io/send/post_http.h"
#include "run/send.h"

#include <stdio.h>

/* How each kind of effect leaves, and what is made of how that ended. */

static void breaker_tell(const struct outlet *outlet, const struct send_result *result)
{
        bool open = outlet->breaker.state == BREAKER_OPEN;
        char text[120];
        snprintf(text, sizeof(text),
                 open ? "the %s transport is failing: nothing leaves by it but probes"
                      : "the %s transport works again",
                 outlet->config->name);
        log_event(open ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                  &(struct log_fields){.event = open ? "breaker_open" : "breaker_closed",
                                       .outlet = outlet->config->name,
                                       .msg = text,
                                       .error = open ? result->error : NULL});
}

/* The mail went out, but not to all: the timeline names whom the server refused. */
static void note_refused(struct delivery *delivery, const struct send_result *result)
{
        bool partial = result->outcome == SEND_DONE && result->refused_count > 0;
        delivery->refused_recipients = partial ? arena_strdup(delivery->arena, result->refused) : NULL;
        if (!partial)
                return;
        metrics_mail_refused(delivery->engine->metrics, delivery->outlet->index, result->refused_count);
        joblog_warn(delivery, "recipients_refused", result->refused);
}

/* What the end says of the outlet, and that of the job. Where the service only takes fewer connections, the
 * job is told what it is told of a fence: nothing was sent, so it wants a place again. */
static void judge_end(struct delivery *delivery, const struct send_result *result, struct job_event *event)
{
        struct engine *engine = delivery->engine;
        struct outlet *outlet = delivery->outlet;
        struct outlet_news news =
                outlet_result(outlet, &delivery->place, delivery->hash, result, event->now_ms);
        event->fenced = news.again;
        event->outage |= news.outage;
        event->others = result->outcome != SEND_DONE && route_has_later(delivery);
        event->fallback_after = result->outcome != SEND_DONE ? route_fallback_after(delivery) : 0;
        if (news.narrowed)
                log_event(LOG_LEVEL_WARN,
                          &(struct log_fields){.event = "connections_limited",
                                               .outlet = outlet->config->name,
                                               .msg = "the mail service takes fewer connections",
                                               .error = delivery->error});
        if (news.again)
                return;
        if (news.slowed && result->retry_after_ms > 0)
                shares_pause(engine, outlet, result->retry_after_ms);
        metrics_mail_end(engine->metrics, outlet->index, result->outcome,
                         (double)(event->now_ms - delivery->send_began_ms) / 1000);
        breaker_explain(&outlet->breaker, result, delivery->error);
        if (news.changed)
                breaker_tell(outlet, result);
        if (news.opened)
                alerts_event(engine, result->opens ? "mail_refused" : "breaker_open", result->error);
}

/* The present effect's send has ended. `outage`: for a reason that no message is to blame for. */
static void effect_send_end(struct delivery *delivery, const struct send_result *result, bool outage)
{
        struct job_event event = {.kind = EVENT_SENT,
                                  .outcome = result->outcome,
                                  .fenced = result->status == -1,
                                  .outage = outage,
                                  .throttled = result->throttled,
                                  .now_ms = clock_boot_ms(),
                                  .retry_after_ms = result->retry_after_ms};
        if (result->outcome != SEND_DONE)
                snprintf(delivery->error, sizeof(delivery->error), "%s", result->error);
        if (!event.fenced)
                judge_end(delivery, result, &event);
        if (result->outcome == SEND_AMBIGUOUS)
                looks_promise(delivery, &event);
        if (event.fenced)
                delivery->place.sent = false;
        bool refused = result->outcome != SEND_AMBIGUOUS && result->outcome != SEND_DONE;
        delivery->refused = refused ? delivery->plan->effects[delivery->job.effect].key : NULL;
        snprintf(delivery->provider_id, sizeof(delivery->provider_id), "%s", result->provider_id);
        if (result->outcome != SEND_DONE && !(event.fenced && result->crowded))
                joblog_warn(delivery, "send_failed", delivery->error);
        note_refused(delivery, result);
        delivery_event(delivery, &event);
}

static void on_sent(void *context, const struct send_result *result)
{
        struct delivery *delivery = context;
        CRASHPOINT("sent");
        if (delivery_back(delivery))
                effect_send_end(delivery, result, /* outage = */ false);
}

/* ---- one mail ---- */

static struct send_terms terms_of(const struct delivery *delivery, bool park)
{
        const struct job *job = &delivery->job;
        return (struct send_terms){.valid_until_ms = job->lease_until_ms - job->send_limit_ms, .park = park};
}

static void send_mail(struct delivery *delivery, int index, bool park)
{
        delivery->request.mail = request_mail(delivery, (size_t)index);
        delivery->request.mail.fetched = delivery->fetch ? mail_fetch_files(delivery->fetch) : NULL;
        delivery->request.mail.once = looks_instead_of_repeating(delivery);
        delivery->request.mail.last_try = delivery->job.generation.attempt + 1 >= delivery->job.attempts_max;
        transport_send(delivery->outlet->transport, &delivery->request.mail, terms_of(delivery, park),
                       on_sent, delivery);
}

/* ---- one post ---- */

static void send_post(struct delivery *delivery, const struct effect *effect, bool park)
{
        delivery->request.post = request_post(delivery, effect);
        post_http_send(delivery->outlet->transport, &delivery->request.post, terms_of(delivery, park),
                       on_sent, delivery);
}

/* ---- the messages of one effect ---- */

/* What the worst end of one message makes of all. A repetition is a duplicate, so that none is ambiguous;
 * what never left for want of a connection was none of the message's doing. */
static void batch_judge(struct delivery *delivery, enum publish_outcome outcome, const char *error)
{
        struct send_result *result = &delivery->batch.result;
        if (outcome == PUBLISH_CONFIRMED)
                return;
        bool never = outcome == PUBLISH_UNENCODABLE;
        if (result->outcome == SEND_PERMANENT)
                return;
        result->outcome = never ? SEND_PERMANENT : SEND_TRANSIENT;
        delivery->batch.unsent = outcome == PUBLISH_UNSENT;
        snprintf(result->error, sizeof(result->error), "%s: %s", publish_outcome_word(outcome), error);
}

static void publish_batch_end(struct delivery *delivery)
{
        struct send_result *result = &delivery->batch.result;
        CRASHPOINT("sent");
        effect_send_end(delivery, result, delivery->batch.unsent && result->outcome == SEND_TRANSIENT);
}

static void on_child_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct delivery *delivery = context;
        if (!delivery_back(delivery))
                return;
        metrics_publish_end(delivery->engine->metrics, publish_outcome_word(outcome));
        batch_judge(delivery, outcome, error);
        if (--delivery->batch.left == 0)
                publish_batch_end(delivery);
}

static void publish_child(struct delivery *delivery, const struct outgoing_batch *batch, size_t index)
{
        const struct child_parent parent = request_parent(delivery);
        struct arena *arena = arena_new();
        struct message *message = child_make(arena, batch, index, &parent);
        delivery->pending++;
        amqp_publisher_publish(delivery->engine->publisher, arena, message, on_child_published, delivery);
}

static void send_batch(struct delivery *delivery, const struct outgoing_batch *batch)
{
        delivery->batch.left = batch->count;
        delivery->batch.unsent = false;
        delivery->batch.result = (struct send_result){.outcome = SEND_DONE, .retry_after_ms = -1};
        for (size_t i = 0; i < batch->count; i++)
                publish_child(delivery, batch, i);
}

void send_effect(struct delivery *delivery, int index)
{
        const struct effect *effect = &delivery->plan->effects[index];
        bool park = (delivery->job.park >> index) & 1;
        delivery->send_began_ms = clock_boot_ms();
        delivery->place.sent = true;
        CRASHPOINT("pre_send");
        switch (effect->kind) {
        case EFFECT_MAIL:
                delivery->pending++;
                send_mail(delivery, index, park);
                break;
        case EFFECT_POST:
                delivery->pending++;
                send_post(delivery, effect, park);
                break;
        case EFFECT_PUBLISH:
                send_batch(delivery, &effect->publish);
                break;
        }
}
