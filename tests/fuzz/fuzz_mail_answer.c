/* What a mail service answers, line by line. `retry-after: ` begins a header's value; all else is an SMTP
 * reply line, read in every phase. */

#include "fuzz.h"

#include "core/mail_outcome.h"
#include "core/plain_text.h"

static void check_result(const struct mail_result *result)
{
        size_t len = strnlen(result->error, MAIL_ERROR_MAX);
        CHECK(len < MAIL_ERROR_MAX);
        CHECK(plain_text_is((struct slice){.data = result->error, .len = len}, MAIL_ERROR_MAX));
        CHECK((result->outcome == MAIL_SENT) == (len == 0));
        CHECK(result->retry_after_ms >= -1 && result->retry_after_ms <= MAIL_RETRY_AFTER_MAX_MS);
}

static void check_http(struct slice retry_after)
{
        static const int statuses[] = {200, 400, 409, 429, 500, 503};
        int64_t ms = mail_retry_after_ms(retry_after, 1795245320);
        CHECK(ms >= -1 && ms <= MAIL_RETRY_AFTER_MAX_MS);
        for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
                struct mail_result result =
                        mail_outcome_http(statuses[i], MAIL_AMBIGUOUS, retry_after, 1795245320);
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
                struct mail_result result = mail_outcome_smtp((enum smtp_phase)phase, &reply);
                check_result(&result);
                CHECK(result.outcome != MAIL_SENT || (phase == SMTP_DOT && reply.code / 100 == 2));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char prefix[] = "retry-after: ";
        struct slice rest = {.data = (const char *)data, .len = size};
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
