#include "core/send/send_outcome.h"
#include "core/mail/mail_date.h"
#include "core/send/send_error.h"
#include "core/text/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

/* Beyond it a number of seconds is only "too many". */
#define ASKED_MAX_S (INT64_C(1) << 43)
/* A reset beyond it is no number of seconds to wait, but a time since 1970. */
#define RESET_DELTA_MAX_S 100000000

static const struct slice no_text = {0};

const char *look_answer_word(enum look_answer answer)
{
        static const char *const words[] = {
                [LOOK_FOUND] = "found", [LOOK_NOT_FOUND] = "not_found", [LOOK_UNKNOWN] = "unknown"};
        return words[answer];
}

const char *send_outcome_word(enum send_outcome outcome)
{
        switch (outcome) {
        case SEND_DONE:
                return "sent";
        case SEND_TRANSIENT:
                return "transient";
        case SEND_PERMANENT:
                return "permanent";
        case SEND_CONFIG:
                return "config";
        case SEND_AMBIGUOUS:
                return "ambiguous";
        }
        abort();
}

/* What may stand around the value of a header (RFC 9110 section 5.6.3). */
static const char BLANKS[] = " \t";

/* Digits only, however many. -1 if it is no number. */
static int64_t delta_ms(struct slice value)
{
        int64_t s = 0;
        for (size_t i = 0; i < value.len; i++) {
                if (value.data[i] < '0' || value.data[i] > '9')
                        return -1;
                s = s * 10 + (value.data[i] - '0');
                if (s > ASKED_MAX_S)
                        s = ASKED_MAX_S;
        }
        return value.len ? s * 1000 : -1;
}

int64_t send_retry_after_ms(struct slice value, int64_t now_s)
{
        value = slice_trimmed(value, BLANKS);
        int64_t ms = delta_ms(value), until_s = 0;
        if (ms >= 0 || !mail_date_parse_http(value, now_s, &until_s))
                return ms;
        return until_s <= now_s ? 0 : (until_s - now_s) * 1000;
}

static bool begins_in_any_case(struct slice text, const char *word)
{
        return text.len >= strlen(word) && strncasecmp(text.data, word, strlen(word)) == 0;
}

static bool holds_word(struct slice text, const char *word)
{
        for (size_t at = 0; at < text.len; at++)
                if (begins_in_any_case((struct slice){.data = text.data + at, .len = text.len - at}, word))
                        return true;
        return false;
}

bool http_answer_is_foreign(struct slice content_type, struct slice body)
{
        size_t at = 0;
        while (at < body.len && strchr(" \t\r\n", body.data[at]))
                at++;
        char first = at < body.len ? body.data[at] : '\0';
        if (first == '<' || begins_in_any_case(content_type, "text/html") ||
            begins_in_any_case(content_type, "application/xhtml"))
                return true;
        bool like_json = !first || first == '{' || first == '[';
        return !like_json && content_type.len && !holds_word(content_type, "json");
}

/* 404 and 405: the URL or the preset is wrong; 3xx: a redirect is never followed; 407 and 511 (RFC 6585
 * section 6): something in between wants a log-in. */
static bool refuses_settings(int status)
{
        return (status >= 300 && status < 400) || (status >= 401 && status <= 405) || status == 407 ||
               status == 511;
}

/* What even a web server in front of the service says of the request alone: too large, too slow, too often.
 */
static bool of_request(int status)
{
        return status == 408 || status == 411 || status == 413 || status == 414 || status == 425 ||
               status == 429 || status == 431;
}

static enum send_outcome success_outcome(const struct http_answer *answer)
{
        if (!answer->nameless)
                return SEND_DONE;
        return answer->foreign ? SEND_CONFIG : SEND_AMBIGUOUS;
}

static enum send_outcome http_outcome(const struct http_answer *answer)
{
        int status = answer->status;
        if (answer->judged)
                return answer->verdict;
        if (status >= 200 && status < 300)
                return success_outcome(answer);
        if (refuses_settings(status))
                return SEND_CONFIG;
        if (status == 408 || status == 425 || status == 429 || status == 503)
                return SEND_TRANSIENT;
        if (status >= 500 || status < 200)
                return SEND_AMBIGUOUS;
        if (answer->foreign && !of_request(status))
                return SEND_CONFIG;
        return status == 409 ? SEND_AMBIGUOUS : SEND_PERMANENT;
}

