#include "io/config/config_check.h"

#include "core/codec/json_pointer.h"
#include "core/job/protocol.h"
#include "core/message/envelope.h"
#include "core/message/foreign.h"
#include "core/message/topology.h"
#include "core/plan/registry.h"
#include "core/send/mail_preset.h"
#include "core/send/webhook_sign.h"
#include "core/text/address.h"
#include "core/text/units.h"
#include "core/text/utf8.h"
#include "io/config/config_url.h"
#include "io/machine/origin.h"
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

/* The outlet that a path is about; NULL: it is about something else. */
static const struct config_outlet *outlet_of(const struct config *config, const char *path,
                                             struct arena *arena)
{
        if (strncmp(path, "mail.", 5) == 0)
                return &config->mail;
        const char *name = strncmp(path, "outlets.", 8) == 0 ? path + 8 : NULL;
        return name ? config_outlet_find(config, arena_copy(arena, name, strcspn(name, "."))) : NULL;
}

bool config_secret_is_local(const struct config *config, const char *path, struct arena *arena)
{
        if (strcmp(path, "amqp.url") == 0 || strcmp(path, "amqp.password") == 0)
                return url_is_local(config->amqp.url, arena);
        if (strcmp(path, "amqp.management_url") == 0)
                return url_is_local(config->amqp.management_url, arena);
        if (strcmp(path, "redis.url") == 0 || strcmp(path, "redis.password") == 0)
                return url_is_local(config->redis.url, arena);
        const struct config_outlet *outlet = outlet_of(config, path, arena);
        if (outlet && outlet->kind == OUTLET_POST)
                return false;
        if (outlet)
                return url_is_local(strstr(path, ".smtp.") ? outlet->smtp.url : outlet->http.url, arena);
        if (strcmp(path, "alerts.webhook") == 0)
                return url_is_local(config->alerts.webhook, arena);
        return listen_is_local(strncmp(path, "serve.", 6) == 0 ? config->serve.listen : config->admin.listen,
                               arena);
}

