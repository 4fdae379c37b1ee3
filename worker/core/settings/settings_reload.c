#include "core/settings/settings.h"

static size_t value_size(enum setting_kind kind)
{
        switch (kind) {
        case SETTING_DURATION:
        case SETTING_SIZE:
        case SETTING_INTEGER:
                return sizeof(int64_t);
        case SETTING_RATE:
                return sizeof(double);
        case SETTING_BOOLEAN:
                return sizeof(bool);
        case SETTING_WORD:
                return sizeof(int);
        case SETTING_TEXT:
        case SETTING_URL:
        case SETTING_PATH:
        case SETTING_MAILBOX:
        case SETTING_ADDRESS:
        case SETTING_LISTEN:
                return sizeof(const char *);
        case SETTING_DURATIONS:
        case SETTING_TEXTS:
                return 0; /* lists shape the topology: never reloadable */
        }
        return 0;
}

static void scope_reload(enum setting_scope scope, void *into, const void *from)
{
        for (size_t i = 0; i < setting_count; i++) {
                const struct setting *setting = &settings[i];
                if (setting->scope == scope && setting->reloadable)
                        memcpy((char *)into + setting->offset, (const char *)from + setting->offset,
                               value_size(setting->kind));
        }
}

static const struct config_queue *queue_find(const struct config *config, const char *name)
{
        for (size_t i = 0; i < config->queue_count; i++)
                if (strcmp(config->queues[i].name, name) == 0)
                        return &config->queues[i];
        return NULL;
}

void settings_reload(struct config *into, const struct config *from)
{
        scope_reload(SETTING_OF_WORKER, into, from);
        const struct config_outlet *outlet;
        for (size_t i = 0; (outlet = config_outlet_at(into, i)); i++) {
                const struct config_outlet *other = config_outlet_find(from, outlet->name);
                if (other)
                        scope_reload(SETTING_OF_OUTLET, i == 0 ? &into->mail : &into->outlets[i - 1], other);
        }
        for (size_t i = 0; i < into->queue_count; i++) {
                const struct config_queue *queue = queue_find(from, into->queues[i].name);
                if (queue)
                        scope_reload(SETTING_OF_QUEUE, &into->queues[i], queue);
        }
        into->types = from->types;
        memcpy(into->handlers, from->handlers, sizeof(into->handlers));
        into->handler_count = from->handler_count;
}
