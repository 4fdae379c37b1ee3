#include "core/send/smtp_dialogue.h"
#include "core/send/mime.h"
#include "core/send/send_error.h"
#include "core/text/mailbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of the largest mail that a dialogue ever had, no more is kept for the next. */
enum { MESSAGE_KEPT_MAX = 64 * 1024 };

bool smtp_heard_line(struct smtp_heard *heard, struct slice line)
{
        struct smtp_reply reply;
        bool last = false;
        heard->bytes += line.len;
        if (!smtp_reply_parse(line, &reply, &last) || !last)
                return false;
        size_t len = reply.text.len < sizeof heard->text ? reply.text.len : sizeof heard->text;
        memcpy(heard->text, reply.text.data, len);
        heard->reply = reply;
        heard->reply.text = (struct slice){.data = heard->text, .len = len};
        heard->replied = true;
        return true;
}

static bool offers(struct slice text, const char *keyword)
{
        size_t len = strlen(keyword);
        return text.len >= len && strncasecmp(text.data, keyword, len) == 0 &&
               (text.len == len || text.data[len] == ' ');
}

void smtp_extensions_line(struct smtp_extensions *extensions, struct slice line)
{
        struct smtp_reply reply;
        bool last;
        if (!smtp_reply_parse(line, &reply, &last) || reply.code != 250)
                return;
        extensions->size |= offers(reply.text, "SIZE");
        extensions->pipelining |= offers(reply.text, "PIPELINING");
}

void smtp_dialogue_fini(struct smtp_dialogue *dialogue)
{
        buffer_fini(&dialogue->commands);
        buffer_fini(&dialogue->message);
        buffer_fini(&dialogue->recipient);
}

void smtp_dialogue_end(struct smtp_dialogue *dialogue)
{
        buffer_recycle(&dialogue->message, MESSAGE_KEPT_MAX);
}

static void mail_command(struct smtp_dialogue *dialogue, bool size, const char *from)
{
        struct mailbox sender;
        if (mailbox_parse(&sender, from))
                abort(); /* the request was checked */
        buffer_add_text(&dialogue->commands, "MAIL FROM:<");
        buffer_add_slice(&dialogue->commands, sender.address);
        buffer_add_char(&dialogue->commands, '>');
        if (size) /* without the dot's line (RFC 1870 section 5) */
                buffer_printf(&dialogue->commands, " SIZE=%zu", dialogue->message.len);
        buffer_add_text(&dialogue->commands, "\r\n");
}

static void recipient_command(struct smtp_dialogue *dialogue, const char *to)
{
        struct mailbox recipient;
        if (mailbox_parse(&recipient, to))
                abort(); /* the request was checked */
        buffer_printf(&dialogue->recipient, "RCPT TO:<%.*s>\r\n", SLICE_PRINT(recipient.address));
}

static void rest_commands(struct smtp_dialogue *dialogue, enum smtp_phase phase)
{
        if (phase == SMTP_RCPT || dialogue->pipelining)
                buffer_add(&dialogue->commands, dialogue->recipient.data, dialogue->recipient.len);
        if (phase == SMTP_DATA || dialogue->pipelining)
                buffer_add_text(&dialogue->commands, "DATA\r\n");
}

void smtp_dialogue_begin(struct smtp_dialogue *dialogue, struct smtp_extensions extensions,
                         const struct mail_request *request)
{
        dialogue->phase = SMTP_MAIL;
        dialogue->pipelining = extensions.pipelining;
        dialogue->heard.bytes = 0;
        dialogue->line_len = dialogue->written = 0;
        buffer_clear(&dialogue->commands);
        buffer_clear(&dialogue->message);
        buffer_clear(&dialogue->recipient);
        mime_add(&dialogue->message, request); /* none of its lines begins with a dot */
        recipient_command(dialogue, request->mail.to);
        mail_command(dialogue, extensions.size, request->mail.from);
        if (dialogue->pipelining)
                rest_commands(dialogue, SMTP_MAIL);
        buffer_add_text(&dialogue->message, ".\r\n");
        dialogue->writing = &dialogue->commands;
}

struct slice smtp_dialogue_pending(const struct smtp_dialogue *dialogue)
{
        return (struct slice){.data = dialogue->writing->data + dialogue->written,
                              .len = dialogue->writing->len - dialogue->written};
}

void smtp_dialogue_wrote(struct smtp_dialogue *dialogue, size_t len)
{
        dialogue->written += len;
        if (dialogue->writing == &dialogue->message && dialogue->written == dialogue->message.len)
                dialogue->phase = SMTP_DOT;
}

void smtp_dialogue_message(struct smtp_dialogue *dialogue)
{
        dialogue->writing = &dialogue->message;
        dialogue->written = 0;
}

/* A reply has come. */
static enum smtp_step advance(struct smtp_dialogue *dialogue)
{
        int code = dialogue->heard.reply.code;
        if (dialogue->phase == SMTP_DATA && code == 354 && dialogue->writing == &dialogue->commands)
                return SMTP_STEP_MESSAGE;
        if (dialogue->phase > SMTP_RCPT || code / 100 != 2)
                return SMTP_STEP_ENDED;
        dialogue->phase++;
        if (!dialogue->pipelining)
                rest_commands(dialogue, dialogue->phase);
        return SMTP_STEP_WAIT;
}

static enum smtp_step line_end(struct smtp_dialogue *dialogue)
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
                        step = line_end(dialogue);
                if (dialogue->heard.bytes > SMTP_REPLIES_MAX)
                        return SMTP_STEP_FLOODED;
        }
        return step;
}

struct send_result smtp_dialogue_result(const struct smtp_dialogue *dialogue)
{
        struct send_result result = send_outcome_smtp(dialogue->phase, &dialogue->heard.reply);
        if (result.outcome == SEND_DONE)
                send_provider_id_set(&result, dialogue->heard.reply.text);
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
        return smtp_cut(dialogue->phase, cause);
}

bool smtp_dialogue_untouched(const struct smtp_dialogue *dialogue)
{
        return dialogue->phase == SMTP_MAIL ||
               (dialogue->phase == SMTP_RCPT && dialogue->heard.reply.code == 421);
}
