#include "core/settings/settings.h"
#include "io/config/config_file.h"

struct diff {
        const struct config *other;
        struct buffer *out;
        struct arena arena;
        size_t count;
};

/* The struct of the other configuration that belongs to this one. */
static const void *diff_base(const struct config *other, const struct setting_visit *visit)
{
        switch (visit->setting->scope) {
        case SETTING_OF_WORKER:
                return other;
        case SETTING_OF_QUEUE:
                return visit->index < other->queue_count ? &other->queues[visit->index] : NULL;
        case SETTING_OF_OUTLET:
                return config_outlet_find(other, visit->owner ? visit->owner : "mail");
        case SETTING_OF_SCHEDULE:
                return visit->index < other->schedule_count ? &other->schedules[visit->index] : NULL;
        case SETTING_OF_TOKEN: /* a worker has no use for them */
        case SETTING_OF_HANDLER:
                return NULL;
        }
        return NULL;
}

/* All settings of handlers are reloadable. */
static void diff_visit(void *context, const struct setting_visit *visit)
{
        struct diff *diff = context;
        const void *base = diff_base(diff->other, visit);
        if (!base || visit->setting->reloadable || setting_equal(visit->setting, visit->base, base))
                return;
        diff->count++;
        buffer_printf(diff->out, "%s\n", setting_visit_path(&diff->arena, visit));
}

static bool same_outlets(const struct config *a, const struct config *b)
{
        for (size_t i = 0; i < a->outlet_count; i++)
                if (!config_outlet_find(b, a->outlets[i].name))
                        return false;
        return a->outlet_count == b->outlet_count;
}

size_t config_reload_diff(const struct config *running, const struct config *loaded, struct buffer *out)
{
        struct diff diff = {.other = loaded, .out = out};
        arena_init(&diff.arena);
        settings_visit(running, diff_visit, &diff);
        arena_fini(&diff.arena);
        if (running->queue_count != loaded->queue_count) {
                buffer_add_text(out, "queues\n");
                diff.count++;
        }
        if (running->schedule_count != loaded->schedule_count) {
                buffer_add_text(out, "schedules\n");
                diff.count++;
        }
        if (!same_outlets(running, loaded)) {
                buffer_add_text(out, "outlets\n");
                diff.count++;
        }
        return diff.count;
}
