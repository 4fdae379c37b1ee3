#include "run/rates.h"
#include "run/send.h"

#include <stdio.h>

/* Before a send: the files of a mail that are named by a URL, then a place at an outlet. A slow origin takes
 * up no place, and the files are kept until their effect has ended. */

void files_open(struct engine *engine)
{
        engine->files = mail_files_open(&engine->loop, &engine->config->attachments);
}

void files_close(struct engine *engine)
{
        mail_files_close(engine->files);
}

void files_free(struct delivery *delivery)
{
        if (delivery->fetch)
                mail_fetch_free(delivery->fetch);
        delivery->fetch = NULL;
}

/* What cannot leave by the outlet that it names waits for the configuration that has it. */
static bool outlet_want(struct delivery *delivery, struct job_event *answer)
{
        uint8_t position;
        struct outlet *outlet = route_choose(delivery, &position);
        if (outlet) {
                domains_wait(delivery, outlet, position);
                return false;
        }
        delivery->outlet = NULL;
        size_t effect = delivery->job.effect;
        const char *recorded = tries_outlet(delivery, effect),
                   *named = effect_outlet(&delivery->plan->effects[effect]);
        if (delivery->job.tries[effect].doubt != DOUBT_NONE && recorded[0])
                named = recorded;
        snprintf(delivery->error, sizeof(delivery->error), "outlet %.100s: it is not configured",
                 named ? named : "?");
        joblog_warn(delivery, "outlet_missing", delivery->error);
        *answer = (struct job_event){.kind = EVENT_DEFER};
        return true;
}

static void on_fetched(void *context, const struct send_result *result)
{
        struct delivery *delivery = context;
        struct job_event answer;
        if (!result)
                delivery->fetch = NULL;
        if (delivery_back(delivery) && result && outlet_want(delivery, &answer))
                delivery_event(delivery, &answer);
}

/* Begins to fetch the files of the present effect. False if there are none to fetch. */
static bool files_wait(struct delivery *delivery)
{
        const struct effect *effect = &delivery->plan->effects[delivery->job.effect];
        if (delivery->fetch && delivery->fetch_effect == delivery->job.effect)
                return false;
        files_free(delivery);
        if (effect->kind != EFFECT_MAIL || !mail_files_wanted(&effect->mail))
                return false;
        delivery->fetch_effect = delivery->job.effect;
        delivery->pending++;
        delivery->fetch = mail_fetch_begin(delivery->engine->files, &effect->mail, on_fetched, delivery);
        return true;
}

bool place_want(struct delivery *delivery, struct job_event *answer)
{
        return !files_wait(delivery) && outlet_want(delivery, answer);
}

bool files_failed(struct delivery *delivery, struct job_event *answer)
{
        const struct send_result *result = delivery->fetch ? mail_fetch_result(delivery->fetch) : NULL;
        if (!result || result->outcome == SEND_DONE)
                return false;
        delivery->refused = delivery->plan->effects[delivery->job.effect].key;
        snprintf(delivery->error, sizeof(delivery->error), "%s", result->error);
        joblog_warn(delivery, "attachment_failed", delivery->error);
        *answer = (struct job_event){.kind = EVENT_SENT, .outcome = result->outcome, .retry_after_ms = -1};
        return true;
}
