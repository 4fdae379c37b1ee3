#include "core/broker/ladder.h"

#include "core/text/buffer.h"

const char *ladder_rung_name(struct arena *arena, size_t rung)
{
        return arena_printf(arena, LADDER_FOOT ".%02zu", rung);
}

int64_t ladder_rung_ms(size_t rung)
{
        return (int64_t)LADDER_GRANULE_MS << rung;
}

const char *ladder_last_name(struct arena *arena, const char *queue)
{
        return arena_printf(arena, LADDER_FOOT ".to.%s", queue);
}

/* A word of a binding key may stand for others; those of a queue's name never are to. */
static void ladder_add_queue(struct buffer *key, const char *queue)
{
        for (const char *c = queue; *c; c++)
                if (*c == '*' || *c == '#' || *c == '%')
                        buffer_printf(key, "%%%02x", (unsigned char)*c);
                else
                        buffer_add_char(key, *c);
}

static const char *taken(struct arena *arena, struct buffer *key)
{
        const char *text = arena_copy(arena, key->data, key->len);
        buffer_fini(key);
        return text;
}

const char *ladder_rung_pattern(struct arena *arena, size_t rung, bool set)
{
        struct buffer key = {0};
        for (size_t i = LADDER_RUNGS - 1; i > rung; i--)
                buffer_add_text(&key, "*.");
        buffer_add_text(&key, set ? "1.#" : "0.#");
        return taken(arena, &key);
}

const char *ladder_last_pattern(struct arena *arena, const char *queue)
{
        struct buffer key = {0};
        for (size_t i = 0; i < LADDER_RUNGS; i++)
                buffer_add_text(&key, "*.");
        ladder_add_queue(&key, queue);
        return taken(arena, &key);
}

static uint64_t granules_of(int64_t delay_ms)
{
        if (delay_ms > 2 * LADDER_MAX_MS)
                delay_ms = 2 * LADDER_MAX_MS;
        uint64_t granules =
                delay_ms > 0 ? ((uint64_t)delay_ms + LADDER_GRANULE_MS - 1) / LADDER_GRANULE_MS : 0;
        uint64_t most = ((uint64_t)1 << LADDER_RUNGS) - 1;
        return granules < most ? granules : most;
}

struct ladder_way ladder_way(struct arena *arena, const char *queue, int64_t delay_ms)
{
        struct buffer key = {0};
        uint64_t granules = granules_of(delay_ms);
        struct ladder_way way = {.exchange = LADDER_FOOT};
        for (size_t i = LADDER_RUNGS; i-- > 0;) {
                bool set = granules >> i & 1;
                if (set && granules >> i == 1)
                        way.exchange = ladder_rung_name(arena, i);
                buffer_add_text(&key, set ? "1." : "0.");
        }
        ladder_add_queue(&key, queue);
        way.key = taken(arena, &key);
        return way;
}
