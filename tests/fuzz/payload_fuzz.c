#include "core/plan.h"
#include "core/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
        if (!condition)
                abort();
}

/* Any bytes at any handler: a plan whose text is UTF-8, or one line that says why not. What the fields of the
 * handlers accept never breaks a rule of a plan, which would be a rejection that names no place. */
static void check(const struct handler *handler, struct slice payload)
{
        struct arena arena;
        struct buffer text = {0};
        struct plan *plan;
        char error[PLAN_ERROR_MAX];
        arena_init(&arena);
        switch (plan_build_text(&arena, handler, payload, &plan, error)) {
        case PLAN_OK:
                plan_render(&text, plan);
                require(utf8_valid(text.data, text.len) && error[0] == '\0');
                break;
        case PLAN_BAD_PAYLOAD:
                require(error[0] != '\0' && utf8_one_line(error, strlen(error)));
                break;
        case PLAN_REJECTED:
                abort();
        }
        buffer_fini(&text);
        arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (const struct handler *const *handler = handlers; *handler; handler++)
                check(*handler, (struct slice){.data = (const char *)data, .len = size});
        return 0;
}
