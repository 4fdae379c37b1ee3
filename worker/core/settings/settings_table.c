#include "core/settings/settings.h"

#include <stddef.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS (INT64_C(24) * HOUR_MS)

static const char *const amqp_schemes[] = {"amqp", "amqps", NULL};
static const char *const redis_schemes[] = {"redis", "rediss", NULL};
static const char *const http_schemes[] = {"http", "https", NULL};
static const char *const smtp_schemes[] = {"smtp", "smtps", NULL};

/* Words of enums, in the order of core/settings/config.h. */
static const char *const on_ambiguous[] = {"resend", "park", NULL};
static const char *const outlet_kinds[] = {"mail", "post", NULL};
static const char *const transports[] = {"http", "smtp", "log", NULL};
static const char *const presets[] = {"resend", "mailpit", NULL};
static const char *const starttls[] = {"required", "off", NULL};
static const char *const serve_roles[] = {"publish", "read", "operate", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL};
static const char *const topologies[] = {"declare", "verify", "off", NULL};

#define OF_WORKER(field) .scope = SETTING_OF_WORKER, .offset = offsetof(struct config, field)
#define OF_QUEUE(field) .scope = SETTING_OF_QUEUE, .offset = offsetof(struct config_queue, field)
#define OF_OUTLET(field) .scope = SETTING_OF_OUTLET, .offset = offsetof(struct config_outlet, field)
#define OF_MAIL(field) OF_OUTLET(field), .kinds = SETTING_KIND_MAIL
#define OF_TOKEN(field) .scope = SETTING_OF_TOKEN, .offset = offsetof(struct config_token, field)
#define OF_HANDLER(field) .scope = SETTING_OF_HANDLER, .offset = offsetof(struct config_handler, field)

