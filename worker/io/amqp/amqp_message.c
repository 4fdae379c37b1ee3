#include "io/amqp/amqp_wire.h"

#include <assert.h>

/* A walk over header tables keeps count, so that neither depth nor number can be driven up from outside. */
struct header_walk {
        struct arena *arena;
        size_t count;
        bool ok;
};

static void value_read(struct header_walk *walk, struct header *header, const amqp_field_value_t *value,
                       int depth);

static struct header *items_alloc(struct header_walk *walk, int count, int depth)
{
        walk->count += (size_t)count;
        if (depth > HEADER_DEPTH_MAX || walk->count > HEADER_COUNT_MAX)
                walk->ok = false;
        return walk->ok ? arena_alloc(walk->arena, (size_t)count * sizeof(struct header)) : NULL;
}

static struct header *table_read(struct header_walk *walk, const amqp_table_t *table, int depth)
{
        struct header *items = items_alloc(walk, table->num_entries, depth);
        for (int i = 0; walk->ok && i < table->num_entries; i++) {
                items[i].name = arena_slice(walk->arena, slice_of_bytes(table->entries[i].key));
                value_read(walk, &items[i], &table->entries[i].value, depth);
        }
        return items;
}

static struct header *array_read(struct header_walk *walk, const amqp_array_t *array, int depth)
{
        struct header *items = items_alloc(walk, array->num_entries, depth);
        for (int i = 0; walk->ok && i < array->num_entries; i++)
                value_read(walk, &items[i], &array->entries[i], depth);
        return items;
}

static void value_read(struct header_walk *walk, struct header *header, const amqp_field_value_t *value,
                       int depth)
{
        header->tag = value->kind;
        switch (header->tag) {
        case HEADER_BOOLEAN:
                header->boolean = value->value.boolean;
                return;
        case HEADER_I8:
                header->integer = value->value.i8;
                return;
        case HEADER_U8:
                header->unsigned_ = value->value.u8;
                return;
        case HEADER_I16:
                header->integer = value->value.i16;
                return;
        case HEADER_U16:
                header->unsigned_ = value->value.u16;
                return;
        case HEADER_I32:
                header->integer = value->value.i32;
                return;
        case HEADER_U32:
                header->unsigned_ = value->value.u32;
                return;
        case HEADER_I64:
                header->integer = value->value.i64;
                return;
        case HEADER_U64:
        case HEADER_TIMESTAMP:
                header->unsigned_ = value->value.u64;
                return;
        case HEADER_F32:
                header->real = (double)value->value.f32;
                return;
        case HEADER_F64:
                header->real = value->value.f64;
                return;
        case HEADER_DECIMAL:
                header->decimals = value->value.decimal.decimals;
                header->unsigned_ = value->value.decimal.value;
                return;
        case HEADER_STRING:
        case HEADER_BYTES:
                header->text = arena_slice(walk->arena, slice_of_bytes(value->value.bytes));
                return;
        case HEADER_ARRAY:
                header->nested.count = (size_t)value->value.array.num_entries;
                header->nested.items = array_read(walk, &value->value.array, depth + 1);
                return;
        case HEADER_TABLE:
                header->nested.count = (size_t)value->value.table.num_entries;
                header->nested.items = table_read(walk, &value->value.table, depth + 1);
                return;
        case HEADER_VOID:
                return;
        }
        walk->ok = false; /* a type octet that we do not know cannot be copied faithfully */
}

/* Where each string of basic.properties lies on both sides. */
#define PROPERTY_STRINGS(X)                                                                                  \
        X(content_type, AMQP_BASIC_CONTENT_TYPE_FLAG)                                                        \
        X(content_encoding, AMQP_BASIC_CONTENT_ENCODING_FLAG)                                                \
        X(correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG)                                                    \
        X(reply_to, AMQP_BASIC_REPLY_TO_FLAG)                                                                \
        X(expiration, AMQP_BASIC_EXPIRATION_FLAG)                                                            \
        X(message_id, AMQP_BASIC_MESSAGE_ID_FLAG)                                                            \
        X(type, AMQP_BASIC_TYPE_FLAG)                                                                        \
        X(user_id, AMQP_BASIC_USER_ID_FLAG)                                                                  \
        X(app_id, AMQP_BASIC_APP_ID_FLAG)                                                                    \
        X(cluster_id, AMQP_BASIC_CLUSTER_ID_FLAG)

void amqp_message_read(struct arena *arena, struct message *message, const amqp_basic_properties_t *from)
{
        struct message_properties *to = &message->properties;
#define READ(name, flag)                                                                                     \
        if (from->_flags & flag)                                                                             \
                to->name = arena_slice(arena, slice_of_bytes(from->name));
        PROPERTY_STRINGS(READ)
#undef READ
        to->has_delivery_mode = from->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG;
        to->has_priority = from->_flags & AMQP_BASIC_PRIORITY_FLAG;
        to->has_timestamp = from->_flags & AMQP_BASIC_TIMESTAMP_FLAG;
        to->delivery_mode = to->has_delivery_mode ? from->delivery_mode : 0;
        to->priority = to->has_priority ? from->priority : 0;
        to->timestamp = to->has_timestamp ? from->timestamp : 0;
        if (!(from->_flags & AMQP_BASIC_HEADERS_FLAG) || from->headers.num_entries == 0)
                return;
        struct header_walk walk = {.arena = arena, .ok = true};
        struct header *headers = table_read(&walk, &from->headers, 1);
        to->headers_unusable = !walk.ok;
        to->headers = walk.ok ? headers : NULL;
        to->header_count = walk.ok ? (size_t)from->headers.num_entries : 0;
}

