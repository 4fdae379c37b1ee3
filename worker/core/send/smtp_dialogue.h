#ifndef LEVERET_CORE_SMTP_DIALOGUE_H
#define LEVERET_CORE_SMTP_DIALOGUE_H

#include "core/mail/mime.h"
#include "core/memory/slice.h"
#include "core/send/send_outcome.h"
#include "core/send/smtp_recipients.h"
#include "core/text/buffer.h"

/*
 * The part of an SMTP session in which one mail is handed over (RFC 5321 section 3.3), on a connection that
 * stands, is greeted and logged in: what is to be written, and what the replies mean. Bytes in, bytes out.
 */

enum {
        SMTP_REPLIES_MAX = 64 * 1024, /* bytes of replies to one mail */
        SMTP_LINE_KEPT = 512,         /* of a line of reply (RFC 5321 section 4.5.3.1.5); more is dropped */
};

/* What the server said last. */
struct smtp_heard {
        size_t bytes;            /* of all replies so far */
        bool replied;            /* at all */
        struct smtp_reply reply; /* its text is in `text`: that of all lines, joined */
        char text[2 * SEND_ERROR_MAX];
        bool more; /* the line before said that another follows */
};
/* Takes one line. True if it ends a reply, which is `reply` then; lines that are no reply are passed over.
 * The lines of one reply are joined by spaces, each without its enhanced code, cut at the size of `text`. */
bool smtp_heard_line(struct smtp_heard *heard, struct slice line);

/* What the server offers (RFC 1870, RFC 2920, RFC 3207, RFC 6152, RFC 6531), in letters of any size. */
struct smtp_extensions {
        bool size, pipelining, eight_bit, utf8, starttls;
        int64_t size_max; /* bytes of a message; 0: it names no limit */
        char auth[64];    /* "AUTH PLAIN LOGIN", in its own letters (RFC 4954); "": no way to log in */
};
/* Takes one line of the reply to EHLO. */
void smtp_extensions_line(struct smtp_extensions *extensions, struct slice line);

enum smtp_step {
        SMTP_STEP_WAIT,    /* for the next reply; all bytes were taken */
        SMTP_STEP_MESSAGE, /* the message is awaited: the last moment to think better of it */
        SMTP_STEP_ENDED,   /* smtp_dialogue_result tells how */
        SMTP_STEP_FLOODED, /* more than SMTP_REPLIES_MAX: to be cut */
};

struct smtp_dialogue {
        enum smtp_phase phase; /* SMTP_MAIL to SMTP_DOT: the reply that is awaited */
        bool pipelining, utf8;
        struct smtp_heard heard;
        char line[SMTP_LINE_KEPT];
        size_t line_len;
        struct buffer commands;
        size_t written; /* of the commands */
        struct smtp_recipients recipients;
        struct mime message;
        bool writing_message; /* it was asked for */
        bool broken;          /* a file of the message cannot be read any more */
        bool resetting;       /* the mail was refused; so many replies are awaited: */
        size_t owed;
        bool foreseen; /* the dialogue ended without a reply of its own; `verdict` says how */
        struct send_result verdict;
};
/* A zeroed dialogue may be begun; this frees what it holds. */
void smtp_dialogue_fini(struct smtp_dialogue *dialogue);
/* The mail is over, however it ended. Memory is kept for the next one, but not that of a large one. */
void smtp_dialogue_end(struct smtp_dialogue *dialogue);

/*
 * Begins with MAIL, and where the server lets commands be sent together with the RCPT of all recipients
 * behind it, and DATA if there is one alone. SMTP_STEP_ENDED if the server has already said that it cannot
 * take such a mail: it is too large, or an address needs SMTPUTF8; nothing is to be written then. The request
 * must have passed mail_request_problem and is borrowed until the mail is over.
 */
enum smtp_step smtp_dialogue_begin(struct smtp_dialogue *dialogue, struct smtp_extensions extensions,
                                   const struct mail_request *request);

/* What is to be written next, borrowed until the next call; empty if replies are awaited, or if the message
 * cannot be read any more: smtp_dialogue_is_broken, and it is to be cut. */
struct slice smtp_dialogue_pending(struct smtp_dialogue *dialogue);
bool smtp_dialogue_is_broken(const struct smtp_dialogue *dialogue);
/* So many bytes of it were handed to the system. With the last one of the message the mail may have been
 * accepted: SMTP_DOT. */
void smtp_dialogue_wrote(struct smtp_dialogue *dialogue, size_t len);

/* Takes bytes off the front of `bytes` until there is something to do. */
enum smtp_step smtp_dialogue_read(struct smtp_dialogue *dialogue, struct slice *bytes);
/* After SMTP_STEP_MESSAGE: the message is pending, its final dot included. */
void smtp_dialogue_message(struct smtp_dialogue *dialogue);

/*
 * After SMTP_STEP_ENDED: takes back a mail that was refused, so that the next one can follow on the same
 * connection (RFC 5321 section 4.1.1.5). Then RSET is pending, and SMTP_STEP_ENDED comes once more when all
 * that was said is answered; smtp_dialogue_is_clean tells whether the server plays along. False, and nothing
 * is begun, if the mail was accepted, or the server is about to close, or nobody knows where it stands.
 */
bool smtp_dialogue_reset(struct smtp_dialogue *dialogue);
bool smtp_dialogue_is_clean(const struct smtp_dialogue *dialogue);

/* After SMTP_STEP_ENDED: accepted or refused. */
struct send_result smtp_dialogue_result(const struct smtp_dialogue *dialogue);
/* The connection was lost, or time was up: ambiguous only if the server has the whole message. `cause` is one
 * line. Of a mail that is being taken back: its refusal. */
struct send_result smtp_dialogue_cut(const struct smtp_dialogue *dialogue, const char *cause);
/* Are replies awaited to commands that were sent together? A server may offer that and yet drop all behind
 * the first. */
bool smtp_dialogue_is_together(const struct smtp_dialogue *dialogue);
/* Was nothing said about the mail yet? What a kept connection says to MAIL may be its farewell, whatever the
 * code, and a 421 always is. Then the mail may be begun again on a new one. */
bool smtp_dialogue_untouched(const struct smtp_dialogue *dialogue);

/* Cut before a mail was begun: while connecting, greeting or logging in, up to `phase`. */
struct send_result smtp_cut(enum smtp_phase phase, const char *cause);

#endif
