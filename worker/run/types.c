#include "run/state.h"

/* The numbers of each type, by its name: they go on over a reload. */
static void types_label(struct engine *engine)
{
        for (size_t i = 0; i < engine->types->count; i++)
                engine->types->labels[i] = metrics_type(engine->metrics, engine->types->table[i]->type);
}

void types_open(struct engine *engine)
{
        engine->types = type_set_take(engine->options.types);
        types_label(engine);
}

void types_replace(struct engine *engine, struct type_set *types)
{
        struct type_set *before = engine->types;
        engine->types = type_set_take(types);
        type_set_give(before);
        types_label(engine);
}
