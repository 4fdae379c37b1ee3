/*
 * Any bytes at any handler: a plan whose text is UTF-8, the same each time, or one line that says why not.
 * What the fields of the handlers accept breaks no rule of a plan but those between fields, and these name
 * the place.
 */

#include "fuzz.h"

#include "core/plan/plan.h"
#include "core/text/utf8.h"

static void plan_text(const struct handler *handler, struct slice payload, struct buffer *text)
{
        struct arena arena;
        struct plan *plan;
        char error[PLAN_ERROR_MAX];
        struct faults faults = {.arena = &arena};
        arena_init(&arena);
        enum plan_outcome outcome = plan_build_text(handler, payload, &plan, &faults);
        faults_join(&faults, error, sizeof(error));
        switch (outcome) {
        case PLAN_OK:
                CHECK(error[0] == '\0');
                plan_render(text, plan);
                break;
        case PLAN_BAD_PAYLOAD:
                CHECK(error[0] != '\0' && utf8_one_line(error, strlen(error)));
                buffer_add_text(text, error);
                break;
        case PLAN_REJECTED:
                CHECK(strstr(error, ": /") && utf8_one_line(error, strlen(error)));
                buffer_add_text(text, error);
                break;
        case PLAN_BAD_PLAN: /* of planners alone */
        case PLAN_PLANNERS:
                CHECK(false);
                break;
        }
        CHECK(utf8_valid(text->data, text->len));
        arena_fini(&arena);
}

static void check(const struct handler *handler, struct slice payload)
{
        struct buffer first = {0}, again = {0};
        plan_text(handler, payload, &first);
        plan_text(handler, payload, &again);
        CHECK(first.len == again.len && memcmp(first.data, again.data, first.len) == 0);
        for (size_t i = 0; i < first.len; i++)
                CHECK((unsigned char)first.data[i] >= 0x20 || first.data[i] == '\n');
        buffer_fini(&first);
        buffer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (const struct handler *const *handler = handlers; *handler; handler++)
                if (strncmp((*handler)->type, "test.", 5) != 0) /* those crash and hang on purpose */
                        check(*handler, (struct slice){.data = (const char *)data, .len = size});
        return 0;
}