/* clang-format off */
const struct setting settings[] = {
        { .name = "amqp.url", .kind = SETTING_URL, OF_WORKER(amqp.url),
          .words = amqp_schemes, .fallback = "amqp://guest:guest@127.0.0.1:5672/", .secret = true,
          .prose = "The broker, as amqp:// or amqps:// with credentials and virtual host. Several nodes of a cluster "
                   "are separated by commas, as in amqp://user:password@a:5672,b:5672/vhost: the order is shuffled, "
                   "and the next one is tried at once when one fails." },
        { .name = "amqp.username", .kind = SETTING_TEXT, OF_WORKER(amqp.username),
          .example = "leveret", .from_file = true,
          .prose = "Name to log in to the broker with; unset: that of amqp.url." },
        { .name = "amqp.password", .kind = SETTING_TEXT, OF_WORKER(amqp.password),
          .example = "${AMQP_PASSWORD}", .secret = true,
          .prose = "Password to log in to the broker with, as it is, nothing percent-encoded; unset: that of "
                   "amqp.url." },
        { .name = "amqp.heartbeat", .kind = SETTING_DURATION, OF_WORKER(amqp.heartbeat_ms),
          .min = SECOND_MS, .max = HOUR_MS, .fallback = "30s",
          .prose = "How often the broker and leveret show each other that they live; two missed ones end the "
                   "connection." },
        { .name = "amqp.allow_plaintext", .kind = SETTING_BOOLEAN, OF_WORKER(amqp.allow_plaintext),
          .fallback = "false",
          .prose = "Lets passwords and mails travel unencrypted to a host other than this one." },
        { .name = "amqp.management_url", .kind = SETTING_URL, OF_WORKER(amqp.management_url),
          .words = http_schemes, .example = "http://127.0.0.1:15672", .secret = true,
          .prose = "The broker's management API. Set, `leveret check` and `leveret topology verify` warn of "
                   "policies that would expire or refuse messages in leveret's queues. The user, of the URL or else "
                   "that of the broker, needs the tag management." },
        { .name = "amqp.tls.ca_file", .kind = SETTING_PATH, OF_WORKER(amqp.tls.ca_file),
          .example = "/etc/leveret/ca.pem",
          .prose = "Certificates (PEM) that the broker is trusted by; unset: those of the system." },
        { .name = "amqp.tls.cert_file", .kind = SETTING_PATH, OF_WORKER(amqp.tls.cert_file),
          .example = "/etc/leveret/cert.pem",
          .prose = "Certificate (PEM) that leveret shows to the broker; needs key_file." },
        { .name = "amqp.tls.key_file", .kind = SETTING_PATH, OF_WORKER(amqp.tls.key_file),
          .example = "/etc/leveret/key.pem",
          .prose = "Private key (PEM) of cert_file." },
        { .name = "redis.url", .kind = SETTING_URL, OF_WORKER(redis.url),
          .words = redis_schemes, .fallback = "redis://127.0.0.1:6379/0", .secret = true,
          .prose = "The Redis server that keeps the job records, as redis:// or rediss:// with the password "
                   "and the number of the database." },
        { .name = "redis.username", .kind = SETTING_TEXT, OF_WORKER(redis.username),
          .example = "leveret", .from_file = true,
          .prose = "Name to log in to Redis with; unset: that of redis.url." },
        { .name = "redis.password", .kind = SETTING_TEXT, OF_WORKER(redis.password),
          .example = "${REDIS_PASSWORD}", .secret = true,
          .prose = "Password to log in to Redis with, as it is, nothing percent-encoded; unset: that of "
                   "redis.url." },
        { .name = "redis.prefix", .kind = SETTING_TEXT, OF_WORKER(redis.prefix),
          .max = CONFIG_PREFIX_MAX, .fallback = "leveret",
          .prose = "What every key begins with. Workers with the same queues must have the same prefix; "
                   "changing it forgets all job records." },
        { .name = "redis.timeout", .kind = SETTING_DURATION, OF_WORKER(redis.timeout_ms),
          .min = 10, .max = MINUTE_MS, .fallback = "2s",
          .prose = "How long a reply may take before the connection is given up." },
        { .name = "redis.allow_plaintext", .kind = SETTING_BOOLEAN, OF_WORKER(redis.allow_plaintext),
          .fallback = "false",
          .prose = "Lets passwords and mails travel unencrypted to a host other than this one." },
        { .name = "redis.tls.ca_file", .kind = SETTING_PATH, OF_WORKER(redis.tls.ca_file),
          .example = "/etc/leveret/ca.pem",
          .prose = "Certificates (PEM) that Redis is trusted by; unset: those of the system." },
        { .name = "redis.tls.cert_file", .kind = SETTING_PATH, OF_WORKER(redis.tls.cert_file),
          .example = "/etc/leveret/cert.pem",
          .prose = "Certificate (PEM) that leveret shows to Redis; needs key_file." },
        { .name = "redis.tls.key_file", .kind = SETTING_PATH, OF_WORKER(redis.tls.key_file),
          .example = "/etc/leveret/key.pem",
          .prose = "Private key (PEM) of cert_file." },
        { .name = "queues[].name", .kind = SETTING_TEXT, OF_QUEUE(name),
          .shown = "leveret.work",
          .prose = "Name of the work queue; its delay tiers and its dead-letter queue are named after it." },
        { .name = "queues[].bindings", .kind = SETTING_TEXTS, OF_QUEUE(bindings),
          .count_offset = offsetof(struct config_queue, binding_count), .min = 1, .fallback = "#",
          .prose = "Patterns of the message types that the queue receives: * stands for one word, # for any "
                   "number of words." },
        { .name = "queues[].prefetch", .kind = SETTING_INTEGER, OF_QUEUE(prefetch),
          .min = 1, .max = 65535, .fallback = "256", .reloadable = true,
          .prose = "How many messages of this queue one worker takes at a time. Twice the mails under way at once "
                   "is the fastest; more is only charged to more messages at a crash." },
        { .name = "queues[].retry.attempts", .kind = SETTING_INTEGER, OF_QUEUE(attempts),
          .min = 1, .max = 1000, .fallback = "8", .reloadable = true,
          .prose = "How often a message is tried, the first time included, before it is dead-lettered." },
        { .name = "queues[].retry.tiers", .kind = SETTING_DURATIONS, OF_QUEUE(tiers),
          .min = SECOND_MS, .max = 7 * DAY_MS, .fallback = "5s,30s,2m,10m,1h",
          .prose = "The delays before the second, third, ... try, ascending; a list shorter than the "
                   "attempts repeats its last. Each is a queue of its own: a tier that is taken out of the "
                   "list must be emptied and deleted by hand." },
        { .name = "queues[].outlet", .kind = SETTING_TEXT, OF_QUEUE(outlet),
          .example = "backup", .reloadable = true,
          .prose = "The outlet by which what this queue's messages send leaves; unset: the first of the kind. A type "
                   "may name another." },
        { .name = "queues[].weight", .kind = SETTING_INTEGER, OF_QUEUE(weight),
          .min = 1, .max = 100, .fallback = "10", .reloadable = true,
          .prose = "Share of the outlets' connections and rate: while both have something to send, a queue of weight "
                   "100 gets ten times as much as one of weight 10, and goes first." },
        { .name = "claim.lease", .kind = SETTING_DURATION, OF_WORKER(claim.lease_ms),
          .min = SECOND_MS, .max = HOUR_MS, .fallback = "60s",
          .prose = "How long a job belongs to a worker that has stopped renewing its claim. Must be longer "
                   "than mail.timeout." },
        { .name = "claim.keep", .kind = SETTING_DURATION, OF_WORKER(claim.keep_ms),
          .min = MINUTE_MS, .max = 366 * DAY_MS, .fallback = "7d", .reloadable = true,
          .prose = "How long the record of a completed job is kept, and so for how long a duplicate is "
                   "recognised." },
        { .name = "claim.max_crashes", .kind = SETTING_INTEGER, OF_WORKER(claim.max_crashes),
          .min = 1, .max = 1000, .fallback = "3", .reloadable = true,
          .prose = "How many starts without an end, each of them perhaps a crash of the worker, dead-letter "
                   "a job." },
        { .name = "handlers.*.attempts", .kind = SETTING_INTEGER, OF_HANDLER(attempts),
          .min = 0, .max = 1000, .fallback = "0", .reloadable = true,
          .prose = "As queues[].retry.attempts, for this type alone; 0: that of the queue." },
        { .name = "handlers.*.timeout", .kind = SETTING_DURATION, OF_HANDLER(timeout_ms),
          .min = 100, .max = DAY_MS, .fallback = "60s", .reloadable = true,
          .prose = "How long a job of this type may take from its claim to its end." },
        { .name = "handlers.*.on_ambiguous", .kind = SETTING_WORD, OF_HANDLER(on_ambiguous),
          .has_offset = offsetof(struct config_handler, has_on_ambiguous), .words = on_ambiguous, .example = "park", .reloadable = true,
          .prose = "As mail.on_ambiguous, for this type alone; unset: that of the outlet." },
        { .name = "handlers.*.outlet", .kind = SETTING_TEXT, OF_HANDLER(outlet),
          .example = "backup", .reloadable = true,
          .prose = "The outlet by which what this type sends leaves; unset: that of the queue." },
        { .name = "mail.transport", .kind = SETTING_WORD, OF_MAIL(transport),
          .words = transports, .fallback = "http", .shown = "log",
          .prose = "How mails leave: over a mail API, by SMTP, or only into the log, which sends nothing." },
        { .name = "mail.from", .kind = SETTING_MAILBOX, OF_MAIL(from),
          .example = "\"Shop <shop@example.com>\"",
          .prose = "The sender of every mail; required unless the transport is log." },
        { .name = "mail.from_allowed", .kind = SETTING_TEXTS, OF_WORKER(guard.from_allowed.list),
          .count_offset = offsetof(struct config, guard.from_allowed.count), .example = "[\"@example.com\"]",
          .prose = "Who else may be the sender of a mail that names one: addresses, and domains such as "
                   "@example.com. mail.from always may." },
        { .name = "mail.redirect_to", .kind = SETTING_ADDRESS, OF_WORKER(guard.redirect_to),
          .example = "dev@example.com",
          .prose = "For test systems: every mail of every outlet goes to this address in place of its recipients, "
                   "which the header X-Leveret-To names. Goes before allow_to and bcc_all." },
        { .name = "mail.allow_to", .kind = SETTING_TEXTS, OF_WORKER(guard.allow_to.list),
          .count_offset = offsetof(struct config, guard.allow_to.count), .example = "[\"@example.com\"]",
          .prose = "For test systems: a mail with a recipient that is none of these addresses and domains is "
                   "rejected; unset: everybody may be mailed." },
        { .name = "mail.bcc_all", .kind = SETTING_ADDRESS, OF_WORKER(guard.bcc_all),
          .example = "archive@example.com",
          .prose = "Gets a blind copy of every mail; unset: nobody." },
        { .name = "mail.on_ambiguous", .kind = SETTING_WORD, OF_MAIL(on_ambiguous),
          .words = on_ambiguous, .fallback = "resend", .reloadable = true,
          .prose = "When it cannot be known whether a mail was accepted: resend it, at the risk of a second "
                   "copy, or park the message in the dead-letter queue for a person to decide." },
        { .name = "mail.timeout", .kind = SETTING_DURATION, OF_OUTLET(timeout_ms),
          .min = 100, .max = 30 * MINUTE_MS, .fallback = "30s",
          .prose = "How long sending one mail may take." },
        { .name = "mail.rate", .kind = SETTING_RATE, OF_OUTLET(rate),
          .min = 0, .max = 1000000, .fallback = "0", .reloadable = true,
          .prose = "The most mails that one worker sends, such as 100/s or 600/m; 0: no limit." },
        { .name = "mail.retry_after_max", .kind = SETTING_DURATION, OF_OUTLET(retry_after_max_ms),
          .min = SECOND_MS, .max = DAY_MS, .fallback = "5m",
          .prose = "The longest pause that a mail service is given when it asks for one (Retry-After); what it "
                   "asks for beyond that is told in the log." },
        { .name = "mail.allow_plaintext", .kind = SETTING_BOOLEAN, OF_OUTLET(allow_plaintext),
          .fallback = "false",
          .prose = "Lets passwords and mails travel unencrypted to a host other than this one." },
        { .name = "mail.http.preset", .kind = SETTING_WORD, OF_MAIL(http.preset),
          .words = presets, .fallback = "resend",
          .prose = "The mail API that is spoken." },
        { .name = "mail.http.url", .kind = SETTING_URL, OF_MAIL(http.url),
          .words = http_schemes, .example = "https://api.resend.com",
          .prose = "Base URL of the mail API, without the path of the preset; required for the transport "
                   "http." },
        { .name = "mail.http.api_key", .kind = SETTING_TEXT, OF_MAIL(http.api_key),
          .example = "${RESEND_API_KEY}", .secret = true,
          .prose = "Key of the mail API, sent as a bearer token." },
        { .name = "mail.http.connections", .kind = SETTING_INTEGER, OF_MAIL(http.connections),
          .min = 1, .max = 1024, .fallback = "64",
          .prose = "How many connections to the mail API are open at most, and so how many mails are under "
                   "way." },
        { .name = "mail.http.tls.ca_file", .kind = SETTING_PATH, OF_MAIL(http.tls.ca_file),
          .example = "/etc/leveret/ca.pem",
          .prose = "Certificates (PEM) that the mail API is trusted by; unset: those of the system." },
        { .name = "mail.http.tls.cert_file", .kind = SETTING_PATH, OF_MAIL(http.tls.cert_file),
          .example = "/etc/leveret/cert.pem",
          .prose = "Certificate (PEM) that leveret shows to the mail API; needs key_file." },
        { .name = "mail.http.tls.key_file", .kind = SETTING_PATH, OF_MAIL(http.tls.key_file),
          .example = "/etc/leveret/key.pem",
          .prose = "Private key (PEM) of cert_file." },
        { .name = "mail.smtp.url", .kind = SETTING_URL, OF_MAIL(smtp.url),
          .words = smtp_schemes, .example = "smtp://mail.example.com:587",
          .prose = "The mail server, as smtp:// (STARTTLS) or smtps:// (TLS from the start); required for "
                   "the transport smtp." },
        { .name = "mail.smtp.username", .kind = SETTING_TEXT, OF_MAIL(smtp.username),
          .example = "shop",
          .prose = "Name to log in with; unset: no log-in." },
        { .name = "mail.smtp.password", .kind = SETTING_TEXT, OF_MAIL(smtp.password),
          .example = "${SMTP_PASSWORD}", .secret = true,
          .prose = "Password to log in with." },
        { .name = "mail.smtp.starttls", .kind = SETTING_WORD, OF_MAIL(smtp.starttls),
          .words = starttls, .fallback = "required",
          .prose = "Whether an smtp:// connection must be encrypted before anything is said; off leaves it "
                   "in plain text." },
        { .name = "mail.smtp.connections", .kind = SETTING_INTEGER, OF_MAIL(smtp.connections),
          .min = 1, .max = 1024, .fallback = "16",
          .prose = "How many connections to the mail server are open at most, each with one mail at a time." },
        { .name = "mail.smtp.tls.ca_file", .kind = SETTING_PATH, OF_MAIL(smtp.tls.ca_file),
          .example = "/etc/leveret/ca.pem",
          .prose = "Certificates (PEM) that the mail server is trusted by; unset: those of the system." },
        { .name = "mail.smtp.tls.cert_file", .kind = SETTING_PATH, OF_MAIL(smtp.tls.cert_file),
          .example = "/etc/leveret/cert.pem",
          .prose = "Certificate (PEM) that leveret shows to the mail server; needs key_file." },
        { .name = "mail.smtp.tls.key_file", .kind = SETTING_PATH, OF_MAIL(smtp.tls.key_file),
          .example = "/etc/leveret/key.pem",
          .prose = "Private key (PEM) of cert_file." },
        { .name = "mail.breaker.failures", .kind = SETTING_INTEGER, OF_OUTLET(breaker.failures),
          .min = 1, .max = CONFIG_BREAKER_FAILURES_MAX, .fallback = "5", .reloadable = true,
          .prose = "How many distinct jobs must fail with no success between before sending pauses." },
        { .name = "mail.breaker.open", .kind = SETTING_DURATION, OF_OUTLET(breaker.open_ms),
          .min = 100, .max = HOUR_MS, .fallback = "5s", .reloadable = true,
          .prose = "How long sending pauses before the first probe; doubled after each failed one." },
        { .name = "mail.breaker.open_max", .kind = SETTING_DURATION, OF_OUTLET(breaker.open_max_ms),
          .min = 100, .max = DAY_MS, .fallback = "5m", .reloadable = true,
          .prose = "The longest pause between two probes." },
        { .name = "mail.fallback", .kind = SETTING_TEXTS, OF_OUTLET(fallback.list),
          .count_offset = offsetof(struct config_outlet, fallback.count), .max = CONFIG_OUTLETS_MAX,
          .example = "[backup]",
          .prose = "Outlets of the same kind, in order, that take over what surely did not leave by this one: when its "
                   "breaker is open, when it refused the key or the settings, or after fallback_after refusals for now." },
        { .name = "mail.fallback_after", .kind = SETTING_INTEGER, OF_OUTLET(fallback_after),
          .min = 1, .max = 1000, .fallback = "2", .reloadable = true,
          .prose = "How often in a row this outlet must have refused an effect for now before the next one takes it." },
        { .name = "outlets.*.kind", .kind = SETTING_WORD, OF_OUTLET(kind),
          .words = outlet_kinds, .fallback = "mail",
          .prose = "What leaves by it. An outlet of the kind mail has the settings of the section mail." },
        { .name = "alerts.mail_to", .kind = SETTING_ADDRESS, OF_WORKER(alerts.mail_to),
          .example = "ops@example.com", .reloadable = true,
          .prose = "Address that is told of dead letters; unset: nobody." },
        { .name = "alerts.webhook", .kind = SETTING_URL, OF_WORKER(alerts.webhook),
          .words = http_schemes, .example = "${ALERT_WEBHOOK}", .secret = true, .reloadable = true,
          .prose = "URL that alerts are posted to as JSON; unset: none." },
        { .name = "alerts.interval", .kind = SETTING_DURATION, OF_WORKER(alerts.interval_ms),
          .min = SECOND_MS, .max = DAY_MS, .fallback = "5m", .reloadable = true,
          .prose = "At most one alert of each type in this time; it counts those that were held back." },
        { .name = "alerts.idle", .kind = SETTING_DURATION, OF_WORKER(alerts.idle_ms),
          .min = 0, .max = 7 * DAY_MS, .fallback = "10m", .reloadable = true,
          .prose = "Alert when nothing has succeeded for this long though work waits; 0: never." },
        { .name = "admin.listen", .kind = SETTING_LISTEN, OF_WORKER(admin.listen),
          .fallback = "127.0.0.1:9464",
          .prose = "Where health, metrics and status are served, as host:port; off: nowhere." },
        { .name = "admin.token", .kind = SETTING_TEXT, OF_WORKER(admin.token),
          .example = "${ADMIN_TOKEN}", .secret = true,
          .prose = "Bearer token that /metrics and /status ask for; required when admin.listen is not "
                   "loopback." },
        { .name = "serve.listen", .kind = SETTING_LISTEN, OF_WORKER(serve.listen),
          .fallback = "127.0.0.1:8080",
          .prose = "Where `leveret serve` answers, as host:port." },
        { .name = "serve.base_url", .kind = SETTING_URL, OF_WORKER(serve.base_url),
          .words = http_schemes, .example = "https://leveret.example.com",
          .prose = "How people reach it; its host is accepted beside that of serve.listen." },
        { .name = "serve.allow_plaintext", .kind = SETTING_BOOLEAN, OF_WORKER(serve.allow_plaintext),
          .fallback = "false",
          .prose = "Lets tokens travel unencrypted to an address that other machines reach, as behind a proxy that "
                   "ends TLS." },
        { .name = "serve.tls.cert_file", .kind = SETTING_PATH, OF_WORKER(serve.cert_file),
          .example = "/etc/leveret/serve.pem",
          .prose = "Certificate (PEM) that it shows; needs key_file. Unset: no TLS." },
        { .name = "serve.tls.key_file", .kind = SETTING_PATH, OF_WORKER(serve.key_file),
          .example = "/etc/leveret/serve-key.pem",
          .prose = "Private key (PEM) of cert_file." },
        { .name = "serve.tokens[].name", .kind = SETTING_TEXT, OF_TOKEN(name),
          .example = "shop", .max = 64,
          .prose = "Who holds the token, as the audit names it." },
        { .name = "serve.tokens[].role", .kind = SETTING_WORD, OF_TOKEN(role),
          .words = serve_roles, .fallback = "read",
          .prose = "read sees all and plans; publish publishes, and sees what it published; operate does all." },
        { .name = "serve.tokens[].token", .kind = SETTING_TEXT, OF_TOKEN(token),
          .example = "${SHOP_TOKEN}", .secret = true, .max = 256,
          .prose = "What a client sends as Authorization: Bearer; 16 characters or more." },
        { .name = "serve.tokens[].types", .kind = SETTING_TEXTS, OF_TOKEN(types.list),
          .count_offset = offsetof(struct config_token, types.count), .min = 0, .max = CONFIG_TEXTS_MAX,
          .example = "[order.created.v1]",
          .prose = "The types that it may publish; unset: all." },
        { .name = "log.level", .kind = SETTING_WORD, OF_WORKER(log.level),
          .words = log_levels, .fallback = "info", .reloadable = true,
          .prose = "The least important lines that are written." },
        { .name = "log.format", .kind = SETTING_WORD, OF_WORKER(log.format),
          .words = log_formats, .fallback = "auto",
          .prose = "json: one object a line; text: for people; auto: text on a terminal, else json." },
        { .name = "shutdown.grace", .kind = SETTING_DURATION, OF_WORKER(shutdown.grace_ms),
          .min = 0, .max = HOUR_MS, .fallback = "25s", .reloadable = true,
          .prose = "How long running jobs may take to finish after SIGTERM. Keep it below what the process "
                   "manager allows." },
        { .name = "max_body", .kind = SETTING_SIZE, OF_WORKER(max_body),
          .min = 1024, .max = 16 << 20, .fallback = "1MiB",
          .prose = "The largest body that is processed, counted after unpacking; larger messages are "
                   "dead-lettered." },
        { .name = "topology", .kind = SETTING_WORD, OF_WORKER(topology),
          .words = topologies, .fallback = "declare",
          .prose = "What is done about exchanges and queues at the start: declare what is missing, only "
                   "verify, or leave them alone." },
};
/* clang-format on */
const size_t setting_count = sizeof(settings) / sizeof(settings[0]);
