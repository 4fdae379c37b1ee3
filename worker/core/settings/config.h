#ifndef LEVERET_CORE_CONFIG_H
#define LEVERET_CORE_CONFIG_H

#include "core/time/ticker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole configuration as values. Times are milliseconds, sizes bytes. Built once from file, environment
 * and --set; read-only afterwards; all memory belongs to the config. Optional strings are NULL when unset. */

enum {
        CONFIG_QUEUES_MAX = 64,
        CONFIG_BINDINGS_MAX = 64,
        CONFIG_TIERS_MAX = 16,
        CONFIG_HANDLERS_MAX = 256,
        CONFIG_TYPE_PATHS_MAX = 16,
        CONFIG_PLAN_EXEC_MAX = 16,
        CONFIG_PLAN_TEXTS = 4 + CONFIG_PLAN_EXEC_MAX, /* url, three of tls, exec */
        CONFIG_PLAN_PROCESSES_MAX = 64,
        CONFIG_PREFIX_MAX = 64, /* bytes of redis.prefix */
        CONFIG_BREAKER_FAILURES_MAX = 64,
        CONFIG_TEXTS_MAX = 64,
        CONFIG_TOKENS_MAX = 64,
        CONFIG_SCHEDULES_MAX = 64,
        CONFIG_TOKEN_MIN = 16,   /* characters */
        CONFIG_OUTLETS_MAX = 16, /* of `outlets`, beside mail */
        CONFIG_OUTLET_NAME_MAX = 32,
};

enum on_conflict { ON_CONFLICT_DEAD, ON_CONFLICT_FIRST };
enum on_ambiguous { ON_AMBIGUOUS_RESEND, ON_AMBIGUOUS_PARK, ON_AMBIGUOUS_LOOKUP };
enum topology_mode { TOPOLOGY_DECLARE, TOPOLOGY_VERIFY, TOPOLOGY_OFF };
enum transport_kind { TRANSPORT_HTTP, TRANSPORT_SMTP, TRANSPORT_LOG };
enum mail_preset {
        MAIL_PRESET_RESEND,
        MAIL_PRESET_POSTMARK,
        MAIL_PRESET_SENDGRID,
        MAIL_PRESET_MAILGUN,
        MAIL_PRESET_SES,
        MAIL_PRESET_BREVO,
        MAIL_PRESET_MAILJET,
        MAIL_PRESET_SPARKPOST,
        MAIL_PRESET_SCALEWAY,
        MAIL_PRESET_MAILPIT,
        MAIL_PRESET_CUSTOM,
};
enum smtp_starttls { SMTP_STARTTLS_REQUIRED, SMTP_STARTTLS_OFF };
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

struct config_tls { /* of one connection; NULL means the system's default */
        const char *ca_file, *cert_file, *key_file;
};

/* Texts of a list; the memory is that of the configuration. */
struct config_texts {
        const char *list[CONFIG_TEXTS_MAX];
        size_t count;
};

enum foreign_preset {
        FOREIGN_NONE,
        FOREIGN_CELERY,
        FOREIGN_MASSTRANSIT,
        FOREIGN_NSERVICEBUS,
        FOREIGN_SPRING,
        FOREIGN_LARAVEL,
        FOREIGN_SYMFONY,
        FOREIGN_NESTJS,
        FOREIGN_DAPR,
        FOREIGN_EASYNETQ,
};

/* Where the id, the type and the data of other people's messages stand: see core/message/foreign.h. Lists
 * that are empty are those of the preset. */
struct config_message {
        enum foreign_preset preset;
        struct config_texts id, type;
        struct config_texts types; /* "their name\nours" */
        const char *data;          /* a JSON pointer; NULL: that of the preset, else the whole body */
        const char *id_prefix;     /* NULL: "<queue>/" unless has_id_prefix, then none */
        bool has_id_prefix;
};

struct config_queue {
        const char *name;
        /* A pattern on leveret.in, or "exchange\npattern". */
        const char *bindings[CONFIG_BINDINGS_MAX];
        size_t binding_count;  /* default 1: "#" */
        bool bindings_written; /* else they are the default */
        bool declare;          /* false: somebody else's queue, and its copies come back by <name>.again */
        bool broker_dlx;       /* of such a one: what cannot be copied is rejected to the broker */
        struct config_message message;
        int64_t prefetch; /* 1..65535, default 256 */
        int64_t attempts; /* all tries, the first included; default 8 */
        bool jitter;      /* the tier of a try or the one after it, by chance */
        int64_t tiers_ms[CONFIG_TIERS_MAX];
        const char *tiers[CONFIG_TIERS_MAX]; /* as written, the name in the queue's name: "5s" */
        size_t tier_count;                   /* default 5: 5s 30s 2m 10m 1h */
        const char *outlet;                  /* by which its mails leave; NULL: the first of the kind */
        int64_t weight;                      /* 1..100, default 10: share of places and rate */
};

enum { CONFIG_HANDLER_TIMEOUT_MS = 60000 }; /* for types that the configuration does not name */

