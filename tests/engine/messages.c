#include "world.h"

#include "core/broker/topology.h"
#include "core/codec/rfc3339.h"
#include "handler.h"

#include <stdio.h>

enum { EXAMPLE_ID = IDS_MAX };
_Static_assert(EXAMPLE_ID == 4, "as EXAMPLE says");
#define FILE_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* The messages of a schedule and the handlers for them. The body tells which message it is. */

struct job_payload {
        int64_t n, c, effects;
        bool poison, reject;
};

static const struct field fields[] = {
        FIELD_INT(struct job_payload, n, .min = 0, .max = EXAMPLE_ID),
        FIELD_INT(struct job_payload, c, .min = 0, .max = 1),
        FIELD_INT(struct job_payload, effects, .min = 1, .max = EFFECTS_MAX),
        FIELD_BOOL(struct job_payload, poison, .optional = true),
        FIELD_BOOL(struct job_payload, reject, .optional = true),
        FIELD_END,
};

const char *const world_origins[ORIGINS_MAX] = {"https://a.example", "https://b.example"};

static void plan_mail_of(const struct spec *spec, struct plan *plan, int effect, const char *text)
{
        const struct attachment files[] = {
                {.name = "a.txt", .url = "https://files.example/a", .sha256 = FILE_SHA256}, {0}};
        bool named = spec->named >> effect & 1 && world.mail_count > 1;
        plan_mail(plan, &(struct mail){
                                .key = plan_printf(plan, "e%d", effect),
                                .to = "ada@example.com",
                                .subject = text,
                                .text = "a text",
                                .attachments = spec->files >> effect & 1 ? files : NULL,
                                .outlet = named ? world.config.outlets[0].name : NULL,
                        });
}

static void plan_post_of(const struct spec *spec, struct plan *plan, int effect, const char *text)
{
        bool named = spec->named >> effect & 1 && world.post_count > 1;
        plan_post(plan, &(struct post){
                                .key = plan_printf(plan, "e%d", effect),
                                .url = plan_printf(plan, "%s/hook",
                                                   world_origins[spec->other_origin >> effect & 1]),
                                .data = plan_printf(plan, "\"%s\"", text),
                                .outlet = named ? world.config.outlets[world.mail_count].name : NULL,
                        });
}

static void plan_batch_of(const struct spec *spec, struct plan *plan, int effect, const char *text)
{
        for (int i = 0; i < spec->batch[effect]; i++)
                plan_publish(plan, &(struct outgoing){
                                           .key = plan_printf(plan, "e%d", effect),
                                           .type = "child.v1",
                                           .data = plan_printf(plan, "\"%s item %d\"", text, i),
                                   });
}

static void plan_effect(const struct job_payload *job, struct plan *plan, int effect)
{
        const struct spec *spec = &world.specs[job->n];
        const char *text = plan_printf(plan, EFFECT_TEXT, effect, (int)job->n, (int)job->c, 0);
        switch (spec->kinds[effect]) {
        case EFFECT_MAIL:
                plan_mail_of(spec, plan, effect, text);
                return;
        case EFFECT_POST:
                plan_post_of(spec, plan, effect, text);
                return;
        case EFFECT_PUBLISH:
                plan_batch_of(spec, plan, effect, text);
                return;
        }
}

static void plan_job(const struct job_payload *job, struct plan *plan)
{
        struct process *process = process_now();
        if (job->n == EXAMPLE_ID) { /* what the engine asks of every type before there is any message */
                plan_mail_of(&(struct spec){0}, plan, 0, "an example");
                return;
        }
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
                plan_effect(job, plan, (int)i);
}

#define EXAMPLE "{\"n\": 4, \"c\": 0, \"effects\": 1}"
HANDLER(plain_v1, struct job_payload, plan_job,
        {.type = "plain.v1", .summary = "Sends mails.", .example = EXAMPLE, .fields = fields});
HANDLER(park_v1, struct job_payload, plan_job,
        {.type = "park.v1", .summary = "Sends mails once.", .example = EXAMPLE, .fields = fields});

extern const struct handler email_send_v1; /* handlers/: what a planner's mails are read by */
const struct handler *const handlers[] = {&plain_v1, &park_v1, &email_send_v1, NULL};

struct message *message_original(struct arena *arena, uint8_t id, uint8_t content)
{
        const struct spec *spec = &world.specs[id];
        struct message *message = arena_alloc(arena, sizeof *message);
        const char *type = spec->bad == REASON_UNKNOWN_TYPE ? "unknown.v1"
                           : spec->park                     ? "park.v1"
                           : spec->planned                  ? "planned.v1"
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
        if (spec->due_ms > 0) {
                char *text = arena_alloc(arena, RFC3339_SIZE);
                rfc3339_format(spec->due_ms, text);
                message_set_header(arena, message,
                                   (struct header){.name = SLICE_LITERAL("deliver-at"),
                                                   .tag = HEADER_STRING,
                                                   .text = slice_of(text)});
        }
        if (id % 2 == 1)
                message_set_header(arena, message,
                                   (struct header){.name = SLICE_LITERAL("subject"),
                                                   .tag = HEADER_STRING,
                                                   .text = SLICE_LITERAL("order 7")});
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
