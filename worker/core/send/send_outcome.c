#include "core/send/send_outcome.h"
#include "core/mail/mail_date.h"
#include "core/send/send_error.h"

#include <stdio.h>
#include <stdlib.h>

static const struct slice no_text = {0};

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

static struct slice trimmed(struct slice text)
{
        while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
                text = (struct slice){.data = text.data + 1, .len = text.len - 1};
        while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
                text.len--;
        return text;
}

/* Digits only; anything over an hour is an hour, however long it is. -1 if it is no number. */
static int64_t delta_ms(struct slice value)
{
        int64_t ms = 0;
        for (size_t i = 0; i < value.len; i++) {
                if (value.data[i] < '0' || value.data[i] > '9')
                        return -1;
                ms = ms * 10 + (value.data[i] - '0') * 1000;
                if (ms > SEND_RETRY_AFTER_MAX_MS)
                        ms = SEND_RETRY_AFTER_MAX_MS;
        }
        return value.len ? ms : -1;
}

int64_t send_retry_after_ms(struct slice value, int64_t now_s)
{
        value = trimmed(value);
        int64_t ms = delta_ms(value), until_s = 0;
        if (ms >= 0 || !mail_date_parse_http(value, &until_s))
                return ms;
        if (until_s <= now_s)
                return 0;
        int64_t left_s = until_s - now_s;
        return left_s > SEND_RETRY_AFTER_MAX_MS / 1000 ? SEND_RETRY_AFTER_MAX_MS : left_s * 1000;
}

static enum send_outcome http_outcome(int status, enum send_outcome conflict)
{
        switch (status) {
        case 408:
        case 425:
        case 429:
        case 503:
                return SEND_TRANSIENT;
        case 401:
        case 402:
        case 403:
                return SEND_CONFIG;
        case 409:
                return conflict;
        default:
                break;
        }
        if (status >= 200 && status < 300)
                return SEND_DONE;
        if (status >= 300 && status < 400)
                return SEND_CONFIG; /* a redirect is never followed: the URL is wrong, the message innocent */
        if (status >= 400 && status < 500)
                return SEND_PERMANENT;
        return SEND_AMBIGUOUS;
}

struct send_result send_outcome_http(int status, enum send_outcome conflict, struct slice retry_after,
                                     int64_t now_s)
{
        struct send_result result = send_result_of(http_outcome(status, conflict));
        char context[32];
        result.status = status;
        if (result.outcome == SEND_DONE)
                return result;
        result.retry_after_ms = send_retry_after_ms(retry_after, now_s);
        result.throttled = result.outcome == SEND_TRANSIENT && (status == 429 || result.retry_after_ms >= 0);
        result.counts = status >= 500 || result.outcome == SEND_AMBIGUOUS;
        result.opens = result.outcome == SEND_CONFIG;
        snprintf(context, sizeof context, "HTTP %d", status);
        send_error_set(&result, context, no_text, NULL);
        return result;
}

struct send_result send_outcome_cut(bool sent, const char *cause)
{
        struct send_result result = send_result_of(sent ? SEND_AMBIGUOUS : SEND_TRANSIENT);
        result.counts = true;
        send_error_set(&result, sent ? "no answer after the mail was sent" : "not sent", slice_of(cause),
                       NULL);
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
