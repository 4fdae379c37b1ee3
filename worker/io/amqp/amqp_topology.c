#include "io/amqp/amqp_topology.h"
#include "core/broker/ladder.h"
#include "io/amqp/amqp_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPOLOGY_CHANNEL = 1 };

/* One pass over the topology. A refused declare closes the channel: it is opened again for the next item. */
struct pass {
        struct broker *broker;
        enum topology_mode mode;
        const struct topology_listener *listener; /* or NULL */
        struct amqp_error *first;                 /* trouble NONE as long as all went well */
        struct arena arena;
        bool *refused; /* of each queue: it is not as it must be, so nothing may be led into it */
        bool channel_open;
};

const char *topology_verdict_word(enum topology_verdict verdict)
{
        switch (verdict) {
        case TOPOLOGY_IN_PLACE:
                return "ok";
        case TOPOLOGY_MISSING:
                return "missing";
        case TOPOLOGY_DIFFERENT:
                return "different";
        case TOPOLOGY_DENIED:
                return "denied";
        case TOPOLOGY_SKIPPED:
                return "skipped";
        }
        abort();
}

static amqp_table_t arguments_table(struct arena *arena, const struct topology_arguments *arguments)
{
        amqp_table_t table = {.num_entries = (int)arguments->count};
        table.entries = arena_alloc(arena, arguments->count * sizeof(*table.entries));
        for (size_t i = 0; i < arguments->count; i++) {
                const struct topology_argument *argument = &arguments->items[i];
                table.entries[i].key = bytes_of(argument->name);
                table.entries[i].value.kind = argument->text ? AMQP_FIELD_KIND_UTF8 : AMQP_FIELD_KIND_I64;
                if (argument->text)
                        table.entries[i].value.value.bytes = bytes_of(argument->text);
                else
                        table.entries[i].value.value.i64 = argument->integer;
        }
        return table;
}

static bool channel_ensure(struct pass *pass, struct amqp_error *error)
{
        if (pass->channel_open)
                return true;
        amqp_channel_open(pass->broker->state, TOPOLOGY_CHANNEL);
        pass->channel_open = amqp_error_reply(error, pass->broker->place, "open a channel",
                                              amqp_get_rpc_reply(pass->broker->state));
        return pass->channel_open;
}

