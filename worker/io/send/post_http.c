#include "io/send/post_http.h"
#include "core/codec/traceparent.h"
#include "core/codec/tracestate.h"
#include "core/memory/memory.h"
#include "core/send/mail_preset.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"
#include "core/send/webhook_sign.h"
#include "io/machine/clock.h"
#include "io/send/curl_loop.h"
#include "io/send/send_curl.h"
#include "io/send/send_guard.h"
#include "io/send/transports.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 64 * 1024, ANSWER_KEPT = 1024, HEADERS_MAX = 10 };

/* One post under way, and the handle that the next one uses again. */
struct posting {
        struct post_http *owner;
        struct posting *next; /* in the list of free ones */
        CURL *easy;           /* made for the first post that needs it */
        struct buffer lines;  /* the headers of this post, each with its NUL */
        struct curl_slist headers[HEADERS_MAX];
        size_t body_len, answered;
        char answer[ANSWER_KEPT]; /* its beginning, for what it says to people */
        struct send_terms terms;
        bool busy, fenced;
        char cause[CURL_ERROR_SIZE]; /* libcurl's own words */
        send_done *done;
        void *context;
};

struct post_http {
        struct transport base;
        const struct config_outlet *config;
        struct send_guard guard;
        struct curl_loop *curl_loop;
        struct posting *free;
        struct posting postings[];
};

static size_t answer_kept(const struct posting *posting)
{
        return posting->answered < ANSWER_KEPT ? posting->answered : ANSWER_KEPT;
}

static size_t post_answer_take(char *data, size_t size, size_t count, void *context)
{
        struct posting *posting = context;
        size_t len = size * count, room = ANSWER_KEPT - answer_kept(posting);
        memcpy(posting->answer + answer_kept(posting), data, len < room ? len : room);
        posting->answered += len;
        return posting->answered > ANSWER_MAX ? 0 : len; /* 0 ends the transfer */
}

/* The last moment before the request leaves, on a new or an old connection, also when libcurl sends it again.
 */
