/* What a mail service answers, line by line. `retry-after: ` begins a header's value; all else is an SMTP
 * reply line, read in every phase. The whole is also what a server says in a dialogue about one mail, in
 * pieces. */

#include "fuzz.h"

#include "core/send/send_outcome.h"
#include "core/send/smtp_dialogue.h"
#include "core/text/plain_text.h"

enum { PAUSE_MAX_MS = 300000 };

static void check_result(const struct send_result *result)
{
        size_t len = strnlen(result->error, SEND_ERROR_MAX);
        CHECK(len < SEND_ERROR_MAX);
        CHECK(plain_text_is((struct slice){.data = result->error, .len = len}, SEND_ERROR_MAX));
        CHECK((result->outcome == SEND_DONE) == (len == 0));
        CHECK(result->retry_after_ms >= -1 && result->retry_after_ms <= PAUSE_MAX_MS);
}

static void check_http(struct slice retry_after)
{
        static const int statuses[] = {200, 400, 409, 429, 500, 503};
        int64_t ms = send_retry_after_ms(retry_after, 1795245320);
        CHECK(ms >= -1);
        for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
                struct http_answer answer = {.status = statuses[i],
                                             .judged = statuses[i] == 409,
                                             .verdict = SEND_AMBIGUOUS,
                                             .foreign = http_answer_is_foreign(retry_after, retry_after),
                                             .nameless = retry_after.len % 2,
                                             .retry_after = retry_after,
                                             .retry_after_max_ms = PAUSE_MAX_MS,
                                             .now_s = 1795245320};
                struct send_result result = send_outcome_http(&answer);
                check_result(&result);
        }
}

static void check_smtp(struct slice line)
{
        struct smtp_reply reply;
        bool last;
        if (!smtp_reply_parse(line, &reply, &last))
                return;
        CHECK(reply.code >= 0 && reply.code <= 999);
        for (int phase = SMTP_CONNECT; phase <= SMTP_DOT; phase++) {
                struct send_result result = send_outcome_smtp((enum smtp_phase)phase, &reply);
                check_result(&result);
                CHECK(result.outcome != SEND_DONE || (phase == SMTP_DOT && reply.code / 100 == 2));
        }
}

static const struct mail_request mail = {
        .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        .message_id = "<k@example.com>",
        .mail.from = "shop@example.com",
        .mail.to = "ann@example.org",
        .mail.subject = "Hello",
        .mail.text = "Hello.",
};

/* Writes some of what is pending; the last byte of the message stays if `keep`. */
static void dialogue_write(struct smtp_dialogue *dialogue, bool keep)
{
        size_t len = smtp_dialogue_pending(dialogue).len;
        bool message = dialogue->writing_message;
        smtp_dialogue_wrote(dialogue, message && keep && len > 0 ? len - 1 : len);
        CHECK(dialogue->phase != SMTP_DOT || smtp_dialogue_pending(dialogue).len == 0);
}

static void dialogue_end(const struct smtp_dialogue *dialogue, bool keep)
{
        struct send_result result = smtp_dialogue_result(dialogue);
        check_result(&result);
        CHECK(result.outcome != SEND_DONE || (dialogue->phase == SMTP_DOT && !keep));
        CHECK(result.outcome != SEND_AMBIGUOUS || dialogue->phase == SMTP_DOT);
}

static void check_dialogue(struct slice bytes, bool pipelining, bool keep, size_t piece)
{
        struct smtp_dialogue dialogue = {0};
        enum smtp_step step = SMTP_STEP_WAIT;
        smtp_dialogue_begin(&dialogue, (struct smtp_extensions){.pipelining = pipelining}, &mail);
        while (bytes.len > 0 && step != SMTP_STEP_ENDED && step != SMTP_STEP_FLOODED) {
                struct slice some = {.data = bytes.data, .len = piece < bytes.len ? piece : bytes.len};
                size_t len = some.len;
                dialogue_write(&dialogue, keep);
                step = smtp_dialogue_read(&dialogue, &some);
                CHECK(step != SMTP_STEP_WAIT || some.len == 0);
                if (step == SMTP_STEP_MESSAGE)
                        smtp_dialogue_message(&dialogue);
                bytes.data += len - some.len;
                bytes.len -= len - some.len;
        }
        if (step == SMTP_STEP_ENDED)
                dialogue_end(&dialogue, keep);
        struct send_result cut = smtp_dialogue_cut(&dialogue, "gone");
        check_result(&cut);
        CHECK((cut.outcome == SEND_AMBIGUOUS) == (dialogue.phase == SMTP_DOT));
        smtp_dialogue_fini(&dialogue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char prefix[] = "retry-after: ";
        struct slice rest = {.data = (const char *)data, .len = size};
        for (int way = 0; way < 8; way++)
                check_dialogue(rest, way & 1, way & 2, way & 4 ? 1 : 4096);
        while (rest.len) {
                struct slice line = fuzz_take(&rest, '\n');
                size_t skip = sizeof(prefix) - 1;
                if (line.len >= skip && memcmp(line.data, prefix, skip) == 0)
                        check_http((struct slice){.data = line.data + skip, .len = line.len - skip});
                else
                        check_smtp(line);
        }
        return 0;
}
