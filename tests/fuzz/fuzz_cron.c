/* Any text at the reader of cron, and what stands behind a NUL at that of zone data: what is taken has ticks
 * in rising order, what is not says why in one line. */

#include "fuzz.h"

#include "core/text/utf8.h"
#include "core/time/ticker.h"

static void check_ticks(const struct cron *cron, const struct zone *zone)
{
        int64_t t = 1764590400;
        for (int i = 0; i < 3; i++) {
                int64_t next = cron_next(cron, zone, t);
                CHECK(next > t);
                if (next == INT64_MAX)
                        return;
                t = next;
        }
        CHECK(cron_last(cron, zone, t - 1, t) == t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct slice rest = {.data = (const char *)data, .len = size};
        struct slice text = fuzz_take(&rest, '\0');
        char error[CRON_ERROR_SIZE] = "";
        struct arena arena;
        struct cron cron;
        struct zone zone;
        arena_init(&arena);
        bool read = cron_parse(&cron, text, error);
        CHECK(read || error[0]);
        bool known = !zone_parse(&zone, rest, &arena);
        zone = known ? zone : zone_utc();
        if (read)
                check_ticks(&cron, &zone);
        arena_fini(&arena);
        return 0;
}