/* Who plans a type outside of leveret: a service or programs; neither: nobody. */
struct config_plan {
        const char *url;
        struct config_tls tls;                  /* of the service */
        const char *exec[CONFIG_PLAN_EXEC_MAX]; /* the program and its arguments */
        size_t exec_count;
        int64_t processes, timeout_ms;
};

struct config_handler {
        const char *type;
        int64_t attempts;   /* 0: that of the queue */
        int64_t timeout_ms; /* claim to end; default CONFIG_HANDLER_TIMEOUT_MS */
        enum on_ambiguous on_ambiguous;
        bool has_on_ambiguous; /* else that of the outlet */
        const char *outlet;    /* NULL: that of the queue */
        struct config_plan plan;
        const char *schema;           /* a file with the JSON Schema of what is planned; NULL: any payload */
        enum on_conflict on_conflict; /* default dead */
};

enum outlet_kind { OUTLET_MAIL, OUTLET_POST, OUTLET_PUBLISH };

/* One way out of the process: `mail`, or an entry of `outlets`. */
struct config_outlet {
        const char *name; /* "mail" for that section */
        enum outlet_kind kind;
        struct config_texts fallback;  /* names of outlets of the same kind, in order */
        int64_t fallback_after;        /* definite refusals for now of an effect; default 2 */
        enum transport_kind transport; /* default http */
        const char *from; /* required unless transport is log: "Shop <shop@example.com>" or address */
        enum on_ambiguous on_ambiguous;
        bool has_on_ambiguous;           /* else what its service makes the default: mail_look_policy() */
        int64_t lookup_for_ms;           /* default 3600000 */
        int64_t timeout_ms;              /* default 30000 */
        double rate;                     /* sends per second over the process; 0: unlimited (default) */
        double rate_shared;              /* over all workers of the prefix; 0: unlimited (default) */
        struct config_texts rate_domain; /* the same for mails to a domain: "gmail.com\n20/s", "*\n50/s" */
        int64_t retry_after_max_ms;      /* the longest pause that the service may ask for; default 300000 */
        bool allow_plaintext;
        struct {
                enum mail_preset preset;
                const char *url;
                const char *api_key;             /* secret */
                const char *username, *password; /* the password is secret; of ses the key's id and the key */
                const char *region, *domain, *project;
                struct { /* of the preset custom */
                        const char *path, *auth_header, *auth_prefix, *id_member, *error_member;
                } custom;
                int64_t connections; /* default 64 */
                struct config_tls tls;
        } http;
        struct {
                const char *url; /* smtp://host:port or smtps:// */
                const char *username;
                const char *password;   /* secret */
                const char *token_file; /* in place of a password: an OAuth 2 token, read for each log-in */
                const char *helo;       /* said in EHLO; NULL: this host's name */
                const char *key_header; /* in which the service takes the key of a mail; NULL: by the URL */
                enum smtp_starttls starttls; /* default required */
                int64_t connections;         /* default 16 */
                struct config_tls tls;
        } smtp;
        struct {                                 /* of the kind post */
                const char *secret, *secret_old; /* whsec_..; secret */
                struct config_texts allow;       /* origins */
                bool allow_private;
                int64_t connections; /* to each origin; default 32 */
                struct config_tls tls;
        } post;
        struct {
                int64_t failures;    /* default 5 */
                int64_t open_ms;     /* default 5000 */
                int64_t open_max_ms; /* default 300000 */
        } breaker;
};

/* Of the section mail alone, for the mails of every outlet. */
struct config_guard {
        struct config_texts from_allowed, allow_to; /* addresses and "@domain" */
        const char *redirect_to, *bcc_all;          /* an address, or NULL */
        bool auto_submitted;                        /* default true: mails say that a machine made them */
};

/* May is what the roles before it may, too: READ sees all and plans, OPERATE does all. PUBLISH is none of the
 * ladder: it publishes, and sees what it published. */
enum serve_role { SERVE_PUBLISH, SERVE_READ, SERVE_OPERATE };

struct config_token {
        const char *name;  /* stands in the audit */
        const char *token; /* secret */
        enum serve_role role;
        struct config_texts types; /* that it may publish; none: all */
};

/* A message that is published again and again. */
struct config_schedule {
        const char *name; /* as ticker_name_is_good */
        const char *cron, *timezone;
        const char *type, *data; /* of the message; the data is JSON */
        enum ticker_missed missed;
        enum { OVERLAP_SKIP, OVERLAP_ALLOW } overlap;
};

/* Files of mails that leveret fetches itself. */
struct config_attachments {
        struct config_texts allow; /* origins */
        bool allow_private;
        int64_t max_bytes;  /* of the files of one mail; default 10 MiB */
        int64_t disk_bytes; /* of all files at once; default 1 GiB */
        const char *dir;    /* default /var/tmp */
};

