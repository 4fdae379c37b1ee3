#include "core/send/send_error.h"
#include "core/send/send_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static struct slice smtp_without(struct slice text, size_t len)
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
        *text = smtp_without(*text, len);
        return len ? value : -1;
}

static bool dot_take(struct slice *text)
{
        bool dot = text->len && text->data[0] == '.';
        if (dot)
                *text = smtp_without(*text, 1);
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
        reply->text = smtp_without(line, line.len > 3 ? 4 : 3);
        enhanced_parse(reply);
        return true;
}

static bool has_phrase(struct slice text, const char *phrase)
{
        size_t len = strlen(phrase);
        for (size_t at = 0; at + len <= text.len; at++)
                if (strncasecmp(text.data + at, phrase, len) == 0)
                        return true;
        return false;
}

static bool has_phrase_of(struct slice text, const char *const *phrases)
{
        while (*phrases && !has_phrase(text, *phrases))
                phrases++;
        return *phrases != NULL;
}

/* RFC 5321 section 4.2.1: the first digit says how it ended. The enhanced code (RFC 3463) refines that within
 * its own class; one of another class (451 5.7.1 of greylisting servers) is not believed. */
static bool refines(const struct smtp_reply *reply, int subject, int detail)
{
        return reply->enhanced == reply->code / 100 && reply->enhanced_subject == subject &&
               (detail < 0 || reply->enhanced_detail == detail);
}

/* Many servers refuse the sender only when a recipient is named (Postfix, Exim's callback, Zoho); 5.1.7 and
 * 5.1.8 are about the sender's address (RFC 3463 section 3.2). */
static bool of_sender(const struct smtp_reply *reply)
{
        static const char *const phrases[] = {"sender", "relay", "too many", NULL};
        return refines(reply, 1, 7) || refines(reply, 1, 8) || has_phrase_of(reply->text, phrases);
}

/* Addresses and mailboxes (RFC 3463 sections 3.2 and 3.3), the reply codes that RFC 5321 has for them alone,
 * and 550 in such words, whose enhanced code says less (5.5.0 of Outlook.com, 5.4.1 of Exchange Online): no
 * other mail is concerned. */
static bool of_recipient(enum smtp_phase phase, const struct smtp_reply *reply)
{
        static const char *const phrases[] = {"mailbox", "recipient", "no such", "unrouteable", NULL};
        bool vague = reply->enhanced != reply->code / 100 || refines(reply, 5, 0) || refines(reply, 4, 1);
        bool said = has_phrase(reply->text, "user") ||
                    (phase == SMTP_RCPT && has_phrase_of(reply->text, phrases));
        bool alone = reply->code == 551 || reply->code == 553 || (vague && reply->code == 550 && said);
        if (refines(reply, 1, -1) || refines(reply, 2, -1))
                return !refines(reply, 1, 7) && !refines(reply, 1, 8);
        return alone && !of_sender(reply);
}

/* 530 (authentication or encryption required) and 535 (wrong credentials) are of the log-in wherever they are
 * said (RFC 4954 section 6, RFC 3207 section 4); 5.7.8, 5.7.9 and 5.7.11 only in reply to AUTH: elsewhere
 * 5.7.9 is what Yahoo says of a mail without DMARC. Office 365 asks for STARTTLS by 451 5.7.3. 5.3.2 and
 * 5.4.5 (RFC 3463 sections 3.4 and 3.5) are the system's state, such as a daily quota, in the class of final
 * ones. */
static bool refuses_account(enum smtp_phase phase, const struct smtp_reply *reply)
{
        if (reply->code == 530 || reply->code == 535 || refines(reply, 3, 2) || refines(reply, 4, 5))
                return reply->code / 100 == 5;
        if (reply->code == 451 && reply->enhanced == 5 && reply->enhanced_subject == 7 &&
            reply->enhanced_detail == 3)
                return true;
        /* Before a recipient was named nothing but the sender was; only a size is the mail's own (RFC 1870).
         */
        bool size = reply->code == 552 || refines(reply, 3, 4);
        return reply->code / 100 == 5 && phase <= SMTP_MAIL && !size;
}

static enum send_outcome outcome_of(enum smtp_phase phase, const struct smtp_reply *reply)
{
        int digit = reply->code / 100;
        if (phase == SMTP_DOT && digit == 2)
                return SEND_DONE;
        if (refuses_account(phase, reply))
                return SEND_CONFIG;
        if (digit == 5)
                return SEND_PERMANENT;
        if (digit == 4)
                return SEND_TRANSIENT;
        /* Neither yes nor no. */
        return phase == SMTP_DOT ? SEND_AMBIGUOUS : SEND_TRANSIENT;
}

/* Does it say that there are too many connections, as Office 365 does by 432 even at the end of the data? */
static bool crowd_told_of(const struct smtp_reply *reply)
{
        static const char *const phrases[] = {
                "too many connections", "too many concurrent", "concurrent connect", "too many sessions",
                "concurrency limit",    "trop de connexions",  "simultaneous",       NULL};
        return reply->code / 100 == 4 && has_phrase_of(reply->text, phrases);
}

/* That mails come too fast for the account (Amazon SES, Postfix' anvil, Exchange), unless it is the
 * recipient's mailbox that gets too many. */
static bool throttled_of(const struct smtp_reply *reply)
{
        static const char *const phrases[] = {"throttl",           "rate limit",       "sending rate",
                                              "submission rate",   "too much mail",    "too many messages",
                                              "too many login",    "too many mails",   "sending limit",
                                              "unexpected volume", "excessive volume", NULL};
        return reply->code / 100 == 4 && !refines(reply, 1, -1) && !refines(reply, 2, -1) &&
               has_phrase_of(reply->text, phrases);
}

/*
 * What tells about the server and not about one recipient or one message: 421 anywhere, every refusal before
 * a recipient was named, and temporary ones of the message (RFC 5321 section 4.2.2: 451 local error, 452
 * storage).
 */
static bool counts_of(enum smtp_phase phase, const struct smtp_reply *reply, enum send_outcome outcome)
{
        if (outcome == SEND_DONE || outcome == SEND_PERMANENT)
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
        result.doubtful = result.opens && phase >= SMTP_MAIL;
        if (result.outcome == SEND_DONE)
                return result;
        /* At the greeting "not now" means hardly anything else (Postfix, Exim, sendmail). */
        result.crowd_told = crowd_told_of(reply);
        result.crowded = result.crowd_told || (phase <= SMTP_EHLO && reply->code / 100 == 4);
        result.throttled = !result.crowded && throttled_of(reply);
        snprintf(context, sizeof context, "SMTP %d at %s", reply->code, smtp_phase_word(phase));
        send_error_set(&result, context, reply->text, NULL);
        if (result.outcome == SEND_PERMANENT && !of_recipient(phase, reply))
                result.likeness = send_likeness(&result);
        return result;
}
