#include "core/settings/config.h"

#include <string.h>

const struct config_handler *config_handler_find(const struct config *config, const char *type)
{
        for (size_t i = 0; i < config->handler_count; i++)
                if (strcmp(config->handlers[i].type, type) == 0)
                        return &config->handlers[i];
        return NULL;
}
