#include "core/types/type_set.h"
#include "core/memory/memory.h"

#include <stdlib.h>

struct type_set *type_set_new(void)
{
        struct type_set *set = memory_zeroed(1, sizeof(*set));
        arena_init(&set->arena);
        set->references = 1;
        return set;
}

struct type_set *type_set_take(struct type_set *set)
{
        set->references++;
        return set;
}

void type_set_give(struct type_set *set)
{
        if (!set || --set->references > 0)
                return;
        for (size_t i = 0; i < set->declared_count; i++)
                declared_type_release(set->declared[i]);
        for (size_t i = 0; i < set->planned_count; i++)
                planned_type_release(set->planned[i]);
        free(set->declared);
        free(set->planned);
        arena_fini(&set->arena);
        free(set);
}

void type_set_add(struct type_set *set, struct declared_type *type)
{
        if ((set->declared_count & (set->declared_count - 1)) == 0)
                set->declared =
                        memory_resized(set->declared, (set->declared_count ? 2 * set->declared_count : 1) *
                                                              sizeof(*set->declared));
        set->declared[set->declared_count++] = type;
}

void type_set_add_planned(struct type_set *set, struct planned_type *type)
{
        set->planned = memory_resized(set->planned, (set->planned_count + 1) * sizeof(struct planned_type *));
        set->planned[set->planned_count++] = type;
}

static int handler_order(const void *a, const void *b)
{
        const struct handler *const *left = a, *const *right = b;
        return strcmp((*left)->type, (*right)->type);
}

static void table_fill(struct type_set *set, const struct handler *const *compiled)
{
        size_t count = 0;
        while (compiled[count])
                count++;
        set->table = arena_alloc(&set->arena, (count + set->declared_count + set->planned_count + 1) *
                                                      sizeof(*set->table));
        for (size_t i = 0; i < count; i++) {
                struct handler *copy = arena_alloc(&set->arena, sizeof(*copy));
                *copy = *compiled[i];
                copy->templates = &set->templates;
                set->table[set->count++] = copy;
        }
        for (size_t i = 0; i < set->declared_count; i++) {
                struct handler *handler = declared_type_handler(set->declared[i]);
                handler->templates = &set->templates;
                set->table[set->count++] = handler;
        }
        for (size_t i = 0; i < set->planned_count; i++)
                set->table[set->count++] = &set->planned[i]->handler;
        qsort(set->table, set->count, sizeof(*set->table), handler_order);
        set->labels = arena_alloc(&set->arena, set->count * sizeof(*set->labels));
}

bool type_set_close(struct type_set *set, const struct handler *const *compiled, struct file_faults *faults)
{
        size_t before = faults->count;
        template_set_sort(&set->templates, faults);
        table_fill(set, compiled);
        for (size_t i = 1; i < set->count; i++) {
                const struct handler *one = set->table[i - 1], *other = set->table[i];
                if (strcmp(one->type, other->type) != 0)
                        continue;
                const struct handler *ours = one->kind ? one : other;
                bool planned = handler_is_planned(one) || handler_is_planned(other);
                struct place_in_file configured = {
                        .file = arena_printf(&set->arena, "handlers.%s.plan", ours->type)};
                struct place_in_file place = planned ? configured : declared_type_place(ours);
                file_faults_add(faults, place, "%s is also %s", ours->type,
                                one->kind && other->kind ? "in another file" : "a type in C");
        }
        if (faults->count == before)
                for (size_t i = 0; i < set->declared_count; i++)
                        declared_type_check(set->declared[i], faults);
        return faults->count == before;
}

size_t type_set_index(const struct type_set *set, struct slice type)
{
        size_t low = 0, high = set->count;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const char *name = set->table[middle]->type;
                size_t len = strlen(name), common = len < type.len ? len : type.len;
                int order = common ? memcmp(type.data, name, common) : 0;
                if (order == 0 && type.len == len)
                        return middle;
                if (order < 0 || (order == 0 && type.len < len))
                        high = middle;
                else
                        low = middle + 1;
        }
        return set->count;
}

const struct handler *type_set_find(const struct type_set *set, struct slice type)
{
        return set->table[type_set_index(set, type)]; /* behind the last one there is NULL */
}
