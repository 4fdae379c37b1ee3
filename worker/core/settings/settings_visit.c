#include "core/settings/settings.h"

#include <string.h>

/* Rows of the table that stand together, and what is visited for each of them. */
struct walk {
        const struct config *config;
        setting_visitor *visit;
        void *context;
};

static size_t run_end(size_t first)
{
        size_t end = first;
        while (end < setting_count && settings[end].scope == settings[first].scope)
                end++;
        return end;
}

static bool name_begins(const struct setting *setting, const char *prefix)
{
        return strncmp(setting->name, prefix, strlen(prefix)) == 0;
}

/* Visits the rows of one entry of a list; `skip` is how much of their names stands for the list. */
static void visit_rows(const struct walk *walk, size_t first, size_t end, struct setting_visit visit,
                       size_t skip)
{
        for (size_t i = first; i < end; i++) {
                visit.setting = &settings[i];
                visit.name = settings[i].name + skip;
                walk->visit(walk->context, &visit);
        }
}

static void visit_queues(const struct walk *walk, size_t first, size_t end)
{
        for (size_t i = 0; i < walk->config->queue_count; i++) {
                const struct config_queue *queue = &walk->config->queues[i];
                visit_rows(walk, first, end,
                           (struct setting_visit){
                                   .base = queue, .owner = queue->name ? queue->name : "", .index = i},
                           strlen("queues[]."));
        }
}

static void visit_tokens(const struct walk *walk, size_t first, size_t end)
{
        for (size_t i = 0; i < walk->config->serve.token_count; i++) {
                const struct config_token *token = &walk->config->serve.tokens[i];
                visit_rows(walk, first, end,
                           (struct setting_visit){
                                   .base = token, .owner = token->name ? token->name : "", .index = i},
                           strlen("serve.tokens[]."));
        }
}

static void visit_schedules(const struct walk *walk, size_t first, size_t end)
{
        for (size_t i = 0; i < walk->config->schedule_count; i++) {
                const struct config_schedule *schedule = &walk->config->schedules[i];
                visit_rows(walk, first, end,
                           (struct setting_visit){.base = schedule,
                                                  .owner = schedule->name ? schedule->name : "",
                                                  .index = i},
                           strlen("schedules[]."));
        }
}

static void visit_handlers(const struct walk *walk, size_t first, size_t end)
{
        for (size_t i = 0; i < walk->config->handler_count; i++) {
                const struct config_handler *handler = &walk->config->handlers[i];
                visit_rows(walk, first, end,
                           (struct setting_visit){.base = handler, .owner = handler->type, .index = i},
                           strlen("handlers.*."));
        }
}

/* What only `outlets` have, then what they share with mail, of their kind. */
static void visit_outlet(const struct walk *walk, size_t index)
{
        const struct config_outlet *outlet = &walk->config->outlets[index];
        struct setting_visit visit = {.base = outlet, .owner = outlet->name, .index = index};
        for (int shared = 0; shared < 2; shared++)
                for (size_t i = 0; i < setting_count; i++) {
                        bool fits = settings[i].scope == SETTING_OF_OUTLET &&
                                    name_begins(&settings[i], shared ? "mail." : "outlets.*.") &&
                                    (settings[i].kinds == 0 || settings[i].kinds & 1u << outlet->kind);
                        if (fits)
                                visit_rows(walk, i, i + 1, visit, strlen(shared ? "mail." : "outlets.*."));
                }
}

void settings_visit(const struct config *config, setting_visitor *visit, void *context)
{
        struct walk walk = {.config = config, .visit = visit, .context = context};
        bool outlets_done = false;
        for (size_t i = 0; i < setting_count;) {
                const struct setting *setting = &settings[i];
                size_t end = i + 1;
                if (setting->scope == SETTING_OF_QUEUE) {
                        visit_queues(&walk, i, end = run_end(i));
                } else if (setting->scope == SETTING_OF_HANDLER) {
                        visit_handlers(&walk, i, end = run_end(i));
                } else if (setting->scope == SETTING_OF_TOKEN) {
                        visit_tokens(&walk, i, end = run_end(i));
                } else if (setting->scope == SETTING_OF_SCHEDULE) {
                        visit_schedules(&walk, i, end = run_end(i));
                } else if (setting->scope == SETTING_OF_WORKER) {
                        visit_rows(&walk, i, end, (struct setting_visit){.base = config}, 0);
                } else if (name_begins(setting, "mail.")) {
                        visit_rows(&walk, i, end, (struct setting_visit){.base = &config->mail}, 0);
                } else if (!outlets_done) {
                        outlets_done = true;
                        for (size_t k = 0; k < config->outlet_count; k++)
                                visit_outlet(&walk, k);
                }
                i = end;
        }
}

const char *setting_visit_path(struct arena *arena, const struct setting_visit *visit)
{
        switch (visit->setting->scope) {
        case SETTING_OF_QUEUE:
                return arena_printf(arena, "queues[%zu].%s", visit->index, visit->name);
        case SETTING_OF_TOKEN:
                return arena_printf(arena, "serve.tokens[%zu].%s", visit->index, visit->name);
        case SETTING_OF_SCHEDULE:
                return arena_printf(arena, "schedules[%zu].%s", visit->index, visit->name);
        case SETTING_OF_HANDLER:
                return arena_printf(arena, "handlers.%s.%s", visit->owner, visit->name);
        case SETTING_OF_OUTLET:
                return visit->owner ? arena_printf(arena, "outlets.%s.%s", visit->owner, visit->name)
                                    : visit->name;
        case SETTING_OF_WORKER:
                return visit->name;
        }
        return visit->name;
}
