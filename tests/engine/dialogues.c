/*
 * One SMTP connection after the other: core/send/smtp_dialogue hands mails over to a server that refuses some
 * at any phase and goes on, closes when it likes, and answers RSET as it likes. Bytes come in pieces of any
 * size. The server follows RFC 5321 by the letter and tells what it took.
 *
 * usage: dialogues [--schedules N] [--seed S] [--expect-failure]
 */
#include "core/mail/mail_request.h"
#include "core/send/smtp_dialogue.h"
#include "model_main.h"
#include "random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAILS = 12, RECIPIENTS_MAX = 3, LINE_MAX_BYTES = 1024, REPLIES_MAX_BYTES = 8192 };

enum refusal { REFUSE_NOTHING, REFUSE_MAIL, REFUSE_RCPT, REFUSE_DATA, REFUSE_DOT, REFUSAL_COUNT };

/* What the server makes of the mail that is begun now, and of the connection. */
struct server {
        bool pipelining;
        enum refusal refusal;
        int code;                      /* of the refusal: 450 or 550 */
        int rcpt_code[RECIPIENTS_MAX]; /* REFUSE_RCPT: of each */
        enum { RSET_TAKEN, RSET_UNKNOWN, RSET_CLOSES } rset;
        bool farewell, unfinished; /* the refusal is a 421, and the end; in the middle of it */
        /* the connection: */
        bool open, begun, in_message;
        int recipients, taken;
        char line[LINE_MAX_BYTES];
        size_t line_len;
        char replies[REPLIES_MAX_BYTES]; /* not yet heard */
        size_t replies_len;
};

struct world {
        struct random random;
        struct server server;
        struct smtp_dialogue dialogue;
        int mail, recipients; /* the present one */
        bool accepted[MAILS];
        int connections, endings; /* of these, those that could not be kept */
        const char *fault;
};

static struct world world;

