/* Any mail with copies, headers and files that passes mail_request_problem becomes a message that cannot be
 * told to do anything else, is as long as it was said to be, and is the same when it is read again. */

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

/* An empty line is nothing. */
static const char *take_optional(struct arena *arena, struct slice *rest)
{
        const char *line = take_line(arena, rest);
        return line[0] ? line : NULL;
}

/* A piece at a time, as a slow server takes it. */
static void read_slowly(const struct mail_request *request, struct buffer *out)
{
        struct mime mime = {0};
        struct slice bytes;
        mime_begin(&mime, request);
        while (mime_pending(&mime, &bytes) && bytes.len) {
                size_t len = bytes.len < 7 ? bytes.len : 7;
                buffer_add(out, bytes.data, len);
                mime_take(&mime, len);
        }
        CHECK((int64_t)out->len == mime.len);
        mime_fini(&mime);
}

static void check_message(const struct mail_request *request)
{
        struct buffer out = {0}, again = {0};
        CHECK(mime_add(&out, request));
        check_lines(&out);
        read_slowly(request, &again);
        CHECK(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
        buffer_fini(&out);
        buffer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct arena arena;
        struct slice rest = {.data = (const char *)data, .len = size};
        arena_init(&arena);
        struct mail_request request = {
                .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                .message_id =
                        "<0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef@example.com>",
                .mail = {.from = take_line(&arena, &rest),
                         .to = take_line(&arena, &rest),
                         .cc = take_optional(&arena, &rest),
                         .bcc = take_optional(&arena, &rest),
                         .subject = take_line(&arena, &rest)},
                .date_s = 1795245320,
        };
        struct pair headers[2] = {{.name = take_optional(&arena, &rest)}}, metadata[2] = {0};
        headers[0].value = take_line(&arena, &rest);
        metadata[0].name = take_optional(&arena, &rest);
        metadata[0].value = take_line(&arena, &rest);
        const char *ids[2] = {take_optional(&arena, &rest)}, *tags[2] = {take_optional(&arena, &rest)};
        request.mail.list_unsubscribe.url = take_optional(&arena, &rest);
        request.mail.list_unsubscribe.mailto = take_optional(&arena, &rest);
        struct attachment files[3] = {{.name = take_optional(&arena, &rest)}};
        files[0].type = take_optional(&arena, &rest);
        files[0].inline_id = take_optional(&arena, &rest);
        if (files[0].name)
                files[1] =
                        (struct attachment){.name = "second", .content = rest.data, .content_len = rest.len};
        request.mail.text = take_optional(&arena, &rest);
        files[0].content = rest.data;
        files[0].content_len = rest.len;
        request.mail.html = arena_copy(&arena, rest.data, rest.len);
        request.mail.headers = headers;
        request.mail.metadata = metadata;
        request.mail.in_reply_to = ids[0];
        request.mail.references = ids;
        request.mail.tags = tags;
        request.mail.attachments = files;
        if (!mail_request_problem(&request))
                check_message(&request);
        arena_fini(&arena);
        return 0;
}
