/* Any mail that passes mail_request_problem becomes a message that cannot be told to do anything else: from,
 * to, reply-to and subject each on a line, then the text. */

#include "fuzz.h"

#include "core/mail/mail_request.h"
#include "core/mail/mime.h"
#include "core/memory/arena.h"
#include "mime_lines.h"

static const char *take_line(struct arena *arena, struct slice *rest)
{
        struct slice line = fuzz_take(rest, '\n');
        return arena_copy(arena, line.data, line.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena;
        struct buffer out = {0};
        struct slice rest = {.data = (const char *)data, .len = size};
        arena_init(&arena);
        struct mail_request request = {
                .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                .message_id =
                        "<0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef@example.com>",
                .mail.from = take_line(&arena, &rest),
                .mail.to = take_line(&arena, &rest),
                .mail.reply_to = take_line(&arena, &rest),
                .mail.subject = take_line(&arena, &rest),
                .mail.text = arena_copy(&arena, rest.data, rest.len),
                .date_s = 1795245320,
        };
        if (request.mail.reply_to[0] == '\0')
                request.mail.reply_to = NULL;
        if (!mail_request_problem(&request)) {
                mime_add(&out, &request);
                check_lines(&out);
        }
        buffer_fini(&out);
        arena_fini(&arena);
        return 0;
}
