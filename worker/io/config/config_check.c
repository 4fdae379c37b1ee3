#include "io/config/config_check_parts.h"

#include "core/address/address.h"
#include "core/broker/topology.h"
#include "core/codec/json_pointer.h"
#include "core/job/protocol.h"
#include "core/message/envelope.h"
#include "core/message/foreign.h"
#include "core/outbox/outbox_sql.h"
#include "core/plan/registry.h"
#include "core/record/due.h"
#include "core/send/mail_preset.h"
#include "core/send/webhook_sign.h"
#include "core/text/units.h"
#include "core/text/utf8.h"
#include "core/trace/otlp_pairs.h"
#include "io/config/config_url.h"
#include "io/machine/origin.h"
#include "io/machine/url.h"
#include "io/postgres/postgres.h"
#include "io/redis/connection/redis_address.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT_STRING_MAX = 255 }; /* AMQP 0-9-1 section 4.2.5.3 */

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
static const struct config_outlet *check_outlet_of(const struct config *config, const char *path,
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
        if (strcmp(path, "relay.url") == 0)
                return url_is_local(config->relay.url, arena);
        const struct config_outlet *outlet = check_outlet_of(config, path, arena);
        if (outlet && outlet->kind == OUTLET_POST)
                return false;
        if (outlet)
                return url_is_local(strstr(path, ".smtp.") ? outlet->smtp.url : outlet->http.url, arena);
        if (strcmp(path, "alerts.webhook") == 0)
                return url_is_local(config->alerts.webhook, arena);
        if (strncmp(path, "otlp.", 5) == 0)
                return url_is_local(otlp_target(arena, config), arena);
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
                check_fault(check, arena_printf(check->arena, "%s.username", section),
                            arena_printf(check->arena, "%s holds a user too; take one of them away", name));
        if (given && login->password && url.password && url.password[0])
                check_fault(
                        check, arena_printf(check->arena, "%s.password", section),
                        arena_printf(check->arena, "%s holds a password too; take one of them away", name));
        if (login->username && !login->password && !(given && url.password))
                check_fault(check, arena_printf(check->arena, "%s.password", section),
                            arena_printf(check->arena, "is required with %s.username", section));
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
                check_fault(check, "admin.token", "is required when admin.listen is not loopback");
}

static void check_outlet_name(struct check *check, const char *path, const char *name)
{
        if (name && !config_outlet_find(check->config, name))
                check_fault(check, path, arena_printf(check->arena, "there is no outlet %s", name));
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
                        check_fault(
                                check, path,
                                arena_printf(check->arena,
                                             "expected addresses and domains such as @example.com; entry %zu "
                                             "is neither",
                                             i + 1));
}

static void check_attachments(struct check *check)
{
        const struct config_attachments *config = &check->config->attachments;
        for (size_t i = 0; i < config->allow.count; i++) {
                const char *wrong = origin_entry_fault(check->arena, config->allow.list[i]);
                if (wrong)
                        check_fault(check, "attachments.allow",
                                    arena_printf(check->arena, "entry %zu: %s", i + 1, wrong));
        }
        if (config->disk_bytes < config->max_bytes)
                check_fault(check, "attachments.disk", "must not be smaller than attachments.max");
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

static void check_plans(struct check *check)
{
        for (size_t i = 0; i < check->config->handler_count; i++) {
                const struct config_handler *handler = &check->config->handlers[i];
                bool planned = handler->plan.url || handler->plan.exec_count;
                const char *plan = arena_printf(check->arena, "handlers.%s.plan", handler->type);
                if (handler->plan.url && handler->plan.exec_count)
                        check_fault(check, plan, "has a url or a program, not both");
                else if (handler->schema && !planned)
                        check_fault(check, arena_printf(check->arena, "handlers.%s.schema", handler->type),
                                    "is for types that a planner plans: plan is missing");
                check_tls(check, plan, &handler->plan.tls);
        }
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
                        check_fault(check, path,
                                    arena_printf(check->arena, "is also the name of queues[%zu]", i));
                if (queue_derives(other, queue->name))
                        check_fault(check, path,
                                    arena_printf(check->arena, "is a name that queues[%zu] derives", i));
        }
}

