#include "core/record/try_record.h"
#include "io/machine/clock.h"
#include "run/send.h"

/* What the claim found in the record of earlier tries, and of the plan. */

void tries_keep(struct delivery *delivery, const struct store_result *result)
{
        int64_t now_ms = clock_boot_ms();
        delivery->tries = NULL;
        delivery->try_count = result->try_count;
        if (result->try_count > 0)
                delivery->tries = arena_alloc(delivery->arena, result->try_count * sizeof(*delivery->tries));
        for (size_t i = 0; i < result->try_count; i++)
                delivery->tries[i] = arena_slice(delivery->arena, result->tries[i]);
        delivery->letter = result->letter_queue.len > 0;
        delivery->doubt_ms = result->doubt_ms;
        delivery->doubt_since_ms = now_ms - result->doubt_age_ms;
        delivery->doubt_from_ms = now_ms - result->doubt_from_age_ms;
}

/* The value of the field `<kind>.<key>`; absent if there is none. */
struct slice tries_field(const struct delivery *delivery, const char *kind, const char *key)
{
        const char *name = arena_printf(delivery->arena, "%s.%s", kind, key);
        for (size_t i = 0; i + 1 < delivery->try_count; i += 2)
                if (slice_is(delivery->tries[i], name))
                        return delivery->tries[i + 1];
        return (struct slice){0};
}

const char *tries_outlet(const struct delivery *delivery, size_t effect)
{
        struct slice name = tries_field(delivery, "outlet", delivery->plan->effects[effect].key);
        return name.len > 0 ? arena_copy(delivery->arena, name.data, name.len) : "";
}

/* The value of a field of the record that is about the plan. */
static struct slice plan_field(const struct delivery *delivery, const char *name)
{
        for (size_t i = 0; i + 1 < delivery->try_count; i += 2)
                if (slice_is(delivery->tries[i], name))
                        return delivery->tries[i + 1];
        return (struct slice){0};
}

struct slice tries_plan(const struct delivery *delivery)
{
        return plan_field(delivery, "plan");
}

uint32_t tries_plan_deaths(const struct delivery *delivery, const struct store_result *claim)
{
        return plan_deaths_parse(plan_field(delivery, "plan_deaths"), claim->generation.redrives);
}

bool tries_any(const struct delivery *delivery)
{
        for (size_t i = 0; i + 1 < delivery->try_count; i += 2)
                if (!slice_is(delivery->tries[i], "plan") && !slice_is(delivery->tries[i], "plan_deaths"))
                        return true;
        return false;
}
