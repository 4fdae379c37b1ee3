#include "core/send/mail_look.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "io/machine/crashpoint.h"
#include "run/send.h"

#include <stdio.h>

/* Asking the service whether it has what it may have accepted. */

/* ---- one effect ---- */

static struct job_look_limits limits_of(const struct config_outlet *outlet)
{
        return (struct job_look_limits){.lag_ms = mail_look_lag_ms(outlet),
                                        .keeps_ms = mail_look_retention_ms(outlet),
                                        .key_ms = mail_look_key_ms(outlet),
                                        .give_up_ms = outlet->lookup_for_ms};
}

/* Is the service behind delivery->outlet asked for the effect, should its end not be known? */
static bool is_asked_for(const struct delivery *delivery)
{
        const struct outlet *outlet = delivery->outlet;
        if (!mail_look_possible(outlet->config))
                return false;
        const struct config_handler *handler =
                config_handler_find(delivery->engine->config, delivery->handler->type);
        enum on_ambiguous policy =
                handler && handler->has_on_ambiguous ? handler->on_ambiguous : outlet_on_ambiguous(outlet);
        return policy == ON_AMBIGUOUS_LOOKUP;
}

bool looks_instead_of_repeating(const struct delivery *delivery)
{
        return is_asked_for(delivery) && mail_look_key_ms(delivery->outlet->config) == 0;
}

void looks_promise(const struct delivery *delivery, struct job_event *event)
{
        if (!is_asked_for(delivery))
                return;
        event->can_look = true;
        event->look_limits = limits_of(delivery->outlet->config);
}

void looks_offer(const struct delivery *delivery, struct job_event *event)
{
        if (delivery->job.tries[delivery->job.effect].doubt != DOUBT_NONE)
                looks_promise(delivery, event);
}

static void on_looked(void *context, const struct look_result *result)
{
        struct delivery *delivery = context;
        CRASHPOINT("looked");
        if (!delivery_back(delivery))
                return;
        delivery->looked = look_answer_word(result->answer);
        metrics_mail_look(delivery->engine->metrics, delivery->outlet->index, result->answer);
        snprintf(delivery->provider_id, sizeof(delivery->provider_id), "%s", result->provider_id);
        snprintf(delivery->error, sizeof(delivery->error), "%s",
                 result->answer == LOOK_UNKNOWN ? result->error
                                                : "looked up: the service does not have it, or no longer");
        if (result->answer == LOOK_UNKNOWN)
                joblog_warn(delivery, "look_unknown", delivery->error);
        delivery_event(delivery,
                       &(struct job_event){.kind = EVENT_LOOKED,
                                           .now_ms = clock_boot_ms(),
                                           .look = result->answer,
                                           .store_down = !redis_store_is_up(delivery->engine->store),
                                           .retry_after_ms = result->retry_after_ms,
                                           .look_limits = limits_of(delivery->outlet->config)});
}

void look_effect(struct delivery *delivery, int index)
{
        delivery->request.mail = request_mail(delivery, (size_t)index);
        delivery->refused_recipients = NULL;
        delivery->pending++;
        CRASHPOINT("pre_look");
        transport_look(delivery->outlet->transport, &delivery->request.mail, on_looked, delivery);
}

/* ---- the trial at the start ---- */

/* One that is under way. Its memory is the arena's. */
struct look_trial {
        struct arena *arena;
        struct outlet *outlet;
        struct mail_request request;
};

static void trial_tell(const struct outlet *outlet, const struct look_result *result)
{
        bool resends = outlet_on_ambiguous(outlet) == ON_AMBIGUOUS_RESEND;
        char text[160];
        snprintf(text, sizeof(text), "the service of outlet %.40s refuses to be asked for mails: %s",
                 outlet->config->name,
                 resends ? "on_ambiguous is resend" : "what may have been sent will be parked");
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "lookup_refused",
                                                       .outlet = outlet->config->name,
                                                       .msg = text,
                                                       .error = result->error});
}

static void on_trial(void *context, const struct look_result *result)
{
        struct look_trial *trial = context;
        trial->outlet->look_refused = result->answer == LOOK_UNKNOWN && result->refused;
        if (trial->outlet->look_refused)
                trial_tell(trial->outlet, result);
        arena_free(trial->arena);
}

void looks_open(struct engine *engine)
{
        for (size_t i = 0; i < engine->outlet_count; i++) {
                struct outlet *outlet = &engine->outlets[i];
                if (!mail_look_possible(outlet->config) ||
                    mail_look_policy(outlet->config) != ON_AMBIGUOUS_LOOKUP)
                        continue;
                struct arena *arena = arena_new();
                struct look_trial *trial = arena_alloc(arena, sizeof(*trial));
                *trial = (struct look_trial){
                        .arena = arena, .outlet = outlet, .request = mail_look_trial(arena, outlet->config)};
                transport_look(outlet->transport, &trial->request, on_trial, trial);
        }
}
