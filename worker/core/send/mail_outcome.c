#include "core/send/mail_outcome.h"
#include "core/send/mail_date.h"
#include "core/send/mail_error.h"

#include <stdio.h>
#include <stdlib.h>

static const struct slice no_text = {0};

const char *mail_outcome_word(enum mail_outcome outcome)
{
        switch (outcome) {
        case MAIL_SENT:
                return "sent";
        case MAIL_TRANSIENT:
                return "transient";
        case MAIL_PERMANENT:
                return "permanent";
        case MAIL_CONFIG:
                return "config";
        case MAIL_AMBIGUOUS:
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
                if (ms > MAIL_RETRY_AFTER_MAX_MS)
                        ms = MAIL_RETRY_AFTER_MAX_MS;
        }
        return value.len ? ms : -1;
}

int64_t mail_retry_after_ms(struct slice value, int64_t now_s)
{
        value = trimmed(value);
        int64_t ms = delta_ms(value), until_s = 0;
        if (ms >= 0 || !mail_date_parse_http(value, &until_s))
                return ms;
        if (until_s <= now_s)
                return 0;
        int64_t left_s = until_s - now_s;
        return left_s > MAIL_RETRY_AFTER_MAX_MS / 1000 ? MAIL_RETRY_AFTER_MAX_MS : left_s * 1000;
}

static enum mail_outcome http_outcome(int status, enum mail_outcome conflict)
{
        switch (status) {
        case 408:
        case 425:
        case 429:
        case 503:
                return MAIL_TRANSIENT;
        case 401:
        case 402:
        case 403:
                return MAIL_CONFIG;
        case 409:
                return conflict;
        default:
                break;
        }
        if (status >= 200 && status < 300)
                return MAIL_SENT;
        if (status >= 300 && status < 400)
                return MAIL_CONFIG; /* a redirect is never followed: the URL is wrong, the message innocent */
        if (status >= 400 && status < 500)
                return MAIL_PERMANENT;
        return MAIL_AMBIGUOUS;
}

struct mail_result mail_outcome_http(int status, enum mail_outcome conflict, struct slice retry_after,
                                     int64_t now_s)
{
        struct mail_result result = mail_result_of(http_outcome(status, conflict));
        char context[32];
        result.status = status;
        if (result.outcome == MAIL_SENT)
                return result;
        result.retry_after_ms = mail_retry_after_ms(retry_after, now_s);
        result.throttled = result.outcome == MAIL_TRANSIENT && (status == 429 || result.retry_after_ms >= 0);
        result.counts = status >= 500 || result.outcome == MAIL_AMBIGUOUS;
        result.opens = result.outcome == MAIL_CONFIG;
        snprintf(context, sizeof context, "HTTP %d", status);
        mail_error_set(&result, context, no_text, NULL);
        return result;
}

struct mail_result mail_outcome_cut(bool sent, const char *cause)
{
        struct mail_result result = mail_result_of(sent ? MAIL_AMBIGUOUS : MAIL_TRANSIENT);
        result.counts = true;
        mail_error_set(&result, sent ? "no answer after the mail was sent" : "not sent", slice_of(cause),
                       NULL);
        return result;
}

struct mail_result mail_outcome_settings(const char *cause)
{
        struct mail_result result = mail_result_of(MAIL_CONFIG);
        result.opens = true;
        mail_error_set(&result, "not sent", slice_of(cause), NULL);
        return result;
}

struct mail_result mail_outcome_invalid(const char *problem)
{
        struct mail_result result = mail_result_of(MAIL_PERMANENT);
        mail_error_set(&result, "invalid mail", slice_of(problem), NULL);
        return result;
}

struct mail_result mail_outcome_fenced(void)
{
        struct mail_result result = mail_result_of(MAIL_TRANSIENT);
        result.status = -1;
        mail_error_set(&result, "fence passed", no_text, NULL);
        return result;
}

struct mail_result mail_outcome_stopped(bool sent)
{
        struct mail_result result = mail_result_of(sent ? MAIL_AMBIGUOUS : MAIL_TRANSIENT);
        mail_error_set(&result, "the worker stops", no_text, NULL);
        return result;
}
