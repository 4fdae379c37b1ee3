#ifndef LEVERET_IO_HTTP_SERVER_H
#define LEVERET_IO_HTTP_SERVER_H

#include "core/memory/slice.h"
#include "core/text/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/*
 * HTTP/1.1 for many clients, on a bounded pool of threads that poll: a slow client costs a place, never a
 * thread; a thread is held only while an answer is made.
 *
 * Bounds: HTTP_CONNECTIONS_MAX connections (more are closed at once), 32 KiB for a request's head (else 431),
 * `body_max` bytes of body (else 413; before it is read if the head says its length). After 10 s of silence,
 * or HTTP_CONNECTION_LIFE_MS for one request, the connection is cut.
 */
struct http_server;
struct http_request;
struct http_waiting;
struct http_stream;

enum {
        HTTP_THREADS = 8,
        HTTP_CONNECTIONS_MAX = 2048,
        HTTP_CONNECTION_LIFE_MS = 90000,
        HTTP_HEADERS_MAX = 8,
        HTTP_VALUE_SIZE = 512,
        HTTP_SERVER_ERROR_MAX = 256,
};

struct http_answer {
        int status; /* 200 before */
        const char *content_type;
        struct buffer body;   /* empty before */
        struct slice lasting; /* bytes in place of `body`, which outlive the server */
        bool may_be_kept;     /* by browsers, who ask each time whether it is still so */
        struct {
                const char *name; /* static */
                char value[HTTP_VALUE_SIZE];
        } headers[HTTP_HEADERS_MAX];
};

struct http_server_options {
        const char *listen;               /* host:port */
        const char *cert_file, *key_file; /* PEM; NULL: no TLS */
        size_t body_max;
        /* On a thread of the pool, several at once: fills the answer. May block, but within seconds. */
        void (*answer)(void *context, const struct http_request *request, struct http_answer *answer);
        /* The same for what is refused before its body was read. */
        void (*refuse)(void *context, int status, const char *detail, struct http_answer *answer);
        /* On the loop's thread: before it listens; when it is to end, while answers are still made; and when
         * none is any more. */
        void (*opened)(void *context, uv_loop_t *loop);
        void (*closing)(void *context);
        void (*closed)(void *context);
        void *context;
};

/* Serves until SIGTERM or SIGINT, then finishes what is being answered. `listening` gets the port. False
 * with the cause in `error` (HTTP_SERVER_ERROR_MAX) if it cannot begin. */
bool http_server_run(const struct http_server_options *options,
                     void (*listening)(void *context, uint16_t port), char *error);

/* Begins to listen. NULL with the cause in `error` (HTTP_SERVER_ERROR_MAX). The loop cuts connections. */
struct http_server *http_server_open(uv_loop_t *loop, const struct http_server_options *options, char *error);
uint16_t http_server_port(const struct http_server *server);
/* On the loop's thread: takes no new connection, and turns the loop until no answer is being made, since one
 * may wait for what the loop does. */
void http_server_drain(struct http_server *server);
/* On the loop's thread: takes no more, finishes what is being answered. Freed by the loop's next turn. */
void http_server_close(struct http_server *server);

const char *http_request_method(const struct http_request *request);
/* As it came, still percent-encoded, without the query. */
const char *http_request_path(const struct http_request *request);
struct slice http_request_body(const struct http_request *request);
/* The first header of that name in any case; NULL: absent. */
const char *http_request_header(const struct http_request *request, const char *name);
/*
 * An answer that comes later: within `answer`, which then returns without one. The connection is suspended
 * and costs no thread; it is cut HTTP_CONNECTION_LIFE_MS later. http_waiting_answer must follow, once, before
 * the server is drained; any thread; the body is taken over.
 */
struct http_waiting *http_request_wait(const struct http_request *request);
void http_waiting_answer(struct http_waiting *waiting, const struct http_answer *answer);

/*
 * An answer that goes on: within `answer`, which fills status, content type and headers alone. Any one thread
 * then adds to it. False: the client is gone or too slow. http_stream_end must follow, before the server is
 * closed.
 */
struct http_stream *http_request_stream(const struct http_request *request);
bool http_stream_add(struct http_stream *stream, struct slice text);
void http_stream_end(struct http_stream *stream);

/* Of the client's address: the same for the same, and for an IPv6 network of 64 bits. */
uint64_t http_request_client(const struct http_request *request);
/* Adds a header; the value is copied, cut at HTTP_VALUE_SIZE. The name is static. */
void http_answer_header(struct http_answer *answer, const char *name, const char *value);
/* The value of the query's first member of that name as it came, still encoded; NULL: absent. "" for one
 * without a value. */
const char *http_request_query(const struct http_request *request, const char *name);
/* The name of a member of the query that `known` does not know or that occurs twice; NULL: there is none. */
const char *http_request_stray(const struct http_request *request,
                               bool (*known)(void *context, const char *name), void *context);

#endif
