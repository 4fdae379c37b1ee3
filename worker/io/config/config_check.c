#include "io/config/config_check.h"

#include "core/job/protocol.h"
#include "core/message/topology.h"
#include "core/send/mail_preset.h"
#include "core/text/units.h"
#include "core/text/utf8.h"
#include "io/config/config_url.h"
#include "io/machine/url.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT_STRING_MAX = 255 }; /* AMQP 0-9-1 section 4.2.5.3 */

struct check {
        const struct config *config;
        struct arena *arena;
        config_fault *fault;
        void *context;
};

static void fault(struct check *check, const char *path, const char *message)
{
        check->fault(check->context, path, message);
}

static bool url_is_local(const char *text, struct arena *arena)
{
        return text && url_is_loopback(arena, text);
}

static bool listen_is_local(const char *listen, struct arena *arena)
{
        if (strcmp(listen, "off") == 0)
                return true;
        const char *colon = strrchr(listen, ':');
        return host_is_loopback(arena_copy(arena, listen, colon ? (size_t)(colon - listen) : strlen(listen)));
}

bool config_secret_is_local(const struct config *config, const struct setting *setting, struct arena *arena)
{
        if (strcmp(setting->name, "amqp.url") == 0 || strcmp(setting->name, "amqp.password") == 0)
                return url_is_local(config->amqp.url, arena);
        if (strcmp(setting->name, "redis.url") == 0 || strcmp(setting->name, "redis.password") == 0)
                return url_is_local(config->redis.url, arena);
        if (strcmp(setting->name, "mail.http.api_key") == 0)
                return url_is_local(config->mail.http.url, arena);
        if (strcmp(setting->name, "mail.smtp.password") == 0)
                return url_is_local(config->mail.smtp.url, arena);
        if (strcmp(setting->name, "alerts.webhook") == 0)
                return url_is_local(config->alerts.webhook, arena);
        return listen_is_local(config->admin.listen, arena);
}

bool config_value_is_secret(const struct setting *setting, const char *value, struct arena *arena)
{
        struct url url;
        const char *nodes[URL_NODES_MAX];
        if (!setting->secret || !value[0])
                return false;
        bool credentials = setting->kind == SETTING_URL && strncmp(setting->words[0], "http", 4) != 0;
        return !credentials || url_split(arena, value, nodes) == 0 || !url_parse(arena, nodes[0], &url) ||
               url.password;
}

static bool url_is_encrypted(const char *text)
{
        return strncmp(text, "amqps:", 6) == 0 || strncmp(text, "rediss:", 7) == 0 ||
               strncmp(text, "https:", 6) == 0 || strncmp(text, "smtps:", 6) == 0;
}

/* Is every part of the URL used, and is it encrypted or of this machine? `plain_switch`: the setting that
 * allows it to be neither; NULL: it is allowed. */
static void check_url(struct check *check, enum url_use use, const char *path, const char *text,
                      const char *plain_switch)
{
        if (!text)
                return;
        const char *wrong = config_url_fault(check->arena, use, text);
        if (wrong) {
                fault(check, path, wrong);
                return;
        }
        if (plain_switch && !url_is_encrypted(text) && !url_is_loopback(check->arena, text))
                fault(check, path,
                      arena_printf(check->arena,
                                   "is not encrypted and leaves this machine; use TLS or set %s: true",
                                   plain_switch));
}

struct login {
        const char *url, *username, *password;
};

/* The user and the password of a service stand in its URL or in settings of their own: never the same in
 * both, where one would be ignored. The URL that is the default counts as holding neither. */
static void check_login(struct check *check, const char *section, const struct login *login)
{
        struct url url;
        const char *nodes[URL_NODES_MAX];
        const char *name = arena_printf(check->arena, "%s.url", section);
        bool given = strcmp(login->url, setting_find(name)->fallback) != 0;
        if (url_split(check->arena, login->url, nodes) == 0 || !url_parse(check->arena, nodes[0], &url))
                return;
        if (given && login->username && url.user && url.user[0])
                fault(check, arena_printf(check->arena, "%s.username", section),
                      arena_printf(check->arena, "%s holds a user too; take one of them away", name));
        if (given && login->password && url.password && url.password[0])
                fault(check, arena_printf(check->arena, "%s.password", section),
                      arena_printf(check->arena, "%s holds a password too; take one of them away", name));
        if (login->username && !login->password && !(given && url.password))
                fault(check, arena_printf(check->arena, "%s.password", section),
                      arena_printf(check->arena, "is required with %s.username", section));
}

