#ifndef LEVERET_CORE_SETTINGS_WORDS_H
#define LEVERET_CORE_SETTINGS_WORDS_H

#include "core/settings/settings.h"

#include <stddef.h>

/* Of settings_table.c alone: what settings may be, and of what they are. */

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS (INT64_C(24) * HOUR_MS)

#define OF_WORKER(field) .scope = SETTING_OF_WORKER, .offset = offsetof(struct config, field)
#define OF_QUEUE(field) .scope = SETTING_OF_QUEUE, .offset = offsetof(struct config_queue, field)
#define OF_OUTLET(field) .scope = SETTING_OF_OUTLET, .offset = offsetof(struct config_outlet, field)
#define OF_MAIL(field) OF_OUTLET(field), .kinds = SETTING_KIND_MAIL
#define OF_SCHEDULE(field) .scope = SETTING_OF_SCHEDULE, .offset = offsetof(struct config_schedule, field)
#define OF_TOKEN(field) .scope = SETTING_OF_TOKEN, .offset = offsetof(struct config_token, field)
#define OF_POST(field) OF_OUTLET(field), .kinds = SETTING_KIND_POST
#define OF_HANDLER(field) .scope = SETTING_OF_HANDLER, .offset = offsetof(struct config_handler, field)

/* Ended by NULL. */

static const char *const amqp_schemes[] = {"amqp", "amqps", NULL};
static const char *const postgres_schemes[] = {"postgresql", "postgres", NULL};
static const char *const redis_schemes[] = {
        "redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster", NULL};
static const char *const http_schemes[] = {"http", "https", NULL};
static const char *const smtp_schemes[] = {"smtp", "smtps", NULL};

/* Words of enums, in the order of core/settings/config.h. */
static const char *const on_ambiguous[] = {"resend", "park", "lookup", NULL};
static const char *const on_conflict[] = {"dead", "first", NULL};
static const char *const missed[] = {"last", "all", "none", NULL};
static const char *const overlap[] = {"skip", "allow", NULL};
static const char *const outlet_kinds[] = {"mail", "post", NULL};
static const char *const transports[] = {"http", "smtp", "log", NULL};
static const char *const presets[] = {"resend",  "postmark",  "sendgrid", "mailgun", "ses",    "brevo",
                                      "mailjet", "sparkpost", "scaleway", "mailpit", "custom", NULL};
static const char *const starttls[] = {"required", "off", NULL};
static const char *const serve_roles[] = {"publish", "read", "operate", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL};
static const char *const foreign_presets[] = {"none",   "celery",   "masstransit", "nservicebus",
                                              "spring", "laravel",  "symfony",     "nestjs",
                                              "dapr",   "easynetq", NULL};
static const char *const topologies[] = {"declare", "verify", "off", NULL};

#endif
