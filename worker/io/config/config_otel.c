#include "io/config/config_loader.h"

#include <strings.h>

/* The environment variables of OpenTelemetry
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/), each in place of a
 * setting that is not set. What cannot be read is told and left out, as the specification has it: it may be
 * meant for another program. */

static const char *otel_variable(struct loader *loader, const char *name)
{
        const char *value = loader_variable(loader, name);
        return value && value[0] ? value : NULL;
}

/* The first of both that is set. */
static const char *otel_first(struct loader *loader, const char *first, const char *second,
                              const char **value)
{
        *value = otel_variable(loader, first);
        if (*value || !second)
                return first;
        *value = otel_variable(loader, second);
        return second;
}

static void otel_apply(struct loader *loader, const char *path, const char *variable, const char *value)
{
        const struct setting *setting = setting_find(path);
        char error[SETTING_ERROR_MAX];
        if (!value || !loader_wants(loader, path) || loader_origin_find(loader, path))
                return;
        if (setting_assign(setting, loader->config, (struct setting_texts){&value, 1}, loader->arena, error))
                loader_origin(loader, path, variable, false);
        else
                loader_warn(loader, variable, NULL, arena_printf(&loader->scratch, "is not used: %s", error));
}

/* In milliseconds, without a unit. */
static void otel_timeout(struct loader *loader)
{
        const char *value, *variable = otel_first(loader, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
                                                  "OTEL_EXPORTER_OTLP_TIMEOUT", &value);
        if (value)
                otel_apply(loader, "otlp.timeout", variable, arena_printf(&loader->scratch, "%sms", value));
}

static bool otel_is_off(struct loader *loader)
{
        const char *disabled = otel_variable(loader, "OTEL_SDK_DISABLED");
        const char *exporter = otel_variable(loader, "OTEL_TRACES_EXPORTER");
        return (disabled && strcasecmp(disabled, "true") == 0) ||
               (exporter && strcasecmp(exporter, "none") == 0);
}

static void otel_target(struct loader *loader)
{
        const char *whole, *base, *protocol;
        otel_first(loader, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", NULL, &whole);
        otel_first(loader, "OTEL_EXPORTER_OTLP_ENDPOINT", NULL, &base);
        const char *variable = otel_first(loader, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                                          "OTEL_EXPORTER_OTLP_PROTOCOL", &protocol);
        if (!whole && !base)
                return;
        if (protocol && strcasecmp(protocol, "grpc") == 0) {
                loader_warn(loader, variable, NULL,
                            "is grpc, and leveret speaks OTLP over HTTP: no spans; set otlp.url, whose port "
                            "is 4318 as a rule");
                return;
        }
        if (whole)
                otel_apply(loader, "otlp.traces_url", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole);
        else
                otel_apply(loader, "otlp.url", "OTEL_EXPORTER_OTLP_ENDPOINT", base);
}

void loader_otel(struct loader *loader)
{
        struct config *config = loader->config;
        const char *value, *variable;
        if (otel_is_off(loader)) {
                config->otlp.url = config->otlp.traces_url = NULL;
                return;
        }
        if (!config->otlp.url && !config->otlp.traces_url)
                otel_target(loader);
        if (!config->otlp.url && !config->otlp.traces_url)
                return;
        variable =
                otel_first(loader, "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS", &value);
        otel_apply(loader, "otlp.headers", variable, value);
        variable = otel_first(loader, "OTEL_RESOURCE_ATTRIBUTES", NULL, &value);
        otel_apply(loader, "otlp.resource", variable, value);
        variable = otel_first(loader, "OTEL_SERVICE_NAME", NULL, &value);
        otel_apply(loader, "otlp.service_name", variable, value);
        otel_timeout(loader);
}
