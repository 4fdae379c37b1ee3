/* Any header table off the wire: what could be taken apart goes back onto the wire and comes off it as the
 * same. */

#include "fuzz.h"

#include "core/message/copy.h"
#include "io/amqp/amqp_wire.h"

static bool same(const struct header *a, const struct header *b);

static bool same_list(const struct header *a, size_t a_count, const struct header *b, size_t b_count)
{
        if (a_count != b_count)
                return false;
        for (size_t i = 0; i < a_count; i++)
                if (!same(&a[i], &b[i]))
                        return false;
        return true;
}

static bool same(const struct header *a, const struct header *b)
{
        if (!slice_equal(a->name, b->name) || a->tag != b->tag)
                return false;
        switch (a->tag) {
        case HEADER_BOOLEAN:
                return a->boolean == b->boolean;
        case HEADER_I8:
        case HEADER_I16:
        case HEADER_I32:
        case HEADER_I64:
                return a->integer == b->integer;
        case HEADER_U8:
        case HEADER_U16:
        case HEADER_U32:
        case HEADER_U64:
        case HEADER_TIMESTAMP:
                return a->unsigned_ == b->unsigned_;
        case HEADER_DECIMAL:
                return a->unsigned_ == b->unsigned_ && a->decimals == b->decimals;
        case HEADER_F32:
        case HEADER_F64:
                return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
        case HEADER_STRING:
        case HEADER_BYTES:
                return slice_equal(a->text, b->text);
        case HEADER_ARRAY:
        case HEADER_TABLE:
                return same_list(a->nested.items, a->nested.count, b->nested.items, b->nested.count);
        case HEADER_VOID:
                return true;
        }
        return false;
}

/* Off the wire and into a message. False if the library cannot decode it. */
static bool decode(struct arena *arena, amqp_pool_t *pool, struct slice wire, struct message *message)
{
        amqp_basic_properties_t properties = {._flags = AMQP_BASIC_HEADERS_FLAG};
        size_t offset = 0;
        if (amqp_decode_table(bytes_of_slice(wire), pool, &properties.headers, &offset) < 0)
                return false;
        amqp_message_read(arena, message, &properties);
        return true;
}

static void check(struct arena *arena, amqp_pool_t *pool, const struct message *message)
{
        amqp_basic_properties_t properties;
        struct message again = {0};
        if (message->properties.headers_unusable)
                CHECK(message->properties.header_count == 0);
        if (!amqp_message_write(arena, message, &properties))
                return;
        CHECK(!message->properties.headers_unusable);
        enum { WIRE_MAX = 131072 };
        amqp_bytes_t wire = {.bytes = arena_alloc(arena, WIRE_MAX), .len = WIRE_MAX};
        size_t len = 0;
        if (message->properties.header_count == 0)
                return;
        CHECK(amqp_encode_table(wire, &properties.headers, &len) >= 0);
        CHECK(decode(arena, pool, (struct slice){.data = wire.bytes, .len = len}, &again));
        CHECK(same_list(message->properties.headers, message->properties.header_count,
                        again.properties.headers, again.properties.header_count));
        if (copy_possible(message))
                copy_redrive(arena, message, "work", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena;
        struct message message = {0};
        amqp_pool_t pool;
        if (size > 65536)
                return 0;
        arena_init(&arena);
        init_amqp_pool(&pool, 4096);
        if (decode(&arena, &pool, (struct slice){.data = (const char *)data, .len = size}, &message))
                check(&arena, &pool, &message);
        empty_amqp_pool(&pool);
        arena_fini(&arena);
        return 0;
}