static void check_bindings(struct check *check, const char *path, const struct config_queue *queue)
{
        for (size_t i = 0; i < queue->binding_count; i++) {
                const char *binding = queue->bindings[i], *end = binding ? strchr(binding, '\n') : NULL;
                binding = end ? end + 1 : binding;
                if (!binding || strlen(binding) > SHORT_STRING_MAX) {
                        check_fault(check, path, "expected patterns of 1 to 255 bytes");
                        continue;
                }
                for (const char *at = binding; *at; at++) {
                        bool wild = *at == '*' || *at == '#';
                        bool alone = (at == binding || at[-1] == '.') && (at[1] == '.' || at[1] == '\0');
                        if (wild && !alone && !end) /* on an exchange of any type it may be a letter */
                                check_fault(check, path,
                                            "* and # stand for whole words: order.*, not order*");
                }
                for (size_t j = 0; j < i; j++)
                        if (queue->bindings[j] && strcmp(queue->bindings[j], queue->bindings[i]) == 0)
                                check_fault(check, path, "holds the same pattern twice");
        }
}

static void check_sources(struct check *check, const char *path, const struct config_texts *sources,
                          bool of_id)
{
        for (size_t i = 0; i < sources->count; i++)
                if (!foreign_source_valid(sources->list[i], of_id))
                        check_fault(check, path,
                                    arena_printf(
                                            check->arena,
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
                        check_fault(check, arena_printf(check->arena, "%s.types", path),
                                    "expected types such as order.created.v1 behind the names");
        }
        if (message->data && !json_pointer_valid(message->data))
                check_fault(check, arena_printf(check->arena, "%s.data", path),
                            "expected a JSON pointer, as /data");
        if (config_queue_is_mapped(queue) && prefix && !envelope_id_valid(slice_of(prefix)))
                check_fault(check, arena_printf(check->arena, "%s.id_prefix", path),
                            "expected only A-Z a-z 0-9 . _ : / -; the queue's name is none such");
        if (queue->broker_dlx && queue->declare)
                check_fault(check, arena_printf(check->arena, "queues[%zu].broker_dlx", index),
                            "is for queues with declare: false");
}

static void check_queues(struct check *check)
{
        if (check->config->queue_count == 0)
                check_fault(check, "queues", CONFIG_QUEUES_EXPECTED);
        for (size_t i = 0; i < check->config->queue_count; i++) {
                const struct config_queue *queue = &check->config->queues[i];
                const char *path = arena_printf(check->arena, "queues[%zu].name", i);
                const char *message = queue_name_fault(queue);
                if (message)
                        check_fault(check, path, message);
                if (queue->name)
                        check_queue_clash(check, i, path);
                check_bindings(check, arena_printf(check->arena, "queues[%zu].bindings", i), queue);
                check_message(check, i);
                for (size_t j = 1; j < queue->tier_count; j++) {
                        if (queue->tiers_ms[j] > queue->tiers_ms[j - 1])
                                continue;
                        check_fault(check, arena_printf(check->arena, "queues[%zu].retry.tiers", i),
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
                check_fault(check, name, "is required");
        if (!token->token || strlen(token->token) < CONFIG_TOKEN_MIN)
                check_fault(check, secret, "expected 16 to 256 characters");
        for (size_t i = 0; i < index; i++) {
                const struct config_token *other = &check->config->serve.tokens[i];
                if (token->name && other->name && strcmp(token->name, other->name) == 0)
                        check_fault(check, name,
                                    arena_printf(check->arena, "is also the name of serve.tokens[%zu]", i));
                if (token->token && other->token && strcmp(token->token, other->token) == 0)
                        check_fault(check, secret,
                                    arena_printf(check->arena, "is also that of serve.tokens[%zu]", i));
        }
}

static void check_serve(struct check *check)
{
        const struct config *config = check->config;
        bool local = listen_is_local(config->serve.listen, check->arena);
        if (!config->serve.cert_file != !config->serve.key_file)
                check_fault(check, "serve.tls", "needs both cert_file and key_file");
        if (!local && config->serve.token_count == 0)
                check_fault(check, "serve.tokens", "are required when serve.listen is not loopback");
        if (!local && !config->serve.cert_file && !config->serve.allow_plaintext)
                check_fault(check, "serve.listen",
                            "is not loopback: set serve.tls, or serve.allow_plaintext behind what ends TLS");
        for (size_t i = 0; i < config->serve.token_count; i++)
                check_token(check, i);
}

static void check_relay(struct check *check)
{
        const char *url = check->config->relay.url;
        const char *fault = url ? postgres_url_fault(check->arena, url) : NULL;
        if (fault)
                check_fault(check, "relay.url", fault);
        if (!outbox_table_valid(check->config->relay.table))
                check_fault(check, "relay.table",
                            arena_printf(check->arena,
                                         "expected table or schema.table of a-z, 0-9 and _, %d bytes at most",
                                         OUTBOX_TABLE_MAX));
}

static void check_events(struct check *check)
{
        static const char *const own[] = {EXCHANGE_IN, EXCHANGE_RETRY, EXCHANGE_RETURN, EXCHANGE_DLX,
                                          EXCHANGE_UNROUTED};
        const struct config *config = check->config;
        const char *exchange = config->events.exchange;
        for (size_t i = 0; exchange && i < sizeof(own) / sizeof(*own); i++)
                if (strcmp(exchange, own[i]) == 0 || !exchange[0])
                        check_fault(check, "events.exchange",
                                    "expected the name of an exchange that leveret does not use otherwise");
        for (size_t i = 0; i < config->events.states.count; i++)
                if (!due_word_is(config->events.states.list[i]))
                        check_fault(check, arena_printf(check->arena, "events.states[%zu]", i),
                                    "expected completed, dead, retrying or cancelled");
}

/* A list of names and values; of headers each must be one. */
static void check_pairs(struct check *check, const char *path, const struct config_texts *texts, bool headers)
{
        struct config_texts pairs = {0};
        size_t bad;
        if (!otlp_pairs(check->arena, texts, &pairs, &bad))
                check_fault(check, path,
                            "expected names and values, as in {name: value}, or name=value,name=value");
        for (size_t i = 0; headers && i < pairs.count; i++)
                if (!otlp_header_valid(pairs.list[i]))
                        check_fault(
                                check, path,
                                arena_printf(check->arena, "entry %zu cannot be a header of HTTP", i + 1));
}

static void check_otlp(struct check *check)
{
        const struct config *config = check->config;
        check_url(check, URL_COLLECTOR, "otlp.url", config->otlp.url, NULL);
        check_url(check, URL_WEBHOOK, "otlp.traces_url", config->otlp.traces_url, NULL);
        check_pairs(check, "otlp.headers", &config->otlp.headers, true);
        check_pairs(check, "otlp.resource", &config->otlp.resource, false);
        check_tls(check, "otlp", &config->otlp.tls);
}

void config_check(const struct config *config, struct arena *arena, config_fault *report, void *context)
{
        struct check check = {.config = config, .arena = arena, .fault = report, .context = context};
        check_services(&check);
        check_queues(&check);
        check_serve(&check);
        check_relay(&check);
        check_events(&check);
        check_schedules(&check);
        check_outlets(&check);
        check_plans(&check);
        check_attachments(&check);
        check_otlp(&check);
        check_guard_list(&check, "mail.from_allowed", &config->guard.from_allowed);
        check_guard_list(&check, "mail.allow_to", &config->guard.allow_to);
}
