#include "core/codec/json.h"
#include "core/plan/registry.h"
#include "io/config/config_check_parts.h"
#include "io/machine/zone_file.h"

#include <string.h>

static const char *schedule_name_fault(const struct check *check, size_t index)
{
        const struct config_schedule *schedules = check->config->schedules;
        const char *name = schedules[index].name;
        if (!name || !name[0])
                return "is required";
        if (!ticker_name_is_good(name))
                return "expected 1 to 64 of a-z 0-9 . _ -";
        for (size_t i = 0; i < index; i++)
                if (schedules[i].name && strcmp(schedules[i].name, name) == 0)
                        return arena_printf(check->arena, "is also the name of schedules[%zu]", i);
        return NULL;
}

static const char *cron_fault(const struct check *check, const char *text)
{
        char error[CRON_ERROR_SIZE];
        struct cron cron;
        if (!text)
                return "is required";
        return cron_parse(&cron, slice_of(text), error) ? NULL : arena_strdup(check->arena, error);
}

static const char *type_fault(const char *type)
{
        if (!type)
                return "is required";
        return handler_type_valid(slice_of(type)) ? NULL : "expected a type such as order.created.v1";
}

static const char *data_fault(const struct check *check, const char *data)
{
        char cause[JSON_CAUSE_MAX];
        json_t *value = json_parse(slice_of(data ? data : ""), cause);
        json_decref(value);
        return value ? NULL : arena_printf(check->arena, "is no JSON: %s", cause);
}

static void config_check_schedule_report(struct check *check, size_t index, const char *setting,
                                         const char *fault)
{
        if (fault)
                check_fault(check, arena_printf(check->arena, "schedules[%zu].%s", index, setting), fault);
}

void check_schedules(struct check *check)
{
        for (size_t i = 0; i < check->config->schedule_count; i++) {
                const struct config_schedule *schedule = &check->config->schedules[i];
                struct zone zone;
                config_check_schedule_report(check, i, "name", schedule_name_fault(check, i));
                config_check_schedule_report(check, i, "cron", cron_fault(check, schedule->cron));
                config_check_schedule_report(check, i, "timezone",
                                             zone_load(schedule->timezone, check->arena, &zone));
                config_check_schedule_report(check, i, "type", type_fault(schedule->type));
                config_check_schedule_report(check, i, "data", data_fault(check, schedule->data));
        }
}
