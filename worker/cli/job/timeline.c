#include "cli/job/timeline.h"
#include "core/codec/json.h"
#include "query/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_event(struct cli *cli, struct slice entry)
{
        char cause[JSON_CAUSE_MAX];
        json_t *event = json_parse(entry, cause);
        if (!event)
                return;
        printf("  %s  %-10s", cli_time(cli, json_integer_value(json_object_get(event, "ts"))),
               cli_safe(cli, json_text(json_object_get(event, "event"))));
        const char *name;
        json_t *value;
        json_object_foreach(event, name, value)
        {
                if (strcmp(name, "ts") == 0 || strcmp(name, "event") == 0)
                        continue;
                if (json_is_integer(value))
                        printf(" %s=%" PRId64, cli_safe(cli, slice_of(name)),
                               (int64_t)json_integer_value(value));
                else
                        printf(" %s=%s", cli_safe(cli, slice_of(name)), cli_safe(cli, json_text(value)));
        }
        putchar('\n');
        json_decref(event);
}

bool timeline_print(struct cli *cli, struct redis_sync *redis, const char *id)
{
        const struct redis_value *events = job_events(&(struct query){cli->config, redis, &cli->arena}, id);
        for (size_t i = 0; i < events->count; i++)
                print_event(cli, events->items[i].text);
        return events->count > 0;
}
