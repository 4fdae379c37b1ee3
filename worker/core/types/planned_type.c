#include "core/types/planned_type.h"

static const struct payload_schema *planned_schema_of(const struct handler *handler)
{
        return ((const struct planned_type *)handler)->schema;
}

static bool planned_check(const struct handler *handler, const json_t *payload, struct faults *faults)
{
        return !planned_schema_of(handler) || payload_check(planned_schema_of(handler), payload, faults);
}

static void planned_describe(const struct handler *handler, struct buffer *out)
{
        if (planned_schema_of(handler))
                payload_describe(out, planned_schema_of(handler));
        else
                buffer_add_text(out, "any payload: its planner looks at it\n");
}

static json_t *planned_schema(const struct handler *handler)
{
        return planned_schema_of(handler) ? payload_schema_json(planned_schema_of(handler)) : json_object();
}

static const struct payload_kind planned_payload_kind = {
        .check = planned_check, .describe = planned_describe, .schema = planned_schema};

static struct config_plan plan_copy(struct arena *arena, const struct config_plan *plan)
{
        struct config_plan copy = *plan;
        for (size_t i = 0; i < CONFIG_PLAN_TEXTS; i++) {
                const char **text = config_plan_text(&copy, i);
                *text = arena_strdup(arena, *text);
        }
        return copy;
}

struct planned_type *planned_type_new(struct arena *arena, const struct config_handler *settings,
                                      const struct payload_schema *schema)
{
        struct planned_type *made = arena_alloc(arena, sizeof(*made));
        made->handler.type = arena_strdup(arena, settings->type);
        made->handler.summary = settings->plan.url ? "Planned by a service." : "Planned by a program.";
        made->handler.example = "{}";
        made->handler.kind = &planned_payload_kind;
        made->schema = schema;
        made->settings = (struct config_handler){.type = made->handler.type,
                                                 .plan = plan_copy(arena, &settings->plan)};
        return made;
}

void planned_type_release(struct planned_type *type)
{
        payload_schema_release(type->schema);
        type->schema = NULL;
}

bool handler_is_planned(const struct handler *handler)
{
        return handler->kind == &planned_payload_kind;
}

const struct config_handler *handler_planner(const struct handler *handler)
{
        return &((const struct planned_type *)handler)->settings;
}
