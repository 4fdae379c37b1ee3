#include "core/plan/plan_record.h"
#include "io/machine/clock.h"
#include "run/send.h"

/* What is sent of an effect, the same on every try. */

/* Recorded redirections hold for all tries. */
struct config_guard request_guard(const struct delivery *delivery)
{
        struct config_guard guard = delivery->engine->config->guard;
        if (!delivery->around)
                return guard;
        guard.redirect_to = delivery->around->redirect_to;
        guard.bcc_all = delivery->around->bcc_all;
        return guard;
}

const char *request_sender(const struct delivery *delivery, const struct config_outlet *outlet)
{
        const char *recorded = delivery->around ? plan_around_sender(delivery->around, outlet->name) : NULL;
        return recorded ? recorded : outlet->from;
}

static int64_t request_date_ms(const struct delivery *delivery)
{
        const struct envelope *envelope = &delivery->envelope;
        int64_t since_ms = envelope_since_ms(envelope, delivery->created_ms);
        return since_ms > 0 ? since_ms : delivery->created_ms;
}

static const char *request_traceparent(const struct delivery *delivery)
{
        return delivery->envelope.traceparent[0] ? delivery->envelope.traceparent : NULL;
}

struct mail_request request_mail(struct delivery *delivery, size_t index)
{
        const struct config_guard guard = request_guard(delivery);
        const struct mail_origin origin = {
                .prefix = delivery->engine->config->redis.prefix,
                .job_id = delivery->envelope.id,
                .from = request_sender(delivery, delivery->outlet->config),
                .date_s = request_date_ms(delivery) / 1000,
                .traceparent = request_traceparent(delivery),
                .tracestate = delivery->envelope.tracestate,
                .guard = &guard,
        };
        return mail_request_make(delivery->arena, &delivery->plan->effects[index].mail, &origin);
}

struct post_request request_post(struct delivery *delivery, const struct effect *effect)
{
        const struct post_origin origin = {
                .prefix = delivery->engine->config->redis.prefix,
                .job_id = delivery->envelope.id,
                .type = delivery->envelope.type,
                .date_ms = request_date_ms(delivery),
                .traceparent = request_traceparent(delivery),
                .tracestate = delivery->envelope.tracestate,
        };
        return post_request_make(delivery->arena, &effect->post, &origin);
}

struct child_parent request_parent(const struct delivery *delivery)
{
        const struct envelope *envelope = &delivery->envelope;
        return (struct child_parent){.id = envelope->id,
                                     .subject = envelope->subject,
                                     .correlation_id = envelope->correlation_id,
                                     .traceparent = request_traceparent(delivery),
                                     .tracestate = envelope->tracestate,
                                     .now_s = clock_wall_ms() / 1000};
}
