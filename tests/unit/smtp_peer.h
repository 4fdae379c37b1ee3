#ifndef LEVERET_TESTS_SMTP_PEER_H
#define LEVERET_TESTS_SMTP_PEER_H

#include "io/machine/clock.h"
#include "peer.h"

#include <sched.h>

/* What the server does at a step of the dialogue: the reply, or one of these. */
static const char CUT[] = "cut", SILENT[] = "silent", ENDLESS_LINE[] = "line", ENDLESS_REPLY[] = "reply";

static const char PLAIN_EHLO[] = "250-peer\r\n250-AUTH PLAIN\r\n250 SIZE 100000000\r\n";
static const char PIPELINING_EHLO[] = "250-peer\r\n250-PIPELINING\r\n250 SIZE 100000000\r\n";

struct smtp_script {
        /* NULL: as a good server does; `idle`: after a mail was accepted, before anything else comes */
        const char *greeting, *ehlo, *auth, *mail, *rcpt, *data, *dot, *idle;
        const char *rset;        /* NULL: as a good server does */
        const char *second_mail; /* to the MAIL of the second mail of each connection */
        int64_t data_after_ms;   /* CLOCK_BOOTTIME before which DATA is not answered */
        bool drops_queued;       /* what came along with MAIL is never seen, whatever `ehlo` says */
        int first_connections;   /* the script is for so many; later ones are good. 0: all */
};

/* One line from the client into `line`; false at the end. */
static inline bool line_read(int fd, char *line, size_t size)
{
        for (size_t len = 0; len + 1 < size;) {
                if (recv(fd, line + len, 1, 0) != 1)
                        return false;
                line[++len] = '\0';
                if (line[len - 1] == '\n')
                        return true;
        }
        return false;
}

static inline bool step(int fd, const char *reply, const char *otherwise)
{
        reply = reply ? reply : otherwise;
        if (reply == CUT)
                return false;
        if (reply == SILENT) {
                peer_wait_end(fd);
                return false;
        }
        while (reply == ENDLESS_LINE)
                if (!peer_write(fd, "250 for ever and ever and ever and ever and ever and ever"))
                        return false;
        while (reply == ENDLESS_REPLY)
                if (!peer_write(fd, "250-for ever and ever and ever and ever\r\n"))
                        return false;
        return peer_write(fd, reply);
}

/* Nothing comes behind the dot before it is answered. */
static inline bool message_read(struct peer *peer, int fd)
{
        static const char dot[] = "\r\n.\r\n";
        enum { DOT = sizeof dot - 1 };
        char data[DOT + 16384] = "";
        for (ssize_t n; (n = recv(fd, data + DOT, sizeof data - DOT, 0)) > 0;) {
                peer_log(peer, data + DOT, (size_t)n);
                memmove(data, data + n, DOT); /* the last bytes so far */
                if (memcmp(data, dot, DOT) == 0)
                        return true;
        }
        return false;
}

static inline bool credentials_read(struct peer *peer, int fd)
{
        char line[256];
        bool ok = line_read(fd, line, sizeof line);
        if (ok)
                peer_log(peer, line, strlen(line));
        return ok;
}

static inline bool command_answer(struct peer *peer, int fd, const struct smtp_script *s, const char *line)
{
        char queued[4096];
        if (strncmp(line, "EHLO", 4) == 0)
                return step(fd, s->ehlo, PLAIN_EHLO);
        if (strncmp(line, "AUTH", 4) == 0)
                return peer_write(fd, "334 \r\n") && credentials_read(peer, fd) &&
                       step(fd, s->auth, "235 2.7.0 welcome\r\n");
        if (strncmp(line, "MAIL", 4) == 0 && s->drops_queued)
                recv(fd, queued, sizeof queued, MSG_DONTWAIT);
        if (strncmp(line, "MAIL", 4) == 0)
                return step(fd, s->mail, "250 2.1.0 ok\r\n");
        if (strncmp(line, "RCPT", 4) == 0)
                return step(fd, s->rcpt, "250 2.1.5 ok\r\n");
        if (strncmp(line, "RSET", 4) == 0)
                return step(fd, s->rset, "250 2.0.0 ok\r\n");
        if (strncmp(line, "QUIT", 4) == 0) {
                peer_write(fd, "221 bye\r\n");
                return false;
        }
        if (strncmp(line, "DATA", 4) != 0)
                return peer_write(fd, "502 5.5.1 what?\r\n");
        while (clock_boot_ms() <= s->data_after_ms)
                sched_yield();
        if (!step(fd, s->data, "354 go on\r\n"))
                return false;
        if (s->data && strncmp(s->data, "354", 3) != 0)
                return true;
        if (!message_read(peer, fd))
                return false;
        peer_count(peer, &peer->requests, 1);
        return step(fd, s->dot, "250 2.0.0 queued as X7\r\n") && (!s->idle || step(fd, s->idle, ""));
}

static inline void smtp_serve(struct peer *peer, int fd, int connection)
{
        static const struct smtp_script good;
        const struct smtp_script *script = peer->script;
        char line[4096];
        int mails = 0;
        if (script->first_connections && connection >= script->first_connections)
                script = &good;
        if (!step(fd, script->greeting, "220 peer ESMTP\r\n"))
                return;
        while (line_read(fd, line, sizeof line)) {
                peer_log(peer, line, strlen(line));
                if (strncmp(line, "MAIL", 4) == 0 && mails++ > 0 && script->second_mail)
                        step(fd, script->second_mail, NULL);
                else if (!command_answer(peer, fd, script, line))
                        return;
                peer_count(peer, &peer->answers, 1);
        }
}

#endif