struct config {
        struct {
                const char *url; /* default amqp://guest:guest@127.0.0.1:5672/; may name several hosts */
                const char *username, *password; /* unset: those of the URL; the password is secret */
                int64_t heartbeat_ms;            /* default 30000; at least 1000 */
                bool allow_plaintext;            /* plaintext to other than loopback */
                const char *management_url;      /* NULL: policies are not looked at */
                struct config_tls tls;
        } amqp;
        struct {
                const char *url;                 /* default redis://127.0.0.1:6379/0 */
                const char *username, *password; /* unset: those of the URL; the password is secret */
                const char *prefix;              /* default "leveret" */
                int64_t timeout_ms;              /* of a reply, default 2000 */
                int64_t replicas;                /* that acknowledge each write, default 0 */
                bool allow_plaintext;
                struct config_tls tls;
        } redis;
        struct config_queue queues[CONFIG_QUEUES_MAX];
        size_t queue_count; /* default 1: "leveret.work" bound with "#" */
        struct {
                int64_t lease_ms;              /* default 60000 */
                int64_t keep_ms;               /* default 7 days */
                int64_t keep_payload_ms;       /* default 0: payloads are not kept */
                int64_t max_crashes;           /* default 3 */
                int64_t unknown_type_grace_ms; /* default 10 minutes; 0: none */
        } claim;
        struct {
                const char *path[CONFIG_TYPE_PATHS_MAX]; /* directories; default none */
                size_t path_count;
        } types;
        struct config_handler handlers[CONFIG_HANDLERS_MAX];
        size_t handler_count;
        struct config_outlet mail, outlets[CONFIG_OUTLETS_MAX];
        size_t outlet_count; /* of `outlets` */
        struct config_guard guard;
        struct config_attachments attachments;
        struct {
                struct config_texts exchanges; /* beside leveret.in */
        } publish;
        struct {
                const char *exchange;       /* NULL: others are told of nothing */
                struct config_texts states; /* default all: core/record/due.h */
                int64_t hold_ms;            /* default 30000 */
        } events;
        struct {
                const char *mail_to;
                const char *webhook;
                int64_t interval_ms; /* default 300000 */
                int64_t idle_ms; /* alert when nothing succeeded for so long though work waits; default 10m */
        } alerts;
        struct {
                const char *listen; /* default 127.0.0.1:9464; "off": no admin server */
                const char *token;  /* secret; required when not loopback */
        } admin;
        struct {
                const char *listen;               /* default 127.0.0.1:8080 */
                const char *base_url;             /* as people and alerts reach it; or NULL */
                const char *cert_file, *key_file; /* TLS; or NULL */
                bool allow_plaintext;             /* beyond loopback */
                struct config_token tokens[CONFIG_TOKENS_MAX];
                size_t token_count;
        } serve;
        struct {
                const char *url;              /* of a collector: /v1/traces is added; NULL: no spans */
                const char *traces_url;       /* as it is; goes before `url` */
                struct config_texts headers;  /* "name\nvalue", or a list "name=value,name=value"; secret */
                struct config_texts resource; /* the same: attributes of what sends the spans */
                const char *service_name;     /* default leveret */
                int64_t timeout_ms;           /* of one request; default 10000 */
                int64_t roots;                /* in a hundred messages of no trace; default 100 */
                struct config_tls tls;
        } otlp;
        struct {                   /* the outbox */
                const char *url;   /* postgresql://..; secret; NULL: none */
                const char *table; /* default leveret_outbox */
                int64_t batch;     /* rows; default 500 */
                int64_t poll_ms;   /* default 1000 */
                int64_t keep_ms;   /* rows that went; default 0 */
        } relay;
        struct {
                enum log_level level;   /* default info */
                enum log_format format; /* default auto: text on a terminal, else json */
        } log;
        struct {
                int64_t grace_ms; /* default 25000 */
        } shutdown;
        struct config_schedule schedules[CONFIG_SCHEDULES_MAX];
        size_t schedule_count;
        int64_t max_body; /* bytes, default 1 MiB, at most 16 MiB */
        enum topology_mode topology;

        void *memory; /* the arena behind the strings */
};

/* Are the messages of this queue read by a mapping? */
bool config_queue_is_mapped(const struct config_queue *queue);

/* The longest delay tier of all queues, in milliseconds; 0 if there is none. */
int64_t config_longest_tier_ms(const struct config *config);
/* What the record of a job is kept for that is not over, ms: `claim.keep` and the longest delay on top. */
int64_t config_record_keep_ms(const struct config *config);

/* Settings of a type: the configured entry, or NULL. */
const struct config_handler *config_handler_find(const struct config *config, const char *type);

/* Each text of a plan's settings, for i below CONFIG_PLAN_TEXTS: where it stands; NULL stands where there is
 * none. */
const char **config_plan_text(struct config_plan *plan, size_t i);

/* All outlets: 0 is mail, the others in the order of the file; NULL beyond the last. */
const struct config_outlet *config_outlet_at(const struct config *config, size_t index);
/* By its name, NULL if there is none. */
const struct config_outlet *config_outlet_find(const struct config *config, const char *name);

#endif