static void check_tls(struct check *check, const char *section, const struct config_tls *tls)
{
        const char *missing = !tls->cert_file && tls->key_file ? "cert_file" : "key_file";
        if (!tls->cert_file == !tls->key_file)
                return;
        fault(check, arena_printf(check->arena, "%s.tls.%s", section, missing),
              "is required: cert_file and key_file belong together");
}

static void check_services(struct check *check)
{
        const struct config *config = check->config;
        check_url(check, URL_BROKER, "amqp.url", config->amqp.url,
                  config->amqp.allow_plaintext ? NULL : "amqp.allow_plaintext");
        check_url(check, URL_REDIS, "redis.url", config->redis.url,
                  config->redis.allow_plaintext ? NULL : "redis.allow_plaintext");
        check_url(check, URL_WEBHOOK, "alerts.webhook", config->alerts.webhook,
                  config->mail.allow_plaintext ? NULL : "mail.allow_plaintext");
        check_login(check, "amqp",
                    &(struct login){config->amqp.url, config->amqp.username, config->amqp.password});
        check_login(check, "redis",
                    &(struct login){config->redis.url, config->redis.username, config->redis.password});
        check_tls(check, "amqp", &config->amqp.tls);
        check_tls(check, "redis", &config->redis.tls);
        check_tls(check, "mail.http", &config->mail.http.tls);
        check_tls(check, "mail.smtp", &config->mail.smtp.tls);
        if (!config->admin.token && !listen_is_local(config->admin.listen, check->arena))
                fault(check, "admin.token", "is required when admin.listen is not loopback");
}

/* Every mail would be answered 404, and die. */
static void check_preset_path(struct check *check)
{
        const char *url = check->config->mail.http.url,
                   *path = mail_preset_rules(check->config->mail.http.preset)->path;
        size_t len = url ? strlen(url) : 0, path_len = strlen(path);
        while (len > 0 && url[len - 1] == '/')
                len--;
        if (len > path_len && memcmp(url + len - path_len, path, path_len) == 0)
                fault(check, "mail.http.url",
                      arena_printf(check->arena, "must end before %s, which the preset adds", path));
}

static const char *duration_text(struct check *check, int64_t ms)
{
        struct buffer text = {0};
        duration_add(&text, ms);
        const char *copy = arena_copy(check->arena, text.data, text.len);
        buffer_fini(&text);
        return copy;
}

static void check_mail(struct check *check)
{
        const struct config *config = check->config;
        bool http = config->mail.transport == TRANSPORT_HTTP, smtp = config->mail.transport == TRANSPORT_SMTP;
        const char *plain_switch = config->mail.allow_plaintext ? NULL : "mail.allow_plaintext";
        if (!config->mail.from && (http || smtp))
                fault(check, "mail.from", "is required unless mail.transport is log");
        if (!config->mail.http.url && http)
                fault(check, "mail.http.url", "is required when mail.transport is http");
        if (!config->mail.smtp.url && smtp)
                fault(check, "mail.smtp.url", "is required when mail.transport is smtp");
        check_url(check, URL_MAIL_API, "mail.http.url", config->mail.http.url, plain_switch);
        check_preset_path(check);
        bool starttls = config->mail.smtp.starttls == SMTP_STARTTLS_REQUIRED;
        check_url(check, URL_MAIL_SERVER, "mail.smtp.url", config->mail.smtp.url,
                  starttls ? NULL : plain_switch);
        if (!config->mail.smtp.username != !config->mail.smtp.password)
                fault(check, config->mail.smtp.username ? "mail.smtp.password" : "mail.smtp.username",
                      "is required: username and password belong together");
        if (config->mail.breaker.open_max_ms < config->mail.breaker.open_ms)
                fault(check, "mail.breaker.open_max", "must not be shorter than mail.breaker.open");
        /* The lease check right before a send must cover the whole send (invariant I2). */
        if (config->claim.lease_ms < config->mail.timeout_ms + JOB_LEASE_SPARE_MIN_MS)
                fault(check, "claim.lease",
                      arena_printf(check->arena,
                                   "is %s, and must be longer than mail.timeout, %s, by 200ms at least",
                                   duration_text(check, config->claim.lease_ms),
                                   duration_text(check, config->mail.timeout_ms)));
}

