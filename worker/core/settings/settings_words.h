#ifndef LEVERET_CORE_SETTINGS_WORDS_H
#define LEVERET_CORE_SETTINGS_WORDS_H

#include <stddef.h>

/* Of settings_table.c alone: what settings may be, ended by NULL. */

static const char *const amqp_schemes[] = {"amqp", "amqps", NULL};
static const char *const postgres_schemes[] = {"postgresql", "postgres", NULL};
static const char *const redis_schemes[] = {"redis", "rediss", "redis+sentinel", "rediss+sentinel", NULL};
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