/* Takes what the service asks for, within the limit; what is beyond it is told. */
static void pause_set(struct send_result *result, const struct http_answer *answer, struct buffer *text)
{
        int64_t asked_ms = send_retry_after_ms(answer->retry_after, answer->now_s);
        result->retry_after_ms = asked_ms;
        if (asked_ms <= answer->retry_after_max_ms)
                return;
        result->retry_after_ms = answer->retry_after_max_ms;
        buffer_printf(text,
                      " (asks for a pause of %" PRId64 " s, is given %" PRId64 " s: mail.retry_after_max)",
                      asked_ms / 1000, answer->retry_after_max_ms / 1000);
}

/* How much more the service takes, and until when. */
static void limit_set(struct send_result *result, const struct http_answer *answer)
{
        int64_t left_ms = delta_ms(slice_trimmed(answer->limit_left, BLANKS)),
                reset_ms = delta_ms(slice_trimmed(answer->limit_reset, BLANKS));
        if (left_ms < 0 || reset_ms < 0)
                return;
        if (reset_ms / 1000 > RESET_DELTA_MAX_S)
                reset_ms = reset_ms / 1000 > answer->now_s ? reset_ms - answer->now_s * 1000 : 0;
        result->limit_left = left_ms / 1000;
        result->limit_reset_ms =
                reset_ms < answer->retry_after_max_ms ? reset_ms : answer->retry_after_max_ms;
}

struct send_result send_outcome_http(const struct http_answer *answer)
{
        struct send_result result = send_result_of(http_outcome(answer));
        struct buffer context = {0};
        int status = answer->status;
        result.status = status;
        limit_set(&result, answer);
        if (result.outcome == SEND_DONE)
                return result;
        buffer_printf(&context, "HTTP %d", status);
        pause_set(&result, answer, &context);
        if (status < 300 && !answer->judged)
                buffer_add_text(&context, answer->foreign ? ", but not by the service: is the URL right?"
                                                          : " without the id of the mail");
        result.throttled = result.outcome == SEND_TRANSIENT &&
                           (status == 429 || answer->throttles || result.retry_after_ms >= 0);
        result.counts = status >= 500 || result.outcome == SEND_AMBIGUOUS;
        result.opens = result.doubtful = result.outcome == SEND_CONFIG;
        send_error_set(&result, context.data, no_text, NULL);
        if (result.outcome == SEND_PERMANENT)
                result.likeness = send_likeness(&result);
        buffer_fini(&context);
        return result;
}

struct send_result send_outcome_cut(bool sent, const char *cause)
{
        struct send_result result = send_result_of(sent ? SEND_AMBIGUOUS : SEND_TRANSIENT);
        result.counts = true;
        send_error_set(&result, sent ? "no answer after it was sent" : "not sent", slice_of(cause), NULL);
        return result;
}

struct send_result send_outcome_settings(const char *cause)
{
        struct send_result result = send_result_of(SEND_CONFIG);
        result.opens = true;
        send_error_set(&result, "not sent", slice_of(cause), NULL);
        return result;
}

struct send_result send_outcome_invalid(const char *problem)
{
        struct send_result result = send_result_of(SEND_PERMANENT);
        send_error_set(&result, "invalid mail", slice_of(problem), NULL);
        return result;
}

struct send_result send_outcome_fenced(void)
{
        struct send_result result = send_result_of(SEND_TRANSIENT);
        result.status = -1;
        send_error_set(&result, "fence passed", no_text, NULL);
        return result;
}

struct send_result send_outcome_stopped(bool sent)
{
        struct send_result result = send_result_of(sent ? SEND_AMBIGUOUS : SEND_TRANSIENT);
        send_error_set(&result, "the worker stops", no_text, NULL);
        return result;
}
