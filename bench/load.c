/* Fills the work queue: messages of 400 bytes, orders and e-mails in turn, persistent, mandatory and
 * confirmed.
 *
 * usage: bench_load PORT EXCHANGE COUNT [RATE] [FIRST]     RATE a second, 0: as fast as the broker confirms
 * Each message carries "at=<CLOCK_REALTIME in ns>" in a text that ends up in its mail. Prints how many were
 * confirmed. */
#include "io/amqp/amqp_library.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 500, BODY_BYTES = 400, TITLE_REST_BYTES = 150 };

static amqp_connection_state_t connection;
static uint64_t confirmed, oldest = 1; /* how many; the oldest that may not be */
static bool *is_confirmed;             /* by sequence number, from 1 */

static int64_t clock_ns(clockid_t id)
{
        struct timespec now;
        clock_gettime(id, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void must(int status, const char *what)
{
        if (status >= 0)
                return;
        fprintf(stderr, "bench_load: %s: %s\n", what, amqp_error_string2(status));
        exit(1);
}

static void must_reply(amqp_rpc_reply_t reply, const char *what)
{
        if (reply.reply_type == AMQP_RESPONSE_NORMAL)
                return;
        fprintf(stderr, "bench_load: %s\n", what);
        exit(1);
}

static void connect_to(int port)
{
        connection = amqp_new_connection();
        amqp_socket_t *socket = amqp_tcp_socket_new(connection);
        must(amqp_socket_open(socket, "127.0.0.1", port), "connect");
        must_reply(amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"),
                   "login");
        amqp_channel_open(connection, 1);
        must_reply(amqp_get_rpc_reply(connection), "channel");
        amqp_confirm_select(connection, 1);
        must_reply(amqp_get_rpc_reply(connection), "confirm");
}

static void confirms_read(int64_t wait_ns)
{
        amqp_frame_t frame;
        struct timeval wait = {.tv_sec = wait_ns / 1000000000, .tv_usec = wait_ns / 1000 % 1000000};
        int status = amqp_simple_wait_frame_noblock(connection, &frame, &wait);
        if (status == AMQP_STATUS_TIMEOUT)
                return;
        must(status, "read");
        if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
                const amqp_basic_ack_t *ack = frame.payload.method.decoded;
                for (uint64_t tag = ack->multiple ? oldest : ack->delivery_tag; tag <= ack->delivery_tag;
                     tag++) {
                        confirmed += !is_confirmed[tag];
                        is_confirmed[tag] = true;
                }
                while (is_confirmed[oldest])
                        oldest++;
        } else {
                must(AMQP_STATUS_UNEXPECTED_STATE, "a message was not taken");
        }
        amqp_maybe_release_buffers(connection);
}

static size_t order_write(char *body, int64_t number, int64_t now)
{
        snprintf(body, BODY_BYTES + 1,
                 "{\"order_id\":%" PRId64 ",\"customer_email\":\"customer%" PRId64 "@example.com\","
                 "\"title\":\"Tea and biscuits at=%" PRId64 ", ",
                 number + 1, number, now);
        size_t len = strlen(body);
        for (size_t end = len + TITLE_REST_BYTES; len < end; len++)
                body[len] = "please leave it with the neighbours "[len % 36];
        memcpy(body + len, "\"}", 2);
        memset(body + len + 2, ' ', BODY_BYTES - 2 - len); /* the type is closed to other fields */
        return BODY_BYTES;
}

static size_t email_write(char *body, int64_t number, int64_t now)
{
        snprintf(body, BODY_BYTES + 1,
                 "{\"to\":\"customer%" PRId64 "@example.com\",\"subject\":\"Your parcel is on its way\","
                 "\"text\":\"Hello,\\n\\nyour parcel at=%" PRId64 " is on its way.\\n",
                 number, now);
        size_t len = strlen(body);
        for (; len < BODY_BYTES - 2; len++)
                body[len] = "It will be with you the day after tomorrow. "[len % 44];
        memcpy(body + len, "\"}", 2);
        return BODY_BYTES;
}

static void publish(const char *exchange, int64_t number)
{
        char body[BODY_BYTES + 64], id[64];
        bool order = number % 2 == 0;
        const char *type = order ? "order.created.v1" : "email.send.v1";
        int64_t now = clock_ns(CLOCK_REALTIME);
        size_t len = order ? order_write(body, number, now) : email_write(body, number, now);
        snprintf(id, sizeof(id), "3f2c6c1e-7b8a-4d51-9f00-%012" PRId64, number);
        amqp_basic_properties_t properties = {
                ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                          AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG,
                .content_type = amqp_cstring_bytes("application/json"),
                .delivery_mode = 2,
                .message_id = amqp_cstring_bytes(id),
                .type = amqp_cstring_bytes(type),
                .timestamp = (uint64_t)(now / 1000000000),
        };
        must(amqp_basic_publish(connection, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes(type), 1, 0,
                                &properties, (amqp_bytes_t){.bytes = body, .len = len}),
             "publish");
}

int main(int argc, char **argv)
{
        if (argc < 4) {
                fprintf(stderr, "usage: bench_load PORT EXCHANGE COUNT [RATE] [FIRST]\n");
                return 2;
        }
        int64_t count = atoll(argv[3]), rate = argc > 4 ? atoll(argv[4]) : 0,
                first = argc > 5 ? atoll(argv[5]) : 0;
        is_confirmed = calloc((size_t)count + 2, sizeof(*is_confirmed));
        if (!is_confirmed)
                return 1;
        connect_to(atoi(argv[1]));
        int64_t began = clock_ns(CLOCK_MONOTONIC), sent = 0;
        while (sent < count) {
                int64_t wait = rate ? began + sent * 1000000000 / rate - clock_ns(CLOCK_MONOTONIC) : 0;
                if (wait > 0 || (uint64_t)sent - confirmed >= WINDOW)
                        confirms_read(wait > 0 ? wait : 1000000000);
                else
                        publish(argv[2], first + sent++);
        }
        while (confirmed < (uint64_t)count)
                confirms_read(1000000000);
        printf("%" PRIu64 "\n", confirmed);
        return 0;
}
