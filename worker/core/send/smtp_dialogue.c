#include "core/send/smtp_dialogue.h"
#include "core/address/mailbox.h"
#include "core/mail/mail_request.h"
#include "core/send/send_error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of the largest mail that a dialogue ever had, no more is kept for the next. */
enum { MESSAGE_KEPT_MAX = 64 * 1024 };

/* The text without the enhanced code that each line of a reply repeats (RFC 2034 section 4). */
static struct slice words_of(const struct smtp_reply *reply)
{
        struct slice text = reply->text;
        if (!reply->enhanced)
                return text;
        const char *space = memchr(text.data, ' ', text.len);
        size_t len = space ? (size_t)(space + 1 - text.data) : text.len;
        return (struct slice){.data = text.data + len, .len = text.len - len};
}

static void text_join(struct smtp_heard *heard, struct slice more)
{
        size_t used = heard->reply.text.len, room = sizeof heard->text - used;
        if (used && room > 1 && more.len) {
                heard->text[used++] = ' ';
                room--;
        }
        size_t len = more.len < room ? more.len : room;
        if (len)
                memcpy(heard->text + used, more.data, len);
        heard->reply.text = (struct slice){.data = heard->text, .len = used + len};
}

bool smtp_heard_line(struct smtp_heard *heard, struct slice line)
{
        struct smtp_reply reply;
        bool last = false;
        heard->bytes += line.len;
        if (!smtp_reply_parse(line, &reply, &last))
                return false;
        bool first = !heard->more;
        struct slice text = first ? reply.text : words_of(&reply);
        if (first) {
                heard->reply = reply;
                heard->reply.text = (struct slice){0};
        } else if (!heard->reply.enhanced) {
                heard->reply.enhanced = reply.enhanced;
                heard->reply.enhanced_subject = reply.enhanced_subject;
                heard->reply.enhanced_detail = reply.enhanced_detail;
        }
        heard->reply.code = reply.code;
        text_join(heard, text);
        heard->more = !last;
        heard->replied = heard->replied || last;
        return last;
}

static bool offers(struct slice text, const char *keyword)
{
        size_t len = strlen(keyword);
        return text.len >= len && strncasecmp(text.data, keyword, len) == 0 &&
               (text.len == len || text.data[len] == ' ');
}

/* "AUTH=LOGIN", as before RFC 2554. */
static bool offers_auth_of_old(struct slice text)
{
        return text.len >= 5 && strncasecmp(text.data, "AUTH=", 5) == 0;
}

