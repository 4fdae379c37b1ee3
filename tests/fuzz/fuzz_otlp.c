#include "core/trace/otlp_answer.h"

#include "fuzz.h"

#include <string.h>

/* What a collector answers: whatever it is, the verdict is one line, and no more is rejected than was sent is
 * for the caller to see to. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const int statuses[] = {200, 204, 400, 429, 500, 503};
        if (size == 0)
                return 0;
        struct otlp_answer answer = {.status = statuses[data[0] % 6],
                                     .body = {.data = (const char *)data + 1, .len = size - 1},
                                     .retry_after = {.data = (const char *)data + 1, .len = size - 1},
                                     .now_s = 1700000000};
        struct otlp_verdict verdict = otlp_judge(&answer);
        CHECK(memchr(verdict.text, '\0', sizeof(verdict.text)) && !strpbrk(verdict.text, "\r\n\x1b"));
        CHECK(verdict.pause_ms >= -1 && otlp_again_ms(1, verdict.pause_ms, data[0]) <= OTLP_PAUSE_MAX_MS);
        return 0;
}
