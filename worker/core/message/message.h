#ifndef LEVERET_CORE_MESSAGE_H
#define LEVERET_CORE_MESSAGE_H

#include "core/memory/arena.h"
#include "core/memory/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Depth and count above which a header table is not taken apart (a copy of it could not be made either). */
enum { HEADER_DEPTH_MAX = 32, HEADER_COUNT_MAX = 1024 };

/*
 * A value of an AMQP field table, by the type octets that RabbitMQ uses
 * (https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3). The octet is kept so that a copy has the same
 * type.
 */
enum header_tag {
        HEADER_BOOLEAN = 't',
        HEADER_I8 = 'b',
        HEADER_U8 = 'B',
        HEADER_I16 = 's',
        HEADER_U16 = 'u',
        HEADER_I32 = 'I',
        HEADER_U32 = 'i',
        HEADER_I64 = 'l',
        HEADER_U64 = 'L',
        HEADER_F32 = 'f',
        HEADER_F64 = 'd',
        HEADER_DECIMAL = 'D',
        HEADER_STRING = 'S',
        HEADER_ARRAY = 'A',
        HEADER_TIMESTAMP = 'T',
        HEADER_TABLE = 'F',
        HEADER_VOID = 'V',
        HEADER_BYTES = 'x',
};

struct header {
        struct slice name; /* absent inside an array */
        enum header_tag tag;
        uint8_t decimals; /* HEADER_DECIMAL */
        union {
                bool boolean;
                int64_t integer;    /* b s I l */
                uint64_t unsigned_; /* B u i L T D */
                double real;        /* f d */
                struct slice text;  /* S x */
                struct {            /* A F */
                        struct header *items;
                        size_t count;
                } nested;
        };
};

/* basic.properties of AMQP 0-9-1; an absent string has data NULL, an absent number its has_ flag false. */
struct message_properties {
        struct slice content_type, content_encoding, correlation_id, reply_to, expiration, message_id, type,
                user_id, app_id, cluster_id;
        bool has_delivery_mode, has_priority, has_timestamp;
        uint8_t delivery_mode, priority;
        uint64_t timestamp; /* seconds since 1970 */
        struct header *headers;
        size_t header_count;
        bool headers_unusable; /* nested too deep or too many: no copy can be made, `headers` is empty */
};

/* A message as the broker delivered it, or as it is to be published. Who holds the arena owns all of it. */
struct message {
        struct message_properties properties;
        struct slice body;
        uint64_t body_size;                 /* as announced; body.len is less if it was over what we keep */
        struct slice exchange, routing_key; /* of the delivery, or to publish to */
        int64_t wait_until_ms; /* to publish to the ladder, for the work queue that routing_key names: until
                                  then, on CLOCK_BOOTTIME; else 0 */
        bool redelivered;
};

/* The top-level header of that exact name, or NULL. */
const struct header *message_header(const struct message *message, const char *name);
/* The text of a header that is a string, else absent; NULL is absent. */
struct slice header_text(const struct header *header);
/* Its text if it is a string or bytes, else absent. */
struct slice message_header_text(const struct message *message, const char *name);
/* Its value if it is any integer type and not negative, else `otherwise`. */
int64_t message_header_integer(const struct message *message, const char *name, int64_t otherwise);
/* A deep copy with all memory in `arena`. */
struct message *message_copy(struct arena *arena, const struct message *message);
/* Sets (replaces or adds) a top-level header. The header array is reallocated in the arena; slices are
 * borrowed. */
void message_set_header(struct arena *arena, struct message *message, struct header header);
/* The same for a copy of a text; nothing if there is none. `name` is borrowed. */
void message_set_text(struct arena *arena, struct message *message, const char *name, const char *text);

#endif