static void reply(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void reply(const char *format, ...)
{
        struct server *server = &world.server;
        va_list args;
        va_start(args, format);
        size_t room = sizeof server->replies - server->replies_len;
        vsnprintf(server->replies + server->replies_len, room, format, args);
        va_end(args);
        server->replies_len += strlen(server->replies + server->replies_len);
}

static void server_close(void)
{
        world.server.open = false;
        world.endings++;
}

/* ---- the server ---- */

/* Each refusal names its mail; some have two lines. */
static void refuse(int code)
{
        struct server *server = &world.server;
        if (server->farewell) {
                reply(server->unfinished ? "421-4.3.2 m%d. clos\r\n" : "421 4.3.2 m%d. closing\r\n",
                      world.mail);
                server_close();
                return;
        }
        if (random_one_in(&world.random, 3))
                reply("%d-%d.1.0 m%d. is not\r\n", code, code / 100, world.mail);
        reply("%d %d.1.0 m%d. wanted\r\n", code, code / 100, world.mail);
}

static void answer(bool refused, int code)
{
        if (refused)
                refuse(code);
        else
                reply("250 2.0.0 m%d. fine\r\n", world.mail);
}

static void on_mail(void)
{
        struct server *server = &world.server;
        if (server->begun)
                world.fault = "a mail is begun before the last one was taken back";
        server->begun = server->refusal != REFUSE_MAIL;
        server->recipients = server->taken = 0;
        answer(server->refusal == REFUSE_MAIL, server->code);
}

static void on_rcpt(void)
{
        struct server *server = &world.server;
        if (!server->begun) {
                reply("503 5.5.1 m%d. no sender\r\n", world.mail);
                return;
        }
        if (server->recipients == RECIPIENTS_MAX) {
                world.fault = "more recipients than the mail has";
                return;
        }
        int code = server->rcpt_code[server->recipients++];
        bool refused = server->refusal == REFUSE_RCPT && code;
        server->taken += !refused;
        answer(refused, code);
}

static void on_data(void)
{
        struct server *server = &world.server;
        if (!server->begun || server->taken == 0) {
                reply("503 5.5.1 m%d. no recipient\r\n", world.mail);
        } else if (server->refusal == REFUSE_DATA) {
                refuse(server->code);
        } else {
                reply("354 go on\r\n");
                server->in_message = true;
        }
}

static void on_dot(void)
{
        struct server *server = &world.server;
        bool refused = server->refusal == REFUSE_DOT;
        server->in_message = server->begun = false;
        if (!refused && world.accepted[world.mail])
                world.fault = "a mail is handed over twice";
        world.accepted[world.mail] |= !refused;
        answer(refused, server->code);
}

static void on_rset(void)
{
        struct server *server = &world.server;
        if (server->rset == RSET_CLOSES) {
                server_close();
                return;
        }
        if (server->rset == RSET_UNKNOWN)
                world.endings++; /* nobody knows where it stands */
        reply(server->rset == RSET_UNKNOWN ? "502 5.5.1 what is RSET\r\n" : "250 2.0.0 flushed\r\n");
        server->begun = server->begun && server->rset == RSET_UNKNOWN;
}

static bool line_begins(const char *word)
{
        return strncmp(world.server.line, word, strlen(word)) == 0;
}

static void on_line(void)
{
        struct server *server = &world.server;
        if (server->in_message) {
                if (strcmp(server->line, ".\r\n") == 0)
                        on_dot();
        } else if (line_begins("MAIL FROM:")) {
                on_mail();
        } else if (line_begins("RCPT TO:")) {
                on_rcpt();
        } else if (line_begins("DATA\r\n")) {
                on_data();
        } else if (line_begins("RSET\r\n")) {
                on_rset();
        } else {
                world.fault = "the server was told what is no command";
        }
}

static void server_read(struct slice bytes)
{
        struct server *server = &world.server;
        for (size_t i = 0; i < bytes.len && server->open; i++) {
                if (server->line_len + 1 == sizeof server->line)
                        abort();
                server->line[server->line_len++] = bytes.data[i];
                server->line[server->line_len] = '\0';
                if (bytes.data[i] != '\n')
                        continue;
                on_line();
                server->line_len = 0;
        }
}

/* ---- the worker's side: what io/send/smtp_connection does ---- */

static void connect_anew(void)
{
        world.connections++;
        world.server.open = true;
        world.server.begun = world.server.in_message = false;
        world.server.line_len = world.server.replies_len = 0;
}

static void draw_mail(void)
{
        struct server *server = &world.server;
        struct random *random = &world.random;
        world.recipients = 1 + (int)random_below(random, RECIPIENTS_MAX);
        server->refusal = (enum refusal)random_below(random, REFUSAL_COUNT);
        server->code = random_one_in(random, 2) ? 450 : 550;
        server->farewell = random_one_in(random, 12);
        server->unfinished = random_one_in(random, 2);
        server->rset = random_one_in(random, 10) ? RSET_UNKNOWN : RSET_TAKEN;
        if (random_one_in(random, 20))
                server->rset = RSET_CLOSES;
        for (int i = 0; i < RECIPIENTS_MAX; i++)
                server->rcpt_code[i] = random_one_in(random, 2) ? 0 : random_one_in(random, 3) ? 450 : 550;
}

/* The reply waits in the server's buffer; some of it is heard. */
static struct slice hear(char *bytes)
{
        struct server *server = &world.server;
        size_t len = (size_t)random_between(&world.random, 1, (int64_t)server->replies_len);
        memcpy(bytes, server->replies, len);
        server->replies_len -= len;
        memmove(server->replies, server->replies + len, server->replies_len);
        return (struct slice){.data = bytes, .len = len};
}

static void say(void)
{
        struct slice pending = smtp_dialogue_pending(&world.dialogue);
        if (pending.len == 0)
                return;
        size_t len = (size_t)random_between(&world.random, 1, (int64_t)pending.len);
        char *bytes = malloc(len);
        memcpy(bytes, pending.data, len);
        smtp_dialogue_wrote(&world.dialogue, len);
        server_read((struct slice){.data = bytes, .len = len});
        free(bytes);
}

/* Takes what was heard. True if the mail is over; `clean`: the connection can have the next one. */
static bool take(struct slice bytes, struct send_result *result, bool *clean)
{
        while (bytes.len > 0) {
                bool half_said = smtp_dialogue_pending(&world.dialogue).len > 0;
                switch (smtp_dialogue_read(&world.dialogue, &bytes)) {
                case SMTP_STEP_WAIT:
                        break;
                case SMTP_STEP_MESSAGE:
                        smtp_dialogue_message(&world.dialogue);
                        break;
                case SMTP_STEP_ENDED:
                        if (smtp_dialogue_reset(&world.dialogue))
                                break;
                        world.endings += half_said; /* the refusal came in the middle of a command */
                        *result = smtp_dialogue_result(&world.dialogue);
                        *clean = result->outcome == SEND_DONE || smtp_dialogue_is_clean(&world.dialogue);
                        *clean = *clean && bytes.len == 0;
                        return true;
                case SMTP_STEP_FLOODED:
                        world.fault = "it takes the replies for a flood";
                        return true;
                }
        }
        return false;
}

/* Hands the mail over; true if the connection can have the next one. */
static bool hand_over(const struct mail_request *request, struct send_result *result)
{
        bool clean = false;
        char bytes[REPLIES_MAX_BYTES];
        const struct smtp_extensions extensions = {.pipelining = world.server.pipelining};
        smtp_dialogue_begin(&world.dialogue, extensions, request);
        for (int turns = 0; turns < 100000 && !world.fault; turns++) {
                bool heard = world.server.replies_len > 0;
                if (heard && random_one_in(&world.random, 2)) {
                        if (take(hear(bytes), result, &clean))
                                break;
                } else if (world.server.open && smtp_dialogue_pending(&world.dialogue).len > 0) {
                        say();
                } else if (!heard && !world.server.open) {
                        *result = smtp_dialogue_cut(&world.dialogue, "closed");
                        break;
                } else if (!heard) {
                        world.fault = "both sides wait";
                }
        }
        smtp_dialogue_end(&world.dialogue);
        return clean && world.server.open;
}

/* ---- laws ---- */

/* Does the server take the mail, if all is said that there is to say? And how many are refused for good. */
static bool is_to_be_taken(int *refused)
{
        const struct server *server = &world.server;
        int for_now = 0;
        *refused = 0;
        for (int i = 0; i < world.recipients && server->refusal == REFUSE_RCPT; i++) {
                for_now += server->rcpt_code[i] == 450 || (server->rcpt_code[i] && server->farewell);
                *refused += server->rcpt_code[i] == 550;
        }
        if (server->refusal == REFUSE_RCPT)
                return for_now == 0 && *refused < world.recipients;
        return server->refusal == REFUSE_NOTHING;
}

static void check(const struct send_result *result)
{
        int refused;
        const struct server *server = &world.server;
        bool done = result->outcome == SEND_DONE, wanted = is_to_be_taken(&refused);
        bool cut = server->farewell && server->unfinished;
        char name[16], last[16];
        snprintf(name, sizeof name, "m%d.", world.mail);
        snprintf(last, sizeof last, "m%d.", world.mail - 1);
        if (world.accepted[world.mail] != wanted)
                world.fault =
                        wanted ? "the server never got the mail" : "the server got a mail to be held back";
        else if (done != wanted)
                world.fault =
                        done ? "a refused mail counts as sent" : "a mail that was taken counts as refused";
        else if (done && result->refused_count != (size_t)refused)
                world.fault = "refused recipients are not told";
        else if (!done && !cut && !strstr(result->error, name))
                world.fault = "a mail is not told its refusal";
        else if (strstr(result->error, last) || strstr(result->provider_id, last))
                world.fault = "a mail is told another's reply";
        else if (result->outcome == SEND_AMBIGUOUS && !(cut && server->refusal == REFUSE_DOT))
                world.fault = "a definite refusal is called ambiguous";
}

static const char *run(uint64_t seed)
{
        static const char *const to[] = {"a@example.org", "a@example.org, b@example.org",
                                         "a@example.org, b@example.org, c@example.org"};
        struct mail_request request = {
                .key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                .message_id = "<k@example.com>",
                .mail = {.from = "Shop <shop@example.com>", .subject = "Hello", .text = "Hello.\n.\nRSET\n"},
                .date_s = 1700000000,
        };
        world = (struct world){.random = {seed}};
        world.server.pipelining = random_one_in(&world.random, 2);
        connect_anew();
        for (; world.mail < MAILS && !world.fault; world.mail++) {
                struct send_result result = {.outcome = SEND_AMBIGUOUS};
                draw_mail();
                request.mail.to = to[world.recipients - 1];
                bool kept = hand_over(&request, &result);
                if (!world.fault)
                        check(&result);
                if (!kept)
                        connect_anew();
        }
        smtp_dialogue_fini(&world.dialogue);
        if (!world.fault && world.connections > 1 + world.endings)
                world.fault = "a connection is given up though the server keeps it";
        return world.fault;
}

int main(int argc, char **argv)
{
        return model_main(argc, argv, 5000, run);
}