/* Was the last call done? If the broker closed the channel over it, that is confirmed. */
static bool call_done(struct pass *pass, struct amqp_error *error, const char *action)
{
        amqp_rpc_reply_t reply = amqp_get_rpc_reply(pass->broker->state);
        bool done = amqp_error_reply(error, pass->broker->place, action, reply);
        if (!done && reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
            reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
                amqp_channel_close_ok_t ok = {0};
                pass->channel_open = false;
                amqp_send_method(pass->broker->state, TOPOLOGY_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
        }
        amqp_maybe_release_buffers(pass->broker->state);
        return done;
}

static bool exchange_declare(struct pass *pass, const struct topology_exchange *exchange, bool passive,
                             struct amqp_error *error)
{
        if (!channel_ensure(pass, error))
                return false;
        amqp_exchange_declare(pass->broker->state, TOPOLOGY_CHANNEL, bytes_of(exchange->name),
                              bytes_of(exchange->type), passive, /* durable = */ 1, /* auto_delete = */ 0,
                              /* internal = */ 0, arguments_table(&pass->arena, &exchange->arguments));
        return call_done(pass, error, exchange->name);
}

static bool queue_declare(struct pass *pass, const struct topology_queue *queue, bool passive,
                          struct amqp_error *error)
{
        if (!channel_ensure(pass, error))
                return false;
        amqp_queue_declare(
                pass->broker->state, TOPOLOGY_CHANNEL, bytes_of(queue->name), passive, /* durable = */ 1,
                /* exclusive = */ 0, /* auto_delete = */ 0, arguments_table(&pass->arena, &queue->arguments));
        return call_done(pass, error, queue->name);
}

static bool queue_bind(struct pass *pass, const struct topology_binding *binding, struct amqp_error *error)
{
        if (!channel_ensure(pass, error))
                return false;
        if (binding->to_exchange)
                amqp_exchange_bind(pass->broker->state, TOPOLOGY_CHANNEL, bytes_of(binding->queue),
                                   bytes_of(binding->exchange), bytes_of(binding->key), amqp_empty_table);
        else
                amqp_queue_bind(pass->broker->state, TOPOLOGY_CHANNEL, bytes_of(binding->queue),
                                bytes_of(binding->exchange), bytes_of(binding->key), amqp_empty_table);
        return call_done(pass, error, binding->queue);
}

static void report(const struct topology_listener *listener, const char *kind, const char *name,
                   enum topology_verdict verdict, const char *detail)
{
        if (listener)
                listener->report(listener->context, kind, name, verdict, detail);
}

/* Reports an item and remembers the first trouble. False: the connection is of no use any more. */
static bool item_end(struct pass *pass, const char *kind, const char *name,
                     const struct topology_arguments *wanted, struct amqp_error *error)
{
        if (error->trouble == AMQP_TROUBLE_NONE) {
                report(pass->listener, kind, name, TOPOLOGY_IN_PLACE, "");
                return true;
        }
        enum topology_verdict verdict = TOPOLOGY_DENIED;
        if (error->code == 404)
                verdict = TOPOLOGY_MISSING;
        else if (error->code == 406)
                verdict = TOPOLOGY_DIFFERENT;
        const char *detail = verdict == TOPOLOGY_DIFFERENT && wanted
                                     ? topology_difference(&pass->arena, wanted, error->text)
                                     : error->text;
        if (error->code)
                report(pass->listener, kind, name, verdict, detail);
        if (pass->first->trouble == AMQP_TROUBLE_NONE) {
                *pass->first = *error;
                const char *text = arena_printf(&pass->arena, "%s %s: %s: %s", kind, name,
                                                topology_verdict_word(verdict), detail);
                snprintf(pass->first->text, sizeof(pass->first->text), "%s", text);
        }
        return error->trouble == AMQP_TROUBLE_REFUSED && !pass->channel_open;
}

/* Only a declaration compares arguments, and that takes the permission to configure: whoever lacks it can
 * still verify that the item is there. */
static void verify_settle(const struct pass *pass, struct amqp_error *error)
{
        if (pass->mode == TOPOLOGY_VERIFY && error->code == 403)
                *error = (struct amqp_error){0};
}

static bool exchange_place(struct pass *pass, const struct topology_exchange *exchange)
{
        struct amqp_error error = {0};
        if (pass->mode == TOPOLOGY_DECLARE ||
            exchange_declare(pass, exchange, /* passive = */ true, &error)) {
                exchange_declare(pass, exchange, /* passive = */ false, &error);
                verify_settle(pass, &error);
        }
        return item_end(pass, "exchange", exchange->name, &exchange->arguments, &error);
}

static bool queue_place(struct pass *pass, const struct topology_queue *queue, bool *refused)
{
        struct amqp_error error = {0};
        if (pass->mode == TOPOLOGY_DECLARE || queue_declare(pass, queue, /* passive = */ true, &error)) {
                queue_declare(pass, queue, /* passive = */ false, &error);
                verify_settle(pass, &error);
        }
        *refused = error.trouble != AMQP_TROUBLE_NONE;
        return item_end(pass, "queue", queue->name, &queue->arguments, &error);
}

static bool is_refused(const struct pass *pass, const struct topology *topology,
                       const struct topology_binding *binding)
{
        const char *queue = binding->to_exchange ? "" : binding->queue;
        for (size_t i = 0; i < topology->queue_count; i++)
                if (strcmp(topology->queues[i].name, queue) == 0)
                        return pass->refused[i];
        return false;
}

static bool binding_place(struct pass *pass, const struct topology *topology,
                          const struct topology_binding *binding)
{
        struct amqp_error error = {0};
        const char *name =
                arena_printf(&pass->arena, "%s -> %s (%s)", binding->exchange, binding->queue, binding->key);
        if (is_refused(pass, topology, binding)) {
                report(pass->listener, "binding", name, TOPOLOGY_SKIPPED, "the queue is not as it must be");
                return true;
        }
        queue_bind(pass, binding, &error);
        return item_end(pass, "binding", name, NULL, &error);
}

static void pass_run(struct pass *pass, const struct topology *topology)
{
        pass->refused = arena_alloc(&pass->arena, topology->queue_count * sizeof(*pass->refused));
        for (size_t i = 0; i < topology->exchange_count; i++)
                if (!exchange_place(pass, &topology->exchanges[i]))
                        return;
        for (size_t i = 0; i < topology->queue_count; i++)
                if (!queue_place(pass, &topology->queues[i], &pass->refused[i]))
                        return;
        for (size_t i = 0; pass->mode == TOPOLOGY_DECLARE && i < topology->binding_count; i++)
                if (!binding_place(pass, topology, &topology->bindings[i]))
                        return;
        if (pass->channel_open)
                amqp_channel_close(pass->broker->state, TOPOLOGY_CHANNEL, AMQP_REPLY_SUCCESS);
        amqp_maybe_release_buffers(pass->broker->state);
}

bool broker_topology(struct broker *broker, const struct topology *topology, enum topology_mode mode,
                     const struct topology_listener *listener, struct amqp_error *error)
{
        *error = (struct amqp_error){0};
        if (mode == TOPOLOGY_OFF)
                return true;
        struct pass pass = {.broker = broker, .mode = mode, .listener = listener, .first = error};
        arena_init(&pass.arena);
        pass_run(&pass, topology);
        arena_fini(&pass.arena);
        return error->trouble == AMQP_TROUBLE_NONE;
}

bool amqp_topology_place(const struct amqp_settings *settings, const struct topology *topology,
                         enum topology_mode mode, struct amqp_error *error)
{
        struct broker *broker = broker_open(settings, "topology", error);
        bool ok = broker && broker_topology(broker, topology, mode, NULL, error);
        broker_close(broker, 1000);
        return ok;
}

/* Nothing of the ladder is there before the first message for later. */
static bool is_begun(struct broker *broker, const struct topology *ladder)
{
        struct topology first = {.exchanges = ladder->exchanges, .exchange_count = 1};
        struct amqp_error error;
        broker_topology(broker, &first, TOPOLOGY_VERIFY, NULL, &error);
        return error.code != 404;
}

bool amqp_topology_apply(const struct config *config, enum topology_mode mode,
                         const struct topology_listener *listener, struct amqp_error *error)
{
        struct arena arena;
        struct amqp_settings settings;
        struct broker *broker = NULL;
        arena_init(&arena);
        bool ok = amqp_settings_parse(&arena, config, &settings, error) &&
                  (broker = broker_open(&settings, "topology", error)) &&
                  broker_topology(broker, topology_build(&arena, config), mode, listener, error);
        const struct topology *ladder = broker ? topology_build_later(&arena, config) : NULL;
        if (ladder && (mode == TOPOLOGY_DECLARE || is_begun(broker, ladder))) {
                struct amqp_error also;
                bool placed = broker_topology(broker, ladder, mode, listener, &also);
                if (ok && !placed)
                        *error = also;
                ok = ok && placed;
        } else if (ladder) {
                report(listener, "ladder", LADDER_FOOT ".*", TOPOLOGY_IN_PLACE,
                       "declared with the first message for later");
        }
        broker_close(broker, 1000);
        arena_fini(&arena);
        return ok;
}
