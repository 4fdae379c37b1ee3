#include "core/send/send_error.h"
#include "core/send/send_outcome.h"

#include <stdio.h>
#include <stdlib.h>

const char *smtp_phase_word(enum smtp_phase phase)
{
        switch (phase) {
        case SMTP_CONNECT:
                return "connect";
        case SMTP_EHLO:
                return "EHLO";
        case SMTP_STARTTLS:
                return "STARTTLS";
        case SMTP_AUTH:
                return "AUTH";
        case SMTP_MAIL:
                return "MAIL";
        case SMTP_RCPT:
                return "RCPT";
        case SMTP_DATA:
                return "DATA";
        case SMTP_DOT:
                return "end of data";
        }
        abort();
}

static bool digit(struct slice text, size_t at)
{
        return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

static struct slice without(struct slice text, size_t len)
{
        return (struct slice){.data = text.data + len, .len = text.len - len};
}

/* Takes up to three digits off the text; -1 if there is none. */
static int number_take(struct slice *text)
{
        int value = 0;
        size_t len = 0;
        while (len < 3 && digit(*text, len))
                value = value * 10 + (text->data[len++] - '0');
        *text = without(*text, len);
        return len ? value : -1;
}

static bool dot_take(struct slice *text)
{
        bool dot = text->len && text->data[0] == '.';
        if (dot)
                *text = without(*text, 1);
        return dot;
}

/* "5.7.1 text" (RFC 2034 section 4: class 2, 4 or 5, then up to three digits twice). */
static void enhanced_parse(struct smtp_reply *reply)
{
        struct slice text = reply->text;
        int status = number_take(&text);
        if ((status != 2 && status != 4 && status != 5) || !dot_take(&text))
                return;
        int subject = number_take(&text);
        if (subject < 0 || !dot_take(&text))
                return;
        int detail = number_take(&text);
        if (detail < 0 || (text.len && text.data[0] != ' '))
                return;
        reply->enhanced = status;
        reply->enhanced_subject = subject;
        reply->enhanced_detail = detail;
}

bool smtp_reply_parse(struct slice line, struct smtp_reply *reply, bool *last)
{
        while (line.len && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
                line.len--;
        *reply = (struct smtp_reply){0};
        if (!digit(line, 0) || !digit(line, 1) || !digit(line, 2))
                return false;
        if (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-')
                return false;
        struct slice code = line;
        reply->code = number_take(&code);
        *last = line.len == 3 || line.data[3] == ' ';
        reply->text = without(line, line.len > 3 ? 4 : 3);
        enhanced_parse(reply);
        return true;
}

/* 530 authentication or encryption required, 534 and 538 too weak a way of it, 535 wrong credentials (RFC
 * 4954 section 6, RFC 3207 section 4); 5.7.8 and the like are the same in enhanced form (RFC 4954 section 6).
 */
static bool refuses_login(const struct smtp_reply *reply)
{
        if (reply->code == 530 || reply->code == 534 || reply->code == 535 || reply->code == 538)
                return true;
        int detail = reply->enhanced_detail;
        return reply->enhanced == 5 && reply->enhanced_subject == 7 &&
               (detail == 8 || detail == 9 || detail == 11);
}

static enum send_outcome outcome_of(enum smtp_phase phase, const struct smtp_reply *reply)
{
        int status = reply->enhanced == 4 || reply->enhanced == 5 ? reply->enhanced : reply->code / 100;
        if (phase == SMTP_DOT && reply->code / 100 == 2)
                return SEND_DONE;
        if (refuses_login(reply))
                return SEND_CONFIG;
        if (status == 5) /* before MAIL no message was named: it is us who are not wanted */
                return phase < SMTP_MAIL ? SEND_CONFIG : SEND_PERMANENT;
        if (status == 4)
                return SEND_TRANSIENT;
        /* Neither yes nor no. */
        return phase == SMTP_DOT ? SEND_AMBIGUOUS : SEND_TRANSIENT;
}

/*
 * What tells about the server and not about one recipient or one message: 421 anywhere, every refusal before
 * a recipient was named, and temporary ones of the message (RFC 5321 section 4.2.2: 451 local error, 452
 * storage).
 */
static bool counts_of(enum smtp_phase phase, const struct smtp_reply *reply, enum send_outcome outcome)
{
        if (outcome == SEND_DONE)
                return false;
        if (reply->code == 421 || phase <= SMTP_MAIL || outcome == SEND_AMBIGUOUS)
                return true;
        return phase >= SMTP_DATA && outcome == SEND_TRANSIENT;
}

struct send_result send_outcome_smtp(enum smtp_phase phase, const struct smtp_reply *reply)
{
        struct send_result result = send_result_of(outcome_of(phase, reply));
        char context[48];
        result.status = reply->code;
        result.counts = counts_of(phase, reply, result.outcome);
        result.opens = result.outcome == SEND_CONFIG;
        if (result.outcome == SEND_DONE)
                return result;
        snprintf(context, sizeof context, "SMTP %d at %s", reply->code, smtp_phase_word(phase));
        send_error_set(&result, context, reply->text, NULL);
        return result;
}
