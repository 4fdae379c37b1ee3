#include "core/time/cron.h"
#include "io/machine/zone_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads lines of a zone, a cron and a time, separated by tabs, and writes the five ticks that follow: for
 * compare.py. */
int main(void)
{
        char line[512], error[CRON_ERROR_SIZE];
        while (fgets(line, sizeof(line), stdin)) {
                struct arena arena;
                struct zone zone;
                struct cron cron;
                const char *name = strtok(line, "\t"), *text = strtok(NULL, "\t"),
                           *time = strtok(NULL, "\t\n");
                arena_init(&arena);
                if (!name || !text || !time || zone_load(name, &arena, &zone) ||
                    !cron_parse(&cron, slice_of(text), error))
                        return EXIT_FAILURE;
                int64_t t = strtoll(time, NULL, 10), since = t;
                for (int i = 0; i < 5; i++) {
                        t = cron_next(&cron, &zone, t);
                        if (t != INT64_MAX && cron_last(&cron, &zone, since, t) != t)
                                return EXIT_FAILURE;
                        printf("%" PRId64 " ", t);
                }
                putchar('\n');
                arena_fini(&arena);
        }
        return EXIT_SUCCESS;
}