/* "SIZE 10485760"; 0 if it names none (RFC 1870 section 4). */
static int64_t size_limit(struct slice text)
{
        int64_t limit = 0;
        for (size_t i = strlen("SIZE "); i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
                if (limit < INT64_MAX / 10 - 10)
                        limit = 10 * limit + (text.data[i] - '0');
        return limit;
}

void smtp_extensions_line(struct smtp_extensions *extensions, struct slice line)
{
        struct smtp_reply reply;
        bool last;
        if (!smtp_reply_parse(line, &reply, &last) || reply.code != 250)
                return;
        if (offers(reply.text, "SIZE")) {
                extensions->size = true;
                extensions->size_max = size_limit(reply.text);
        }
        if (offers(reply.text, "AUTH") || (!extensions->auth[0] && offers_auth_of_old(reply.text)))
                snprintf(extensions->auth, sizeof extensions->auth, "%.*s", SLICE_PRINT(reply.text));
        extensions->pipelining |= offers(reply.text, "PIPELINING");
        extensions->eight_bit |= offers(reply.text, "8BITMIME");
        extensions->utf8 |= offers(reply.text, "SMTPUTF8");
        extensions->starttls |= offers(reply.text, "STARTTLS");
}

void smtp_dialogue_fini(struct smtp_dialogue *dialogue)
{
        buffer_fini(&dialogue->commands);
        mime_fini(&dialogue->message);
        smtp_recipients_fini(&dialogue->recipients);
}

void smtp_dialogue_end(struct smtp_dialogue *dialogue)
{
        mime_recycle(&dialogue->message, MESSAGE_KEPT_MAX);
}

/* ---- what may not even be begun ---- */

static struct send_result smtp_refusal(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct send_result smtp_refusal(const char *format, ...)
{
        char text[SEND_ERROR_MAX];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        return send_outcome_invalid(text);
}

/* SMTP_STEP_ENDED if the server has said that it does not take such a mail. */
static enum smtp_step foresee(struct smtp_dialogue *dialogue, struct smtp_extensions extensions)
{
        int64_t len = dialogue->message.len;
        dialogue->foreseen = false;
        if (extensions.size_max > 0 && len > extensions.size_max)
                dialogue->verdict =
                        smtp_refusal("the mail has %" PRId64 " bytes, over the server's SIZE of %" PRId64,
                                     len, extensions.size_max);
        else if (dialogue->utf8 && !extensions.utf8)
                dialogue->verdict = smtp_refusal(
                        "an address is not ASCII before its domain, and the server offers no SMTPUTF8");
        else
                return SMTP_STEP_WAIT;
        dialogue->foreseen = true;
        return SMTP_STEP_ENDED;
}

/* ---- commands ---- */

/* A server that offers SMTPUTF8 is to offer 8BITMIME too (RFC 6531 section 3.1), but not each does; what is
 * not ASCII in the mail are addresses, for which SMTPUTF8 is enough. */
static void mail_command(struct smtp_dialogue *dialogue, struct smtp_extensions extensions, const char *from)
{
        struct mailbox sender;
        if (mailbox_parse(&sender, from))
                abort(); /* the request was checked */
        buffer_printf(&dialogue->commands, "MAIL FROM:<%.*s>", SLICE_PRINT(sender.address));
        if (extensions.size) /* without the dot's line (RFC 1870 section 5) */
                buffer_printf(&dialogue->commands, " SIZE=%" PRId64, dialogue->message.len);
        if (dialogue->utf8 && extensions.eight_bit)
                buffer_add_text(&dialogue->commands, " BODY=8BITMIME");
        buffer_add_text(&dialogue->commands, dialogue->utf8 ? " SMTPUTF8\r\n" : "\r\n");
}

/* What can go along with MAIL. DATA goes along for one recipient alone: where some may be refused, nothing
 * may be sent before all have been answered, and after a 354 there is no way back (RFC 2920 section 3.1). */
static void pipelined_commands(struct smtp_dialogue *dialogue)
{
        buffer_add_slice(&dialogue->commands, smtp_recipients_commands(&dialogue->recipients));
        if (dialogue->recipients.count == 1)
                buffer_add_text(&dialogue->commands, "DATA\r\n");
}

/* MAIL, or the RCPT before, was answered. */
static void next_command(struct smtp_dialogue *dialogue)
{
        bool sent = dialogue->pipelining && (dialogue->phase == SMTP_RCPT || dialogue->recipients.count == 1);
        if (sent)
                return;
        if (dialogue->phase == SMTP_RCPT)
                buffer_add_slice(&dialogue->commands, smtp_recipients_command(&dialogue->recipients));
        else
                buffer_add_text(&dialogue->commands, "DATA\r\n");
}

enum smtp_step smtp_dialogue_begin(struct smtp_dialogue *dialogue, struct smtp_extensions extensions,
                                   const struct mail_request *request)
{
        dialogue->phase = SMTP_MAIL;
        dialogue->pipelining = extensions.pipelining;
        dialogue->utf8 = mail_request_needs_utf8(request);
        dialogue->heard.bytes = 0;
        dialogue->heard.more = false;
        dialogue->line_len = dialogue->written = 0;
        dialogue->writing_message = dialogue->broken = dialogue->resetting = false;
        buffer_clear(&dialogue->commands);
        mime_begin(&dialogue->message, request); /* none of its lines begins with a dot */
        mime_append(&dialogue->message, ".\r\n");
        smtp_recipients_begin(&dialogue->recipients, request);
        if (foresee(dialogue, extensions) == SMTP_STEP_ENDED)
                return SMTP_STEP_ENDED;
        mail_command(dialogue, extensions, request->mail.from);
        if (dialogue->pipelining)
                pipelined_commands(dialogue);
        return SMTP_STEP_WAIT;
}

struct slice smtp_dialogue_pending(struct smtp_dialogue *dialogue)
{
        struct slice bytes = {0};
        if (!dialogue->writing_message)
                return (struct slice){.data = dialogue->commands.data + dialogue->written,
                                      .len = dialogue->commands.len - dialogue->written};
        if (dialogue->broken || !mime_pending(&dialogue->message, &bytes)) {
                dialogue->broken = true;
                return (struct slice){0};
        }
        return bytes;
}

void smtp_dialogue_wrote(struct smtp_dialogue *dialogue, size_t len)
{
        if (!dialogue->writing_message) {
                dialogue->written += len;
                return;
        }
        mime_take(&dialogue->message, len);
        if (mime_is_over(&dialogue->message))
                dialogue->phase = SMTP_DOT;
}

bool smtp_dialogue_is_broken(const struct smtp_dialogue *dialogue)
{
        return dialogue->broken;
}

void smtp_dialogue_message(struct smtp_dialogue *dialogue)
{
        dialogue->writing_message = true;
}

/* ---- replies ---- */

static enum smtp_step recipient_answered(struct smtp_dialogue *dialogue)
{
        switch (smtp_recipients_reply(&dialogue->recipients, &dialogue->heard.reply)) {
        case SMTP_RECIPIENTS_WAIT:
                next_command(dialogue);
                return SMTP_STEP_WAIT;
        case SMTP_RECIPIENTS_GO:
                dialogue->phase = SMTP_DATA;
                next_command(dialogue);
                return SMTP_STEP_WAIT;
        case SMTP_RECIPIENTS_REFUSED:
                dialogue->verdict = dialogue->recipients.refusal;
                dialogue->foreseen = true;
                return SMTP_STEP_ENDED;
        }
        abort();
}

/* A reply to what was sent along with what was refused, or to RSET. */
static enum smtp_step reset_answered(struct smtp_dialogue *dialogue)
{
        int code = dialogue->heard.reply.code;
        dialogue->owed--;
        bool last = dialogue->owed == 0;
        dialogue->broken = code == 354 || code == 421 || code == 221 || (last && code != 250);
        return last || dialogue->broken ? SMTP_STEP_ENDED : SMTP_STEP_WAIT;
}

/* A reply has come. */
static enum smtp_step advance(struct smtp_dialogue *dialogue)
{
        int code = dialogue->heard.reply.code;
        if (dialogue->resetting)
                return reset_answered(dialogue);
        if (dialogue->phase == SMTP_RCPT)
                return recipient_answered(dialogue);
        if (dialogue->phase == SMTP_DATA && code == 354 && !dialogue->writing_message)
                return SMTP_STEP_MESSAGE;
        if (dialogue->phase > SMTP_RCPT || code / 100 != 2)
                return SMTP_STEP_ENDED;
        dialogue->phase = SMTP_RCPT;
        next_command(dialogue);
        return SMTP_STEP_WAIT;
}

static enum smtp_step smtp_line_end(struct smtp_dialogue *dialogue)
{
        struct slice line = {.data = dialogue->line, .len = dialogue->line_len};
        dialogue->line_len = 0;
        return smtp_heard_line(&dialogue->heard, line) ? advance(dialogue) : SMTP_STEP_WAIT;
}

static void line_add(struct smtp_dialogue *dialogue, const char *data, size_t len)
{
        size_t room = sizeof dialogue->line - dialogue->line_len;
        size_t kept = len < room ? len : room;
        memcpy(dialogue->line + dialogue->line_len, data, kept);
        dialogue->line_len += kept;
        dialogue->heard.bytes += len - kept;
}

enum smtp_step smtp_dialogue_read(struct smtp_dialogue *dialogue, struct slice *bytes)
{
        enum smtp_step step = SMTP_STEP_WAIT;
        while (step == SMTP_STEP_WAIT && bytes->len > 0) {
                const char *newline = memchr(bytes->data, '\n', bytes->len);
                size_t len = newline ? (size_t)(newline - bytes->data) + 1 : bytes->len;
                line_add(dialogue, bytes->data, len);
                bytes->data += len;
                bytes->len -= len;
                if (newline)
                        step = smtp_line_end(dialogue);
                if (dialogue->heard.bytes > SMTP_REPLIES_MAX)
                        return SMTP_STEP_FLOODED;
        }
        return step;
}

/* How many replies are to come to what went along with the command that was refused. */
static size_t replies_owed(const struct smtp_dialogue *dialogue)
{
        size_t recipients = dialogue->recipients.count, data = recipients == 1;
        if (!dialogue->pipelining || dialogue->phase > SMTP_RCPT)
                return 0;
        return dialogue->phase == SMTP_MAIL ? recipients + data : data;
}

bool smtp_dialogue_reset(struct smtp_dialogue *dialogue)
{
        struct send_result result = smtp_dialogue_result(dialogue);
        bool half_said = dialogue->written < dialogue->commands.len ||
                         (dialogue->writing_message && dialogue->phase != SMTP_DOT);
        if (dialogue->resetting || dialogue->heard.reply.code == 421 || half_said ||
            result.outcome == SEND_DONE || result.outcome == SEND_AMBIGUOUS)
                return false;
        if (dialogue->phase != SMTP_RCPT && dialogue->heard.reply.code < 400) /* neither yes nor no */
                return false;
        dialogue->owed = replies_owed(dialogue) + 1;
        dialogue->verdict = result;
        dialogue->foreseen = dialogue->resetting = true;
        dialogue->writing_message = false;
        dialogue->heard.bytes = 0;
        dialogue->written = 0;
        buffer_clear(&dialogue->commands);
        buffer_add_text(&dialogue->commands, "RSET\r\n");
        return true;
}

bool smtp_dialogue_is_clean(const struct smtp_dialogue *dialogue)
{
        return dialogue->resetting && dialogue->owed == 0 && !dialogue->broken;
}

struct send_result smtp_dialogue_result(const struct smtp_dialogue *dialogue)
{
        if (dialogue->foreseen)
                return dialogue->verdict;
        struct send_result result = send_outcome_smtp(dialogue->phase, &dialogue->heard.reply);
        if (result.outcome != SEND_DONE)
                return result;
        send_provider_id_set(&result, dialogue->heard.reply.text);
        result.refused_count = dialogue->recipients.refused_count;
        memcpy(result.refused, dialogue->recipients.refused, sizeof result.refused);
        return result;
}

struct send_result smtp_cut(enum smtp_phase phase, const char *cause)
{
        char text[SEND_ERROR_MAX];
        snprintf(text, sizeof text, "%s at %s", cause, smtp_phase_word(phase));
        return send_outcome_cut(phase == SMTP_DOT, text);
}

struct send_result smtp_dialogue_cut(const struct smtp_dialogue *dialogue, const char *cause)
{
        if (dialogue->resetting)
                return dialogue->verdict;
        return smtp_cut(dialogue->phase, cause);
}

bool smtp_dialogue_is_together(const struct smtp_dialogue *dialogue)
{
        bool data =
                dialogue->phase == SMTP_DATA && dialogue->recipients.count == 1 && !dialogue->writing_message;
        if (dialogue->resetting)
                return dialogue->pipelining && dialogue->owed > 1;
        return dialogue->pipelining && (dialogue->phase < SMTP_DATA || data);
}

bool smtp_dialogue_untouched(const struct smtp_dialogue *dialogue)
{
        if (dialogue->resetting)
                return false;
        return dialogue->phase == SMTP_MAIL ||
               (dialogue->phase == SMTP_RCPT && dialogue->heard.reply.code == 421);
}