static void value_write(struct header_walk *walk, amqp_field_value_t *value, const struct header *header,
                        int depth);

static void table_write(struct header_walk *walk, amqp_table_t *table, const struct header *headers,
                        size_t count, int depth)
{
        walk->count += count;
        if (depth > HEADER_DEPTH_MAX ||
            walk->count > HEADER_COUNT_MAX + 64) /* leveret's own headers come on top */
                walk->ok = false;
        if (!walk->ok)
                return;
        table->num_entries = (int)count;
        table->entries = arena_alloc(walk->arena, count * sizeof(*table->entries));
        for (size_t i = 0; i < count; i++) {
                if (headers[i].name.len > UINT8_MAX)
                        walk->ok = false;
                table->entries[i].key = bytes_of_slice(headers[i].name);
                value_write(walk, &table->entries[i].value, &headers[i], depth);
        }
}

static void array_write(struct header_walk *walk, amqp_array_t *array, const struct header *header, int depth)
{
        size_t count = header->nested.count;
        walk->count += count;
        if (depth > HEADER_DEPTH_MAX || walk->count > HEADER_COUNT_MAX + 64)
                walk->ok = false;
        if (!walk->ok)
                return;
        array->num_entries = (int)count;
        array->entries = arena_alloc(walk->arena, count * sizeof(*array->entries));
        for (size_t i = 0; i < count; i++)
                value_write(walk, &array->entries[i], &header->nested.items[i], depth);
}

static void value_write(struct header_walk *walk, amqp_field_value_t *value, const struct header *header,
                        int depth)
{
        value->kind = (uint8_t)header->tag;
        switch (header->tag) {
        case HEADER_BOOLEAN:
                value->value.boolean = header->boolean;
                return;
        case HEADER_I8:
                value->value.i8 = (int8_t)header->integer;
                return;
        case HEADER_U8:
                value->value.u8 = (uint8_t)header->unsigned_;
                return;
        case HEADER_I16:
                value->value.i16 = (int16_t)header->integer;
                return;
        case HEADER_U16:
                value->value.u16 = (uint16_t)header->unsigned_;
                return;
        case HEADER_I32:
                value->value.i32 = (int32_t)header->integer;
                return;
        case HEADER_U32:
                value->value.u32 = (uint32_t)header->unsigned_;
                return;
        case HEADER_I64:
                value->value.i64 = header->integer;
                return;
        case HEADER_U64:
        case HEADER_TIMESTAMP:
                value->value.u64 = header->unsigned_;
                return;
        case HEADER_F32:
                value->value.f32 = (float)header->real;
                return;
        case HEADER_F64:
                value->value.f64 = header->real;
                return;
        case HEADER_DECIMAL:
                value->value.decimal.decimals = header->decimals;
                value->value.decimal.value = (uint32_t)header->unsigned_;
                return;
        case HEADER_STRING:
        case HEADER_BYTES:
                value->value.bytes = bytes_of_slice(header->text);
                return;
        case HEADER_ARRAY:
                array_write(walk, &value->value.array, header, depth + 1);
                return;
        case HEADER_TABLE:
                table_write(walk, &value->value.table, header->nested.items, header->nested.count, depth + 1);
                return;
        case HEADER_VOID:
                return;
        }
        walk->ok = false;
}

bool amqp_message_write(struct arena *arena, const struct message *message, amqp_basic_properties_t *to)
{
        const struct message_properties *from = &message->properties;
        struct header_walk walk = {.arena = arena, .ok = !from->headers_unusable};
        *to = (amqp_basic_properties_t){0};
        if (message->exchange.len > UINT8_MAX || message->routing_key.len > UINT8_MAX)
                walk.ok = false;
#define WRITE(field, flag)                                                                                   \
        if (from->field.data) {                                                                              \
                to->_flags |= flag;                                                                          \
                to->field = bytes_of_slice(from->field);                                                     \
                walk.ok = walk.ok && from->field.len <= UINT8_MAX;                                           \
        }
        PROPERTY_STRINGS(WRITE)
#undef WRITE
        to->_flags |= from->has_delivery_mode ? AMQP_BASIC_DELIVERY_MODE_FLAG : 0;
        to->_flags |= from->has_priority ? AMQP_BASIC_PRIORITY_FLAG : 0;
        to->_flags |= from->has_timestamp ? AMQP_BASIC_TIMESTAMP_FLAG : 0;
        to->delivery_mode = from->delivery_mode;
        to->priority = from->priority;
        to->timestamp = from->timestamp;
        if (walk.ok && from->header_count > 0) {
                to->_flags |= AMQP_BASIC_HEADERS_FLAG;
                table_write(&walk, &to->headers, from->headers, from->header_count, 1);
        }
        return walk.ok;
}
