#include "core/settings/config.h"

#include <string.h>

const struct config_handler *config_handler_find(const struct config *config, const char *type)
{
        for (size_t i = 0; i < config->handler_count; i++)
                if (strcmp(config->handlers[i].type, type) == 0)
                        return &config->handlers[i];
        return NULL;
}

const char **config_plan_text(struct config_plan *plan, size_t i)
{
        const char **texts[] = {&plan->url, &plan->tls.ca_file, &plan->tls.cert_file, &plan->tls.key_file};
        size_t count = sizeof(texts) / sizeof(*texts);
        return i < count ? texts[i] : &plan->exec[i - count];
}

const struct config_outlet *config_outlet_at(const struct config *config, size_t index)
{
        if (index == 0)
                return &config->mail;
        return index <= config->outlet_count ? &config->outlets[index - 1] : NULL;
}

const struct config_outlet *config_outlet_find(const struct config *config, const char *name)
{
        const struct config_outlet *outlet;
        for (size_t i = 0; (outlet = config_outlet_at(config, i)); i++)
                if (strcmp(outlet->name, name) == 0)
                        return outlet;
        return NULL;
}

bool config_queue_is_mapped(const struct config_queue *queue)
{
        const struct config_message *message = &queue->message;
        return message->preset != FOREIGN_NONE || message->id.count || message->type.count ||
               message->types.count || message->data;
}

int64_t config_longest_tier_ms(const struct config *config)
{
        int64_t longest_ms = 0;
        for (size_t i = 0; i < config->queue_count; i++)
                for (size_t j = 0; j < config->queues[i].tier_count; j++)
                        if (config->queues[i].tiers_ms[j] > longest_ms)
                                longest_ms = config->queues[i].tiers_ms[j];
        return longest_ms;
}

int64_t config_record_keep_ms(const struct config *config)
{
        return config->claim.keep_ms + config_longest_tier_ms(config);
}
