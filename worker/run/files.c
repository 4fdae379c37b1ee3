#include "run/state.h"

#include <stdio.h>

/* The files of a mail that are named by a URL: fetched before the mail waits for a place at its outlet, so
 * that a slow origin takes up none, and kept until its effect has ended. */

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

static void on_fetched(void *context, const struct send_result *result)
{
        struct delivery *delivery = context;
        struct job_event answer;
        if (!result)
                delivery->fetch = NULL;
        if (delivery_back(delivery) && result && place_want(delivery, &answer))
                delivery_event(delivery, &answer);
}

bool files_wait(struct delivery *delivery)
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