static int fence_ask_post(void *context, char *ip, char *local_ip, int port, int local_port)
{
        struct posting *posting = context;
        (void)ip, (void)local_ip, (void)port, (void)local_port;
        posting->fenced = clock_boot_ms() > posting->terms.valid_until_ms;
        return posting->fenced ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- what came of it ---- */

static bool body_left(const struct posting *posting)
{
        curl_off_t uploaded = 0;
        curl_easy_getinfo(posting->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
        return (size_t)uploaded >= posting->body_len;
}

static struct send_result answer_judge_post(const struct posting *posting, int status)
{
        struct curl_header *header;
        struct slice retry_after = {0};
        if (curl_easy_header(posting->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
                retry_after = slice_of(header->value);
        struct send_result result = send_outcome_http(
                &(struct http_answer){.status = status,
                                      .judged = status == 409, /* a refusal for now */
                                      .verdict = SEND_TRANSIENT,
                                      .retry_after = retry_after,
                                      .retry_after_max_ms = posting->owner->config->retry_after_max_ms,
                                      .now_s = clock_wall_ms() / 1000});
        struct slice said = {.data = posting->answer, .len = answer_kept(posting)}, words;
        if (result.outcome != SEND_DONE && mail_preset_words(&preset_custom, said, &words))
                send_error_add(&result, words, posting->owner->config->post.secret);
        return result;
}

static struct send_result blocked_judge(void)
{
        struct send_result result = send_result_of(SEND_PERMANENT);
        send_error_set(&result, "not sent",
                       SLICE_LITERAL("the host has an address that is not public (outlets.*.allow_private)"),
                       NULL);
        return result;
}

static struct send_result posting_judge(const struct posting *posting, CURLcode code, bool blocked)
{
        long status = 0;
        curl_easy_getinfo(posting->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200) /* the answer counts though its body was cut or too long */
                return answer_judge_post(posting, (int)status);
        if (posting->fenced)
                return send_outcome_fenced();
        const char *cause = send_curl_cause(code, posting->cause);
        bool sent = body_left(posting);
        if (blocked && code == CURLE_COULDNT_CONNECT)
                return blocked_judge();
        if (!sent && send_curl_settings_at_fault(code))
                return send_outcome_settings(cause);
        return send_outcome_cut(sent, cause);
}

static void posting_end(struct posting *posting, const struct send_result *result)
{
        struct post_http *http = posting->owner;
        posting->busy = false;
        posting->next = http->free;
        http->free = posting;
        posting->done(posting->context, result);
}

static void on_posting_ended(CURL *easy, void *owner, CURLcode code)
{
        struct posting *posting = owner;
        struct post_http *http = posting->owner;
        struct send_result result = posting_judge(posting, code, http->guard.blocked);
        http->guard.blocked = false;
        /* libcurl 8.14 leaks the name of a failed look-up when its handle fails to find one again. */
        if (code == CURLE_COULDNT_RESOLVE_HOST) {
                curl_easy_cleanup(easy);
                posting->easy = NULL;
        }
        posting_end(posting, &result);
}

/* ---- the request ---- */

static CURL *post_easy_make(struct posting *posting)
{
        const struct config_outlet *config = posting->owner->config;
        CURL *easy = send_curl_easy(&config->post.tls, "http,https", config->timeout_ms);
        curl_loop_adopt(posting->owner->curl_loop, easy, (size_t)(posting - posting->owner->postings));
        SEND_CURL_SET(easy, CURLOPT_POST, 1L);
        SEND_CURL_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
        SEND_CURL_SET(easy, CURLOPT_ERRORBUFFER, posting->cause);
        SEND_CURL_SET(easy, CURLOPT_PRIVATE, posting);
        SEND_CURL_SET(easy, CURLOPT_WRITEFUNCTION, post_answer_take);
        SEND_CURL_SET(easy, CURLOPT_WRITEDATA, posting);
        SEND_CURL_SET(easy, CURLOPT_PREREQFUNCTION, fence_ask_post);
        SEND_CURL_SET(easy, CURLOPT_PREREQDATA, posting);
        return easy;
}

static void header_line_end(struct buffer *lines)
{
        buffer_add_char(lines, '\0');
}

/* Adds "v1,.. v1,..", of the new secret and the old. */
static void add_signature(struct buffer *lines, const struct config_outlet *config,
                          const struct post_request *request, int64_t now_s)
{
        const char *const texts[] = {config->post.secret, config->post.secret_old};
        struct buffer signature = {0};
        for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
                struct webhook_secret secret;
                if (texts[i] && webhook_secret_parse(texts[i], &secret))
                        webhook_sign(&signature, &secret, request->key, now_s, request->body);
        }
        if (signature.len) {
                buffer_printf(lines, "webhook-signature: %s", signature.data);
                header_line_end(lines);
        }
        buffer_fini(&signature);
}

static void post_add_state(struct buffer *lines, const char *tracestate)
{
        if (!tracestate_valid(slice_of(tracestate)))
                return;
        buffer_printf(lines, "tracestate: %s", tracestate);
        header_line_end(lines);
}

/* An empty Expect keeps libcurl from waiting for 100 Continue before a large body. */
static void lines_add(struct posting *posting, const struct post_request *request)
{
        struct buffer *lines = &posting->lines;
        int64_t now_s = clock_wall_ms() / 1000;
        char traceparent[TRACEPARENT_SIZE];
        buffer_clear(lines);
        buffer_add(lines, "Content-Type: application/json\0Expect:",
                   sizeof("Content-Type: application/json\0Expect:"));
        buffer_add_text(lines, "User-Agent: leveret/" LEVERET_VERSION);
        header_line_end(lines);
        if (request->bare)
                return;
        buffer_printf(lines, "webhook-id: %s", request->key);
        header_line_end(lines);
        buffer_printf(lines, "webhook-timestamp: %" PRId64, now_s);
        header_line_end(lines);
        buffer_printf(lines, "Idempotency-Key: %s", request->key);
        header_line_end(lines);
        if (traceparent_parse(slice_of(request->traceparent), traceparent)) {
                buffer_printf(lines, "traceparent: %s", traceparent);
                header_line_end(lines);
                post_add_state(lines, request->tracestate);
        }
        add_signature(lines, posting->owner->config, request, now_s);
}

/* libcurl only reads the list. */
static struct curl_slist *lines_link(struct posting *posting)
{
        size_t count = 0;
        for (size_t at = 0; at < posting->lines.len; at += strlen(posting->lines.data + at) + 1) {
                assert(count < HEADERS_MAX);
                posting->headers[count].data = posting->lines.data + at;
                posting->headers[count].next = NULL;
                if (count > 0)
                        posting->headers[count - 1].next = &posting->headers[count];
                count++;
        }
        return posting->headers;
}

static struct posting *posting_take(struct post_http *http, send_done *done, void *context)
{
        struct posting *posting = http->free;
        assert(posting); /* the caller keeps to the capacity */
        http->free = posting->next;
        if (!posting->easy)
                posting->easy = post_easy_make(posting);
        posting->busy = true;
        posting->fenced = false;
        posting->answered = 0;
        posting->cause[0] = '\0';
        posting->done = done;
        posting->context = context;
        return posting;
}

void post_http_send(struct transport *transport, const struct post_request *request, struct send_terms terms,
                    send_done *done, void *context)
{
        struct post_http *http = (struct post_http *)transport;
        struct posting *posting = posting_take(http, done, context);
        posting->terms = terms;
        posting->body_len = request->body.len;
        lines_add(posting, request);
        SEND_CURL_SET(posting->easy, CURLOPT_URL, request->url);
        SEND_CURL_SET(posting->easy, CURLOPT_HTTPHEADER, lines_link(posting));
        SEND_CURL_SET(posting->easy, CURLOPT_POSTFIELDS, request->body.data);
        SEND_CURL_SET(posting->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        SEND_CURL_SET(posting->easy, CURLOPT_FRESH_CONNECT, (long)terms.park);
        SEND_CURL_SET(posting->easy, CURLOPT_FORBID_REUSE, (long)terms.park);
        curl_loop_add(http->curl_loop, posting->easy, (size_t)(posting - http->postings));
}

static void post_http_close(struct transport *transport)
{
        struct post_http *http = (struct post_http *)transport;
        for (size_t i = 0; i < http->base.capacity; i++) {
                struct posting *posting = &http->postings[i];
                if (posting->busy) {
                        struct send_result result = send_outcome_stopped(body_left(posting));
                        curl_loop_remove(http->curl_loop, posting->easy, i);
                        posting_end(posting, &result);
                }
        }
        for (size_t i = 0; i < http->base.capacity; i++) {
                curl_easy_cleanup(http->postings[i].easy);
                buffer_fini(&http->postings[i].lines);
        }
        curl_loop_close(http->curl_loop);
        free(http);
}

struct transport *post_http_open(uv_loop_t *loop, const struct config_outlet *config, bool allow_private)
{
        size_t capacity = (size_t)config->post.connections;
        struct post_http *http = memory_zeroed(1, sizeof *http + capacity * sizeof *http->postings);
        http->base = (struct transport){.capacity = capacity, .close = post_http_close};
        http->config = config;
        http->guard.allow_private = allow_private;
        http->curl_loop = curl_loop_open(loop, capacity, on_posting_ended, NULL);
        curl_loop_set_guard(http->curl_loop, send_guard_allows, &http->guard);
        for (size_t i = capacity; i-- > 0;) {
                http->postings[i].owner = http;
                http->postings[i].next = http->free;
                http->free = &http->postings[i];
        }
        return &http->base;
}
