#include "world.h"

#include "core/message/topology.h"
#include "handler.h"

#include <stdio.h>

/* The messages of a schedule and the handlers for them. The body tells which message it is. */

struct job_payload {
        int64_t n, c, effects;
        bool poison, reject;
};

static const struct field fields[] = {
        FIELD_INT(struct job_payload, n, .min = 0, .max = IDS_MAX - 1),
        FIELD_INT(struct job_payload, c, .min = 0, .max = 1),
        FIELD_INT(struct job_payload, effects, .min = 1, .max = EFFECTS_MAX),
        FIELD_BOOL(struct job_payload, poison, .optional = true),
        FIELD_BOOL(struct job_payload, reject, .optional = true),
        FIELD_END,
};

static void plan_job(const struct job_payload *job, struct plan *plan)
{
        struct process *process = process_now();
        if (!process->running)
                world_fail("last words", "a handler runs and nobody knows whose");
        if (job->poison) {
                const struct last_words_job *blamed = process->running;
                if (blamed->id)
                        store_killed((uint8_t)job->n, blamed->owner);
                process_crash(process, (int)job->n);
        }
        if (job->reject)
                plan_reject(plan, "not this one");
        for (int64_t i = 0; i < job->effects; i++)
                plan_mail(plan,
                          &(struct mail){
                                  .key = plan_printf(plan, "e%d", (int)i),
                                  .to = "ada@example.com",
                                  .subject = plan_printf(plan, "e%d of j%d.%d", (int)i, (int)job->n,
                                                         (int)job->c),
                                  .text = "a text",
                                  .outlet = world.specs[job->n].named >> i & 1 ? world.config.outlets[0].name
                                                                               : NULL,
                          });
}

#define EXAMPLE "{\"n\": 0, \"c\": 0, \"effects\": 1}"
HANDLER(plain_v1, struct job_payload, plan_job,
        {.type = "plain.v1", .summary = "Sends mails.", .example = EXAMPLE, .fields = fields});
HANDLER(park_v1, struct job_payload, plan_job,
        {.type = "park.v1", .summary = "Sends mails once.", .example = EXAMPLE, .fields = fields});

const struct handler *const world_handlers[] = {&plain_v1, &park_v1, NULL};

struct message *message_original(struct arena *arena, uint8_t id, uint8_t content)
{
        const struct spec *spec = &world.specs[id];
        struct message *message = arena_alloc(arena, sizeof *message);
        const char *type = spec->bad == REASON_UNKNOWN_TYPE ? "unknown.v1"
                           : spec->park                     ? "park.v1"
                                                            : "plain.v1";
        const char *body =
                arena_printf(arena, "{\"n\":%u,\"c\":%u,\"effects\":%s%s%s}", id, content,
                             spec->bad == REASON_BAD_PAYLOAD ? "\"x\"" : "",
                             spec->bad == REASON_BAD_PAYLOAD ? "" : arena_printf(arena, "%u", spec->effects),
                             spec->poison                   ? ",\"poison\":true"
                             : spec->bad == REASON_REJECTED ? ",\"reject\":true"
                                                            : "");
        *message = (struct message){
                .exchange = SLICE_LITERAL(EXCHANGE_IN),
                .routing_key = slice_of(type),
                .body = slice_of(body),
                .body_size = strlen(body),
        };
        if (spec->too_large)
                message->body_size = 1 << 20;
        if (!spec->no_id)
                message->properties.message_id = slice_of(arena_printf(arena, "j%u", id));
        if (spec->bad != REASON_MISSING_TYPE)
                message->properties.type = slice_of(type);
        return message;
}

bool message_read(const struct message *message, uint8_t *id, uint8_t *content)
{
        unsigned n, c;
        char text[40];
        snprintf(text, sizeof text, "%.*s", SLICE_PRINT(message->body));
        if (sscanf(text, "{\"n\":%u,\"c\":%u", &n, &c) != 2 || n >= IDS_MAX || c > 1)
                return false;
        *id = (uint8_t)n;
        *content = (uint8_t)c;
        return true;
}
