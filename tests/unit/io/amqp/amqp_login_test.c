#include "io/amqp/amqp_connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"

/* The handshake of AMQP 0-9-1 (section 2.2.4) with a server that says what a test wants it to. */

enum { FRAME_END = 0xce, HEAD = 7 };

struct server {
        const char *mechanisms;
        uint8_t major, minor;
        uint16_t channel_max, heartbeat;
        uint32_t frame_max;
};

struct writing {
        unsigned char bytes[512];
        size_t len;
};

static void put(struct writing *writing, uint64_t value, int size)
{
        while (size-- > 0)
                writing->bytes[writing->len++] = (unsigned char)(value >> 8 * size);
}

static void put_text(struct writing *writing, const char *text, int length_size)
{
        put(writing, strlen(text), length_size);
        memcpy(writing->bytes + writing->len, text, strlen(text));
        writing->len += strlen(text);
}

/* A frame of method `id` of the class connection, on channel 0. */
static void send_method(int fd, uint16_t id, const struct writing *arguments)
{
        struct writing frame = {0};
        put(&frame, 1, 1);
        put(&frame, 0, 2);
        put(&frame, 4 + arguments->len, 4);
        put(&frame, 10, 2);
        put(&frame, id, 2);
        memcpy(frame.bytes + frame.len, arguments->bytes, arguments->len);
        frame.len += arguments->len;
        put(&frame, FRAME_END, 1);
        send(fd, frame.bytes, frame.len, MSG_NOSIGNAL);
}

static bool read_all(int fd, void *to, size_t len)
{
        return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

/* Writes down the method that came as "31: HEX OF THE ARGUMENTS"; credentials as they are. */
static bool take_method(struct peer *peer, int fd)
{
        unsigned char head[HEAD], body[4096];
        if (!read_all(fd, head, HEAD))
                return false;
        size_t len = (size_t)head[5] << 8 | head[6];
        if (head[3] || head[4] || len + 1 > sizeof body || !read_all(fd, body, len + 1))
                return false;
        char line[64];
        snprintf(line, sizeof line, "%u:", (unsigned)body[3]);
        peer_log(peer, line, strlen(line));
        for (size_t i = 4; i < len; i++) {
                char hex[4];
                snprintf(hex, sizeof hex, "%02x", body[i]);
                peer_log(peer, hex, 2);
        }
        peer_log(peer, "\n", 1);
        return true;
}

static void serve(struct peer *peer, int fd, int connection)
{
        const struct server *server = peer->script;
        struct writing start = {0}, tune = {0}, open_ok = {0};
        char header[8];
        (void)connection;
        put(&start, server->major, 1);
        put(&start, server->minor, 1);
        put(&start, 0, 4); /* no properties */
        put_text(&start, server->mechanisms, 4);
        put_text(&start, "en_US", 4);
        put(&tune, server->channel_max, 2);
        put(&tune, server->frame_max, 4);
        put(&tune, server->heartbeat, 2);
        put_text(&open_ok, "", 1);
        if (!read_all(fd, header, sizeof header))
                return;
        send_method(fd, 10, &start);
        if (!take_method(peer, fd))
                return;
        send_method(fd, 30, &tune);
        if (!take_method(peer, fd) || !take_method(peer, fd))
                return;
        send_method(fd, 41, &open_ok);
        peer_wait_end(fd);
}

/* Logs in as "me" with "secret"; `said`: a piece of the error, NULL: it succeeds. */
static void log_in(const struct server *server, const char *said, const char *heard)
{
        struct peer *peer = peer_open(serve, (void *)(uintptr_t)server);
        struct amqp_settings settings = {.user = "me",
                                         .password = "secret",
                                         .vhost = "/v",
                                         .heartbeat_s = 30,
                                         .node_count = 1,
                                         .nodes = {{.host = "127.0.0.1", .place = "amqp://n/"}}};
        struct amqp_error error = {0};
        settings.nodes[0].port = peer->port;
        struct broker *broker = broker_open(&settings, "test", &error);
        if (said ? broker || !strstr(error.text, said) : !broker)
                fail_msg("\"%s\": %s", server->mechanisms, broker ? "logged in" : error.text);
        if (said)
                assert_int_equal(error.trouble, AMQP_TROUBLE_RETRY);
        broker_close(broker, 0);
        if (heard && !strstr(peer->log, heard))
                fail_msg("%s is not in %s", heard, peer->log);
        if (said && !heard)
                assert_string_equal(peer->log, ""); /* no credentials are sent */
        peer_close(peer);
}

#define SERVER(...) (&(struct server){.minor = 9, __VA_ARGS__})
#define PLAIN_RESPONSE                                                                                       \
        "05504c41494e"                                                                                       \
        "0000000a"                                                                                           \
        "006d6500736563726574" /* PLAIN, NUL me NUL secret */

static void plain_is_a_word_among_the_mechanisms(void **state)
{
        static const char *const good[] = {"PLAIN", "AMQPLAIN PLAIN", "PLAIN AMQPLAIN",
                                           "EXTERNAL PLAIN CRAM"};
        static const char *const bad[] = {"", "AMQPLAIN", "PLAINS", "XPLAIN PLAINX", "PLAI", "EXTERNAL"};
        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                log_in(SERVER(.mechanisms = good[i], .frame_max = 131072), NULL, PLAIN_RESPONSE);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                log_in(SERVER(.mechanisms = bad[i]), "does not take PLAIN credentials", NULL);
}

static void another_version_is_not_spoken_with(void **state)
{
        (void)state;
        log_in(&(struct server){.mechanisms = "PLAIN", .minor = 8}, "another version of AMQP", NULL);
        log_in(&(struct server){.mechanisms = "PLAIN", .major = 1, .minor = 9}, "another version", NULL);
}

/* channel-max, frame-max, heartbeat: the lesser of both wishes, and 0 is no wish. */
static void the_tuning_is_the_lesser_of_both_wishes(void **state)
{
        static const struct {
                uint16_t channel_max, heartbeat;
                uint32_t frame_max;
                const char *said, *heard;
        } cases[] = {
                {0, 0, 0, NULL,
                 "31:07ff"
                 "00020000"
                 "001e\n"},
                {5, 10, 4096, NULL,
                 "31:0005"
                 "00001000"
                 "000a\n"},
                {5, 60, 262144, NULL,
                 "31:0005"
                 "00020000"
                 "001e\n"},
                {5, 30, 131072, NULL,
                 "31:0005"
                 "00020000"
                 "001e\n"},
                {5, 60, 4095, "frames of less than 4096 bytes", PLAIN_RESPONSE},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                log_in(SERVER(.mechanisms = "PLAIN", .channel_max = cases[i].channel_max,
                              .frame_max = cases[i].frame_max, .heartbeat = cases[i].heartbeat),
                       cases[i].said, cases[i].heard);
}

static void the_virtual_host_is_asked_for(void **state)
{
        (void)state;
        log_in(SERVER(.mechanisms = "PLAIN"), NULL,
               "40:022f76"
               "00"
               "01\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plain_is_a_word_among_the_mechanisms),
                cmocka_unit_test(another_version_is_not_spoken_with),
                cmocka_unit_test(the_tuning_is_the_lesser_of_both_wishes),
                cmocka_unit_test(the_virtual_host_is_asked_for),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