static const char *queue_name_fault(const struct config_queue *queue)
{
        size_t tier_len = 0;
        for (size_t i = 0; i < queue->tier_count; i++)
                if (strlen(queue->tiers[i]) > tier_len)
                        tier_len = strlen(queue->tiers[i]);
        if (!queue->name)
                return "is required";
        if (strlen(queue->name) + strlen(".retry.") + tier_len > SHORT_STRING_MAX)
                return "is too long: with .retry.<tier> it must fit into 255 bytes";
        if (!utf8_one_line(queue->name, strlen(queue->name)) || strpbrk(queue->name, " \"\\"))
                return "must hold no space, quote, backslash or control character";
        if (strncmp(queue->name, "amq.", 4) == 0)
                return "must not begin with amq., which belongs to the broker";
        return strcmp(queue->name, QUEUE_UNROUTED) == 0 ? "is the queue of unrouted messages" : NULL;
}

/* Would a queue that leveret derives from `queue` be the same as `name`? */
static bool queue_derives(const struct config_queue *queue, const char *name)
{
        size_t len = strlen(queue->name);
        return strncmp(name, queue->name, len) == 0 &&
               (strcmp(name + len, ".dlq") == 0 || strncmp(name + len, ".retry.", 7) == 0);
}

static void check_queue_clash(struct check *check, size_t index, const char *path)
{
        const struct config_queue *queue = &check->config->queues[index];
        for (size_t i = 0; i < check->config->queue_count; i++) {
                const struct config_queue *other = &check->config->queues[i];
                if (!other->name || i == index)
                        continue;
                if (i < index && strcmp(other->name, queue->name) == 0)
                        fault(check, path, arena_printf(check->arena, "is also the name of queues[%zu]", i));
                if (queue_derives(other, queue->name))
                        fault(check, path,
                              arena_printf(check->arena, "is a name that queues[%zu] derives", i));
        }
}

static void check_bindings(struct check *check, const char *path, const struct config_queue *queue)
{
        for (size_t i = 0; i < queue->binding_count; i++) {
                const char *binding = queue->bindings[i];
                if (!binding || strlen(binding) > SHORT_STRING_MAX) {
                        fault(check, path, "expected patterns of 1 to 255 bytes");
                        continue;
                }
                for (const char *at = binding; *at; at++) {
                        bool wild = *at == '*' || *at == '#';
                        bool alone = (at == binding || at[-1] == '.') && (at[1] == '.' || at[1] == '\0');
                        if (wild && !alone)
                                fault(check, path, "* and # stand for whole words: order.*, not order*");
                }
                for (size_t j = 0; j < i; j++)
                        if (queue->bindings[j] && strcmp(queue->bindings[j], binding) == 0)
                                fault(check, path, "holds the same pattern twice");
        }
}

static void check_queues(struct check *check)
{
        if (check->config->queue_count == 0)
                fault(check, "queues", CONFIG_QUEUES_EXPECTED);
        for (size_t i = 0; i < check->config->queue_count; i++) {
                const struct config_queue *queue = &check->config->queues[i];
                const char *path = arena_printf(check->arena, "queues[%zu].name", i);
                const char *message = queue_name_fault(queue);
                if (message)
                        fault(check, path, message);
                if (queue->name)
                        check_queue_clash(check, i, path);
                check_bindings(check, arena_printf(check->arena, "queues[%zu].bindings", i), queue);
                for (size_t j = 1; j < queue->tier_count; j++) {
                        if (queue->tiers_ms[j] > queue->tiers_ms[j - 1])
                                continue;
                        fault(check, arena_printf(check->arena, "queues[%zu].retry.tiers", i),
                              "must be ascending");
                        break;
                }
        }
}

void config_check(const struct config *config, struct arena *arena, config_fault *report, void *context)
{
        struct check check = {.config = config, .arena = arena, .fault = report, .context = context};
        check_services(&check);
        check_queues(&check);
        check_mail(&check);
}
