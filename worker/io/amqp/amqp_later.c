#include "core/broker/ladder.h"
#include "io/amqp/amqp_outbox.h"
#include "io/machine/clock.h"

/* Messages for later: the ladder is there before the first of them, and each gets onto it where it has to. */

static bool is_for_later(const struct message *message)
{
        size_t len = sizeof(LADDER_FOOT) - 1;
        return message->exchange.len >= len && memcmp(message->exchange.data, LADDER_FOOT, len) == 0;
}

/* On a connection of its own: an exchange that is not there would end the publisher's. */
static bool prepare(struct outbox *outbox, bool *ready, struct publish *publish)
{
        struct amqp_error error = {0};
        if (!*ready)
                *ready = amqp_topology_place(&outbox->settings, outbox->later, outbox->later_mode, &error);
        /* Who may not even look takes it on trust. */
        if (error.code == 403 && outbox->later_mode == TOPOLOGY_VERIFY)
                *ready = true;
        if (*ready)
                return true;
        outbox_end(outbox, publish, PUBLISH_UNSENT, error.text);
        return false;
}

/* Chosen as late as can be: what waited here comes no later for it. */
static void later_address(struct publish *publish)
{
        struct message *message = publish->message;
        if (message->wait_until_ms == 0)
                return;
        const char *queue = arena_copy(publish->arena, message->routing_key.data, message->routing_key.len);
        struct ladder_way way = ladder_way(publish->arena, queue, message->wait_until_ms - clock_boot_ms());
        message->exchange = slice_of(way.exchange);
        message->routing_key = slice_of(way.key);
        message->wait_until_ms = 0;
}

bool outbox_later(struct outbox *outbox, bool *ready, struct publish *publish)
{
        if (!is_for_later(publish->message))
                return true;
        if (!prepare(outbox, ready, publish))
                return false;
        later_address(publish);
        return true;
}
