#include "core/message/own_headers.h"

#include "core/broker/ladder.h"
#include "core/broker/topology.h"
#include "core/codec/rfc3339.h"

static uint32_t read_count(const struct message *message, const char *name)
{
        int64_t value = message_header_integer(message, name, 0);
        return (uint32_t)(value > INT32_MAX ? INT32_MAX : value);
}

static int64_t own_headers_read_time(const struct message *message, const char *name)
{
        int64_t time_ms;
        struct slice text = message_header_text(message, name);
        return rfc3339_parse(text, &time_ms) && time_ms >= 0 ? time_ms : -1;
}

static void own_read_all(const struct message *message, struct own_headers *own)
{
        *own = (struct own_headers){
                .believed = true,
                .generation = {.redrives = read_count(message, OWN_HEADER_REDRIVES),
                               .attempt = read_count(message, OWN_HEADER_ATTEMPT),
                               .deferrals = read_count(message, OWN_HEADER_DEFERRALS)},
                .first_seen_ms = own_headers_read_time(message, OWN_HEADER_FIRST_SEEN),
                .failed_at_ms = own_headers_read_time(message, OWN_HEADER_FAILED_AT),
                .reason = message_header_text(message, OWN_HEADER_REASON),
                .error = message_header_text(message, OWN_HEADER_ERROR),
                .worker = message_header_text(message, OWN_HEADER_WORKER),
                .queue = message_header_text(message, OWN_HEADER_QUEUE),
                .exchange = message_header_text(message, OWN_HEADER_EXCHANGE),
                .routing_key = message_header_text(message, OWN_HEADER_ROUTING_KEY),
                .dead_id = message_header_text(message, OWN_HEADER_DEAD_ID),
                .id = message_header_text(message, OWN_HEADER_ID),
        };
}

static void read_none(struct own_headers *own)
{
        *own = (struct own_headers){.first_seen_ms = -1, .failed_at_ms = -1};
}

void own_headers_read(const struct message *message, struct own_headers *own)
{
        if (slice_is(message->exchange, EXCHANGE_RETURN))
                own_read_all(message, own);
        else
                read_none(own);
}

/* The newest entry of x-death: where the broker took the message from
 * (https://www.rabbitmq.com/docs/dlx#effects). */
static const struct header *newest_death(const struct message *message)
{
        const struct header *deaths = message_header(message, "x-death");
        if (!deaths || deaths->tag != HEADER_ARRAY || deaths->nested.count == 0 ||
            deaths->nested.items[0].tag != HEADER_TABLE)
                return NULL;
        return &deaths->nested.items[0];
}

static const struct header *own_entry(const struct header *table, const char *name)
{
        for (size_t i = 0; table && i < table->nested.count; i++)
                if (slice_is(table->nested.items[i].name, name))
                        return &table->nested.items[i];
        return NULL;
}

static struct slice death_routing_key(const struct header *death)
{
        const struct header *keys = own_entry(death, "routing-keys");
        bool usable = keys && keys->tag == HEADER_ARRAY && keys->nested.count > 0;
        return usable ? header_text(&keys->nested.items[0]) : (struct slice){0};
}

void own_headers_read_dead(const struct message *message, struct own_headers *own)
{
        const struct header *death = newest_death(message);
        struct slice exchange = death ? header_text(own_entry(death, "exchange")) : message->exchange;
        size_t foot = sizeof(LADDER_FOOT) - 1;
        bool later = exchange.len >= foot && memcmp(exchange.data, LADDER_FOOT, foot) == 0;
        bool ours = later || slice_is(exchange, EXCHANGE_RETURN) || slice_is(exchange, EXCHANGE_RETRY) ||
                    (!death && slice_is(exchange, EXCHANGE_DLX));
        if (ours)
                own_read_all(message, own);
        else
                read_none(own);
        if (own->exchange.data)
                return;
        own->exchange = exchange;
        own->routing_key = death ? death_routing_key(death) : message->routing_key;
}
