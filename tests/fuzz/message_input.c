#include "message_input.h"

#include "fuzz.h"

enum { TABLE_MAX = 64, NESTING_MAX = HEADER_DEPTH_MAX };

/* A number at the front of the text; anything is a number. */
static uint64_t number_of(struct slice text)
{
        uint64_t value = 0;
        bool negative = text.len && text.data[0] == '-';
        for (size_t i = negative; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
                value = value * 10 + (uint64_t)(text.data[i] - '0');
        return negative ? 0 - value : value;
}

static struct header header_of(struct slice line)
{
        struct header header = {.tag = (enum header_tag)line.data[0]};
        struct slice rest = {.data = line.data + 1, .len = line.len - 1};
        header.name = fuzz_take(&rest, '=');
        uint64_t number = number_of(rest);
        switch (header.tag) {
        case HEADER_BOOLEAN:
                header.boolean = number & 1;
                break;
        case HEADER_I8:
        case HEADER_I16:
        case HEADER_I32:
        case HEADER_I64:
                header.integer = (int64_t)number;
                break;
        case HEADER_U8:
        case HEADER_U16:
        case HEADER_U32:
        case HEADER_U64:
        case HEADER_TIMESTAMP:
        case HEADER_DECIMAL:
                header.unsigned_ = number;
                break;
        case HEADER_F32:
        case HEADER_F64:
                header.real = (double)number;
                break;
        case HEADER_BYTES:
        case HEADER_STRING:
                header.text = rest;
                break;
        case HEADER_ARRAY:
        case HEADER_TABLE:
        case HEADER_VOID:
                break;
        default:
                header.tag = HEADER_STRING;
                header.text = rest;
                break;
        }
        return header;
}

/* The tables that are open, the outermost first. */
struct tables {
        struct arena *arena;
        struct header *open[NESTING_MAX];
        size_t depth;
};

static void add_header(struct tables *tables, struct header header)
{
        struct header *table = tables->open[tables->depth];
        if (table->nested.count == TABLE_MAX)
                return;
        if (table->tag == HEADER_ARRAY)
                header.name = (struct slice){0};
        struct header *added = &table->nested.items[table->nested.count++];
        *added = header;
        if (header.tag != HEADER_TABLE && header.tag != HEADER_ARRAY)
                return;
        bool deeper = tables->depth + 1 < NESTING_MAX;
        added->nested.items = arena_alloc(tables->arena, (deeper ? TABLE_MAX : 1) * sizeof(struct header));
        if (deeper)
                tables->open[++tables->depth] = added;
}

static void read_line(struct message *message, struct tables *tables, struct slice line)
{
        struct message_properties *properties = &message->properties;
        struct slice value = {.data = line.data + 2, .len = line.len >= 2 ? line.len - 2 : 0};
        struct slice *const texts[256] = {
                ['i'] = &properties->message_id,     ['t'] = &properties->type,
                ['c'] = &properties->content_type,   ['e'] = &properties->content_encoding,
                ['r'] = &properties->correlation_id, ['a'] = &properties->app_id,
                ['u'] = &properties->user_id,        ['p'] = &properties->expiration,
                ['x'] = &message->exchange,          ['k'] = &message->routing_key,
        };
        if (line.data[0] == '.' && tables->depth > 0)
                tables->depth--;
        else if (line.data[0] == '!')
                properties->headers_unusable = true;
        else if (line.len < 2)
                return;
        else if (texts[(unsigned char)line.data[0]])
                *texts[(unsigned char)line.data[0]] = value;
        else if (line.data[0] == 'h')
                add_header(tables, header_of((struct slice){.data = line.data + 1, .len = line.len - 1}));
        else if (line.data[0] == '+')
                message->body_size = number_of(value) % 100000;
        else if (line.data[0] == 's') {
                properties->has_timestamp = true;
                properties->timestamp = number_of(value);
        }
}

struct message *message_input(struct arena *arena, struct slice input)
{
        struct message *message = arena_alloc(arena, sizeof(*message));
        struct header root = {.tag = HEADER_TABLE,
                              .nested = {.items = arena_alloc(arena, TABLE_MAX * sizeof(struct header))}};
        struct tables tables = {.arena = arena, .open = {&root}};
        while (input.len) {
                struct slice line = fuzz_take(&input, '\n');
                if (line.len == 0)
                        break;
                read_line(message, &tables, line);
        }
        message->body = input;
        message->body_size += input.len;
        if (!message->properties.headers_unusable) {
                message->properties.headers = root.nested.items;
                message->properties.header_count = root.nested.count;
        }
        return message;
}
