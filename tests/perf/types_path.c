/* What a message costs whose type is in C, and one whose type is a file, for tests/perf/types to count: from
 * the body to the bytes of the mail. usage: types_path DIRECTORY TYPE */
#include "core/mail/mail_request.h"
#include "core/message/envelope.h"
#include "core/plan/plan.h"
#include "core/send/mail_preset.h"
#include "core/types/type_set.h"
#include "handler.h"
#include "io/types/type_loader.h"

#include <stdio.h>
#include <stdlib.h>

enum { TYPES_PATH_MESSAGES = 1000 };

static const char types_path_body[] =
        "{\"order_id\":4711,\"customer_email\":\"customer4711@example.com\",\"title\":\"Tea and biscuits\"}";

static void types_path_expect(bool holds, const char *what)
{
        if (holds)
                return;
        fprintf(stderr, "types_path: %s\n", what);
        exit(1);
}

static void types_path_handle(const struct handler *handler, struct buffer *out, int number)
{
        struct arena arena;
        struct envelope envelope;
        struct plan *plan;
        char id[64];
        struct faults faults = {.arena = &arena};
        arena_init(&arena);
        snprintf(id, sizeof(id), "order-%d-created", number);
        struct message message = {.properties = {.content_type = SLICE_LITERAL("application/json"),
                                                 .message_id = slice_of(id),
                                                 .type = slice_of(handler->type)},
                                  .body = slice_of(types_path_body),
                                  .body_size = sizeof(types_path_body) - 1};
        envelope_read(&arena, &message, NULL, 262144, &envelope);
        types_path_expect(plan_build_text(handler, envelope.payload, &plan, &faults) == PLAN_OK,
                          "the plan is refused");
        const struct mail_origin origin = {.prefix = "leveret",
                                           .job_id = envelope.id,
                                           .from = "Shop <shop@example.com>",
                                           .date_s = 1700000000};
        struct mail_request request = mail_request_make(&arena, &plan->effects[0].mail, &origin);
        types_path_expect(!mail_request_problem(&request), "the mail is refused");
        buffer_clear(out);
        mail_preset_rules(MAIL_PRESET_RESEND)
                ->body(out, &request, &(struct config_outlet){.http.preset = MAIL_PRESET_RESEND});
        arena_fini(&arena);
}

/* Not inlined and visible: callgrind counts from its entry to its end. */
void types_path_run(const struct handler *handler, struct buffer *out);
__attribute__((noinline)) void types_path_run(const struct handler *handler, struct buffer *out)
{
        for (int i = 0; i < TYPES_PATH_MESSAGES; i++)
                types_path_handle(handler, out, i);
}

int main(int argc, char **argv)
{
        types_path_expect(argc == 3, "usage: types_path DIRECTORY TYPE");
        struct file_faults faults = {0};
        struct type_set *types =
                type_set_load(&(struct type_sources){.directories = (const char *const[]){argv[1]},
                                                     .directory_count = 1,
                                                     .compiled = handlers},
                              &faults);
        types_path_expect(types != NULL, "the types are not taken");
        const struct handler *handler = type_set_find(types, slice_of(argv[2]));
        types_path_expect(handler != NULL, "there is no such type");
        struct buffer out = {0};
        types_path_handle(handler, &out, 1); /* what happens only once */
        types_path_run(handler, &out);
        buffer_fini(&out);
        type_set_give(types);
        return 0;
}