bool config_value_is_secret(const struct setting *setting, const char *value, struct arena *arena)
{
        struct url url;
        const char *nodes[URL_NODES_MAX];
        if (!setting->secret || !value[0])
                return false;
        return !setting_hides_password(setting) || url_split(arena, value, nodes) == 0 ||
               !url_parse(arena, nodes[0], &url) || url.password;
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
        check_url(check, URL_MANAGEMENT, "amqp.management_url", config->amqp.management_url,
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
        if (!config->admin.token && !listen_is_local(config->admin.listen, check->arena))
                fault(check, "admin.token", "is required when admin.listen is not loopback");
}

/* "mail.rate" of the outlet mail, "outlets.backup.rate" of others. */
static const char *outlet_path(struct check *check, const struct config_outlet *outlet, const char *rest)
{
        const char *section = outlet == &check->config->mail ? "" : "outlets.";
        return arena_printf(check->arena, "%s%s.%s", section, outlet->name, rest);
}

/* Every mail would be answered 404, and die. */
static void check_preset_path(struct check *check, const struct config_outlet *outlet)
{
        const char *url = outlet->http.url, *path = mail_preset_rules(outlet->http.preset)->path;
        size_t len = url ? strlen(url) : 0, path_len = strlen(path);
        while (len > 0 && url[len - 1] == '/')
                len--;
        if (len > path_len && memcmp(url + len - path_len, path, path_len) == 0)
                fault(check, outlet_path(check, outlet, "http.url"),
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

/* What a mail outlet needs beside what all have. */
static void check_mail(struct check *check, const struct config_outlet *outlet)
{
        bool http = outlet->transport == TRANSPORT_HTTP, smtp = outlet->transport == TRANSPORT_SMTP;
        bool starttls = outlet->smtp.starttls == SMTP_STARTTLS_REQUIRED;
        const char *transport = outlet_path(check, outlet, "transport");
        const char *plain_switch =
                outlet->allow_plaintext ? NULL : outlet_path(check, outlet, "allow_plaintext");
        if (!outlet->from && (http || smtp))
                fault(check, outlet_path(check, outlet, "from"),
                      arena_printf(check->arena, "is required unless %s is log", transport));
        const char *http_url = outlet_path(check, outlet, "http.url");
        const char *smtp_url = outlet_path(check, outlet, "smtp.url");
        const char *lacks = http ? mail_preset_lacks(outlet) : NULL;
        if (lacks && strcmp(lacks, "url") == 0)
                fault(check, http_url, arena_printf(check->arena, "is required when %s is http", transport));
        else if (lacks)
                fault(check, outlet_path(check, outlet, arena_printf(check->arena, "http.%s", lacks)),
                      arena_printf(check->arena, "is required by the preset %s",
                                   mail_preset_rules(outlet->http.preset)->name));
        if (!outlet->smtp.url && smtp)
                fault(check, smtp_url, arena_printf(check->arena, "is required when %s is smtp", transport));
        check_url(check, URL_MAIL_API, http_url, outlet->http.url, plain_switch);
        check_preset_path(check, outlet);
        check_url(check, URL_MAIL_SERVER, smtp_url, outlet->smtp.url, starttls ? NULL : plain_switch);
        check_tls(check, outlet_path(check, outlet, "http"), &outlet->http.tls);
        check_tls(check, outlet_path(check, outlet, "smtp"), &outlet->smtp.tls);
        if (outlet->smtp.password && outlet->smtp.token_file)
                fault(check, outlet_path(check, outlet, "smtp.token_file"), "excludes smtp.password");
        else if (!outlet->smtp.username != (!outlet->smtp.password && !outlet->smtp.token_file))
                fault(check,
                      outlet_path(check, outlet, outlet->smtp.username ? "smtp.password" : "smtp.username"),
                      "is required: username and password belong together");
}

static void check_secret(struct check *check, const struct config_outlet *outlet, const char *name,
                         const char *text)
{
        struct webhook_secret secret;
        if (text && !webhook_secret_parse(text, &secret))
                fault(check, outlet_path(check, outlet, name),
                      "must be whsec_ and the base64 of 16 to 64 bytes, as of: echo whsec_$(openssl rand "
                      "-base64 32)");
}

/* What a post outlet needs beside what all have. */
static void check_post(struct check *check, const struct config_outlet *outlet)
{
        const char *path = outlet_path(check, outlet, "allow");
        for (size_t i = 0; i < outlet->post.allow.count; i++) {
                const char *wrong = origin_entry_fault(check->arena, outlet->post.allow.list[i]);
                if (wrong)
                        fault(check, path, arena_printf(check->arena, "entry %zu: %s", i + 1, wrong));
        }
        check_secret(check, outlet, "secret", outlet->post.secret);
        check_secret(check, outlet, "secret_old", outlet->post.secret_old);
        if (outlet->post.secret_old && !outlet->post.secret)
                fault(check, outlet_path(check, outlet, "secret"), "is required with secret_old");
}

static const char *const outlet_kinds[] = {[OUTLET_MAIL] = "mail", [OUTLET_POST] = "post"};

static size_t outlet_index(const struct config *config, const char *name)
{
        const struct config_outlet *outlet;
        size_t i = 0;
        while ((outlet = config_outlet_at(config, i)) && strcmp(outlet->name, name) != 0)
                i++;
        return i;
}

/* Does the outlet lead back to itself by its fallbacks? `reached` grows until no step adds to it. */
static bool is_circular(const struct config *config, const struct config_outlet *from)
{
        uint64_t reached = 0, before = 1, own = UINT64_C(1) << outlet_index(config, from->name);
        const struct config_outlet *outlet;
        while (reached != before) {
                before = reached;
                for (size_t i = 0; (outlet = config_outlet_at(config, i)); i++)
                        for (size_t k = 0; k < outlet->fallback.count && (outlet == from || reached >> i & 1);
                             k++)
                                reached |= UINT64_C(1) << outlet_index(config, outlet->fallback.list[k]);
        }
        return reached & own;
}

static void check_fallback(struct check *check, const struct config_outlet *outlet)
{
        const char *path = outlet_path(check, outlet, "fallback");
        for (size_t i = 0; i < outlet->fallback.count; i++) {
                const char *name = outlet->fallback.list[i];
                const struct config_outlet *next = config_outlet_find(check->config, name);
                if (!next)
                        fault(check, path, arena_printf(check->arena, "there is no outlet %s", name));
                else if (next->kind != outlet->kind)
                        fault(check, path,
                              arena_printf(check->arena,
                                           "%s is an outlet of the kind %s, and this is one of the kind %s",
                                           name, outlet_kinds[next->kind], outlet_kinds[outlet->kind]));
                for (size_t k = 0; k < i; k++)
                        if (strcmp(outlet->fallback.list[k], name) == 0)
                                fault(check, path, arena_printf(check->arena, "names %s twice", name));
        }
        if (is_circular(check->config, outlet))
                fault(check, path, "leads back to this outlet: a circle");
}

static void check_outlet(struct check *check, const struct config_outlet *outlet)
{
        const struct config *config = check->config;
        if (outlet->kind == OUTLET_MAIL)
                check_mail(check, outlet);
        else
                check_post(check, outlet);
        if (strcmp(outlet->name, "publish") == 0 || strcmp(outlet->name, "alerts") == 0)
                fault(check, arena_printf(check->arena, "outlets.%s", outlet->name),
                      "is the name of an outlet that leveret has by itself");
        check_fallback(check, outlet);
        if (outlet->breaker.open_max_ms < outlet->breaker.open_ms)
                fault(check, outlet_path(check, outlet, "breaker.open_max"),
                      arena_printf(check->arena, "must not be shorter than %s",
                                   outlet_path(check, outlet, "breaker.open")));
        /* The lease check right before a send must cover the whole send (invariant I2). */
        if (config->claim.lease_ms < outlet->timeout_ms + JOB_LEASE_SPARE_MIN_MS)
                fault(check, "claim.lease",
                      arena_printf(check->arena, "is %s, and must be longer than %s, %s, by 200ms at least",
                                   duration_text(check, config->claim.lease_ms),
                                   outlet_path(check, outlet, "timeout"),
                                   duration_text(check, outlet->timeout_ms)));
}

static void check_outlet_name(struct check *check, const char *path, const char *name)
{
        if (name && !config_outlet_find(check->config, name))
                fault(check, path, arena_printf(check->arena, "there is no outlet %s", name));
}

/* An address, or a domain with an @ before it. */
static bool guard_entry_valid(struct check *check, const char *entry)
{
        const char *address = entry[0] == '@' ? arena_printf(check->arena, "x%s", entry) : entry;
        return address_valid(address, strlen(address));
}

static void check_guard_list(struct check *check, const char *path, const struct config_texts *list)
{
        for (size_t i = 0; i < list->count; i++)
                if (!list->list[i] || !guard_entry_valid(check, list->list[i]))
                        fault(check, path,
                              arena_printf(check->arena,
                                           "expected addresses and domains such as @example.com; entry %zu "
                                           "is neither",
                                           i + 1));
}

static void check_outlets(struct check *check)
{
        const struct config *config = check->config;
        const struct config_outlet *outlet;
        for (size_t i = 0; (outlet = config_outlet_at(config, i)); i++)
                check_outlet(check, outlet);
        for (size_t i = 0; i < config->queue_count; i++)
                check_outlet_name(check, arena_printf(check->arena, "queues[%zu].outlet", i),
                                  config->queues[i].outlet);
        for (size_t i = 0; i < config->handler_count; i++)
                check_outlet_name(check,
                                  arena_printf(check->arena, "handlers.%s.outlet", config->handlers[i].type),
                                  config->handlers[i].outlet);
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
               (strcmp(name + len, ".dlq") == 0 || strcmp(name + len, ".again") == 0 ||
                strncmp(name + len, ".retry.", 7) == 0);
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
                const char *binding = queue->bindings[i], *end = binding ? strchr(binding, '\n') : NULL;
                binding = end ? end + 1 : binding;
                if (!binding || strlen(binding) > SHORT_STRING_MAX) {
                        fault(check, path, "expected patterns of 1 to 255 bytes");
                        continue;
                }
                for (const char *at = binding; *at; at++) {
                        bool wild = *at == '*' || *at == '#';
                        bool alone = (at == binding || at[-1] == '.') && (at[1] == '.' || at[1] == '\0');
                        if (wild && !alone && !end) /* on an exchange of any type it may be a letter */
                                fault(check, path, "* and # stand for whole words: order.*, not order*");
                }
                for (size_t j = 0; j < i; j++)
                        if (queue->bindings[j] && strcmp(queue->bindings[j], queue->bindings[i]) == 0)
                                fault(check, path, "holds the same pattern twice");
        }
}

static void check_sources(struct check *check, const char *path, const struct config_texts *sources,
                          bool of_id)
{
        for (size_t i = 0; i < sources->count; i++)
                if (!foreign_source_valid(sources->list[i], of_id))
                        fault(check, path,
                              arena_printf(check->arena,
                                           "expected a property as message_id, header:NAME, a JSON pointer "
                                           "as /id, %s; found %s",
                                           of_id ? "or content" : "or =order.created.v1", sources->list[i]));
}

/* The mapping of other people's messages. */
static void check_message(struct check *check, size_t index)
{
        const struct config_queue *queue = &check->config->queues[index];
        const struct config_message *message = &queue->message;
        const char *path = arena_printf(check->arena, "queues[%zu].message", index);
        const char *prefix = message->has_id_prefix ? message->id_prefix : queue->name;
        check_sources(check, arena_printf(check->arena, "%s.id", path), &message->id, true);
        check_sources(check, arena_printf(check->arena, "%s.type", path), &message->type, false);
        for (size_t i = 0; i < message->types.count; i++) {
                const char *end = strchr(message->types.list[i], '\n');
                if (!end || !handler_type_valid(slice_of(end + 1)))
                        fault(check, arena_printf(check->arena, "%s.types", path),
                              "expected types such as order.created.v1 behind the names");
        }
        if (message->data && !json_pointer_valid(message->data))
                fault(check, arena_printf(check->arena, "%s.data", path),
                      "expected a JSON pointer, as /data");
        if (config_queue_is_mapped(queue) && prefix && !envelope_id_valid(slice_of(prefix)))
                fault(check, arena_printf(check->arena, "%s.id_prefix", path),
                      "expected only A-Z a-z 0-9 . _ : / -; the queue's name is none such");
        if (queue->broker_dlx && queue->declare)
                fault(check, arena_printf(check->arena, "queues[%zu].broker_dlx", index),
                      "is for queues with declare: false");
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
                check_message(check, i);
                for (size_t j = 1; j < queue->tier_count; j++) {
                        if (queue->tiers_ms[j] > queue->tiers_ms[j - 1])
                                continue;
                        fault(check, arena_printf(check->arena, "queues[%zu].retry.tiers", i),
                              "must be ascending");
                        break;
                }
        }
}

static void check_token(struct check *check, size_t index)
{
        const struct config_token *token = &check->config->serve.tokens[index];
        const char *name = arena_printf(check->arena, "serve.tokens[%zu].name", index);
        const char *secret = arena_printf(check->arena, "serve.tokens[%zu].token", index);
        if (!token->name || !token->name[0])
                fault(check, name, "is required");
        if (!token->token || strlen(token->token) < CONFIG_TOKEN_MIN)
                fault(check, secret, "expected 16 to 256 characters");
        for (size_t i = 0; i < index; i++) {
                const struct config_token *other = &check->config->serve.tokens[i];
                if (token->name && other->name && strcmp(token->name, other->name) == 0)
                        fault(check, name,
                              arena_printf(check->arena, "is also the name of serve.tokens[%zu]", i));
                if (token->token && other->token && strcmp(token->token, other->token) == 0)
                        fault(check, secret,
                              arena_printf(check->arena, "is also that of serve.tokens[%zu]", i));
        }
}

static void check_serve(struct check *check)
{
        const struct config *config = check->config;
        bool local = listen_is_local(config->serve.listen, check->arena);
        if (!config->serve.cert_file != !config->serve.key_file)
                fault(check, "serve.tls", "needs both cert_file and key_file");
        if (!local && config->serve.token_count == 0)
                fault(check, "serve.tokens", "are required when serve.listen is not loopback");
        if (!local && !config->serve.cert_file && !config->serve.allow_plaintext)
                fault(check, "serve.listen",
                      "is not loopback: set serve.tls, or serve.allow_plaintext behind what ends TLS");
        for (size_t i = 0; i < config->serve.token_count; i++)
                check_token(check, i);
}

void config_check(const struct config *config, struct arena *arena, config_fault *report, void *context)
{
        struct check check = {.config = config, .arena = arena, .fault = report, .context = context};
        check_services(&check);
        check_queues(&check);
        check_serve(&check);
        check_outlets(&check);
        check_guard_list(&check, "mail.from_allowed", &config->guard.from_allowed);
        check_guard_list(&check, "mail.allow_to", &config->guard.allow_to);
}
