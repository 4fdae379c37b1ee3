#include "core/mail/mail_request.h"
#include "core/memory/memory.h"
#include "core/send/http_body.h"
#include "core/send/mail_json.h"
#include "core/send/mail_people.h"
#include "core/send/mail_preset.h"
#include "core/send/send_error.h"
#include "core/send/send_outcome.h"
#include "io/machine/clock.h"
#include "io/send/curl_loop.h"
#include "io/send/look_http.h"
#include "io/send/send_curl.h"
#include "io/send/trace_lines.h"
#include "io/send/transports.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { RESPONSE_MAX = 64 * 1024, HEADER_LINE_MAX = 128 };
/* Of the largest mail that a handle ever had, no more is kept for the next. */
enum { BODY_KEPT_MAX = 64 * 1024 };

/* One mail under way, and the handle that the next one uses again. */
struct http_mail {
        struct mail_http *owner;
        struct http_mail *next; /* in the list of free or of refused ones */
        CURL *easy;
        struct buffer body, response;
        struct trace_lines trace;
        /* The headers of this mail, linked in front of those of all; libcurl only reads the list. */
        struct curl_slist key_header, type_header;
        char key_line[HEADER_LINE_MAX], type_line[HEADER_LINE_MAX];
        struct send_terms terms;
        bool busy, fenced, probe;    /* probe: it ends with the connection, no mail follows */
        bool once, begun, repeated;  /* once: libcurl must not send again what it has begun to send */
        char cause[CURL_ERROR_SIZE]; /* libcurl's own words */
        struct send_result result;
        send_done *done;
        void *context;
};

struct mail_http {
        struct transport base;
        struct mail_preset_rules rules;
        const struct config_outlet *config;
        const char *secret; /* for taking it out of errors; the config owns it */
        int64_t retry_after_max_ms;
        struct curl_loop *curl_loop;
        struct look_http *look; /* opened for the first question */
        struct curl_slist *headers;
        CURLU *url;
        uv_timer_t later;        /* done is not called from inside send */
        struct http_mail **free; /* a list for each multi handle: places that share one are taken first */
        struct http_mail *refused, **refused_end;
        struct http_mail posts[];
};

static size_t response_take(char *data, size_t size, size_t count, void *context)
{
        struct http_mail *post = context;
        size_t len = size * count;
        if (len > RESPONSE_MAX - post->response.len)
                return 0; /* ends the transfer */
        buffer_add(&post->response, data, len);
        return len;
}

/* The last moment before the request leaves, on a new or an old connection, also when libcurl sends it again
 * because the old one was closed without a word: what was sent there may have been read. */
static int fence_ask(void *context, char *ip, char *local_ip, int port, int local_port)
{
        struct http_mail *post = context;
        (void)ip, (void)local_ip, (void)port, (void)local_port;
        post->repeated = post->once && post->begun;
        post->fenced = !post->repeated && clock_boot_ms() > post->terms.valid_until_ms;
        post->begun = true;
        return post->fenced || post->repeated ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* The last byte was handed to the system: without all of them no service has a mail. */
static bool sent_whole(const struct http_mail *post)
{
        curl_off_t uploaded = 0;
        curl_easy_getinfo(post->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
        return (size_t)uploaded >= post->body.len;
}

static struct slice response_header_of(const struct http_mail *post, const char *name)
{
        struct curl_header *header;
        if (curl_easy_header(post->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
                return (struct slice){0};
        return slice_of(header->value);
}

/* The header with or without X- before it. */
static struct slice limit_header(const struct http_mail *post, const char *name)
{
        struct slice value = response_header_of(post, name);
        return value.data ? value : response_header_of(post, name + strlen("X-"));
}

static struct send_result mail_http_answer_judge(const struct http_mail *post, int status)
{
        const struct mail_http *http = post->owner;
        struct slice body = {.data = post->response.data, .len = post->response.len}, text = {0};
        struct preset_reply reply = {.status = status, .body = body};
        if (http->rules.id_header)
                reply.id_header = response_header_of(post, http->rules.id_header);
        if (http->rules.code_header)
                reply.code_header = response_header_of(post, http->rules.code_header);
        bool named = mail_preset_id(&http->rules, &reply, &text);
        struct preset_answer verdict = {0};
        bool judged = mail_preset_judge(&http->rules, &reply, &verdict);
        struct http_answer answer = {
                .status = status,
                .judged = judged,
                .verdict = verdict.outcome,
                .throttles = verdict.throttles,
                .nameless = !named,
                .limit_left = limit_header(post, "X-Ratelimit-Remaining"),
                .retry_after_max_ms = http->retry_after_max_ms,
                .now_s = clock_wall_ms() / 1000,
        };
        if (answer.limit_left.data)
                answer.limit_reset = limit_header(post, "X-Ratelimit-Reset");
        if (status >= 300 || judged || !named) { /* each look for a header takes its time */
                answer.foreign = http_answer_is_foreign(response_header_of(post, "Content-Type"), body);
                answer.retry_after = response_header_of(post, "Retry-After");
        }
        struct send_result result = send_outcome_http(&answer);
        if (!judged && mail_preset_refuses_all(&http->rules, &reply, http->secret, &result))
                return result;
        if (result.outcome == SEND_DONE && named)
                send_provider_id_set(&result, text);
        else if (result.outcome != SEND_DONE && mail_preset_words(&http->rules, body, &text))
                send_error_add(&result, text, http->secret);
        return result;
}

static struct send_result post_judge(const struct http_mail *post, CURLcode code)
{
        long status = 0;
        curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200) /* the answer counts though its body was cut or too long */
                return mail_http_answer_judge(post, (int)status);
        if (post->fenced)
                return send_outcome_fenced();
        if (post->repeated)
                return send_outcome_cut(/* sent = */ true, "the connection was closed without an answer");
        bool sent = sent_whole(post);
        if (!sent && send_curl_settings_at_fault(code))
                return send_outcome_settings(send_curl_cause(code, post->cause));
        return send_outcome_cut(sent, send_curl_cause(code, post->cause));
}

static struct send_result probe_judge(const struct http_mail *post, CURLcode code)
{
        SEND_CURL_SET(post->easy, CURLOPT_CONNECT_ONLY, 0L);
        if (code == CURLE_OK)
                return send_result_of(SEND_DONE);
        const char *cause = send_curl_cause(code, post->cause);
        return send_curl_settings_at_fault(code) ? send_outcome_settings(cause)
                                                 : send_outcome_cut(/* sent = */ false, cause);
}

static size_t post_place(const struct http_mail *post)
{
        return (size_t)(post - post->owner->posts);
}

static void post_give(struct http_mail *post)
{
        struct http_mail **free = &post->owner->free[post_place(post) / CURL_LOOP_SHARE];
        post->next = *free;
        *free = post;
}

/* Few mails keep to few connections; the caller keeps to the capacity. */
static struct http_mail *post_take(struct mail_http *http)
{
        size_t list = 0;
        while (!http->free[list]) {
                list++;
                assert(list * CURL_LOOP_SHARE < http->base.capacity);
        }
        struct http_mail *post = http->free[list];
        http->free[list] = post->next;
        return post;
}

static void post_end(struct http_mail *post, const struct send_result *result)
{
        send_done *done = post->done;
        void *context = post->context;
        struct send_result copy = *result;
        post->busy = false;
        buffer_recycle(&post->body, BODY_KEPT_MAX);
        post_give(post);
        done(context, &copy);
}

static void on_mail_ended(CURL *easy, void *owner, CURLcode code)
{
        struct http_mail *post = owner;
        http_body_read(&post->response, RESPONSE_MAX); /* packed though nobody asked: the id stands in it */
        struct send_result result = post->probe ? probe_judge(post, code) : post_judge(post, code);
        /* libcurl 8.14 leaks the name of a failed look-up when its handle fails to find one again. */
        if (code == CURLE_COULDNT_RESOLVE_HOST) {
                post->easy = curl_easy_duphandle(easy);
                if (!post->easy)
                        memory_out();
                curl_easy_cleanup(easy);
        }
        post_end(post, &result);
}

static void refused_deliver(struct mail_http *http)
{
        struct http_mail *post = http->refused;
        http->refused = NULL;
        http->refused_end = &http->refused;
        while (post) {
                struct http_mail *next = post->next;
                post_end(post, &post->result);
                post = next;
        }
}

static void mail_http_on_later(uv_timer_t *timer)
{
        refused_deliver(timer->data);
}

static void post_refuse(struct http_mail *post, struct send_result result)
{
        struct mail_http *http = post->owner;
        post->result = result;
        post->next = NULL;
        *http->refused_end = post;
        http->refused_end = &post->next;
        uv_timer_start(&http->later, mail_http_on_later, 0, 0);
}

static void headers_set(struct http_mail *post, const struct mail_request *request)
{
        struct curl_slist *rest = trace_lines_link(&post->trace, request->traceparent, request->tracestate,
                                                   post->owner->headers);
        snprintf(post->type_line, sizeof post->type_line, "Content-Type: application/json");
        if (post->owner->rules.form) {
                struct buffer boundary = {0};
                mail_preset_boundary(&boundary, request);
                snprintf(post->type_line, sizeof post->type_line,
                         "Content-Type: multipart/form-data; boundary=%s", boundary.data);
                buffer_fini(&boundary);
        }
        post->type_header.next = rest;
        rest = &post->type_header;
        if (post->owner->rules.key_header) {
                snprintf(post->key_line, sizeof post->key_line, "%s: %s", post->owner->rules.key_header,
                         request->key);
                post->key_header.next = rest;
                rest = &post->key_header;
        }
        SEND_CURL_SET(post->easy, CURLOPT_HTTPHEADER, rest);
}

static void post_start(struct http_mail *post, const struct mail_request *request)
{
        buffer_clear(&post->body);
        buffer_clear(&post->response);
        if (!post->owner->rules.body(&post->body, request, post->owner->config)) {
                post->busy = false;
                post_refuse(post, send_outcome_cut(/* sent = */ false, "a fetched file cannot be read"));
                return;
        }
        headers_set(post, request);
        SEND_CURL_SET(post->easy, CURLOPT_POSTFIELDS, post->body.data);
        SEND_CURL_SET(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
        SEND_CURL_SET(post->easy, CURLOPT_FRESH_CONNECT, (long)post->terms.park);
        SEND_CURL_SET(post->easy, CURLOPT_FORBID_REUSE, (long)post->terms.park);
        post->cause[0] = '\0';
        curl_loop_add(post->owner->curl_loop, post->easy, post_place(post));
}

static CURL *post_easy(struct http_mail *post, const struct config_outlet *config)
{
        struct mail_http *http = post->owner;
        CURL *easy = send_curl_easy(&config->http.tls, "http,https", config->timeout_ms);
        curl_loop_adopt(http->curl_loop, easy, post_place(post));
        SEND_CURL_SET(easy, CURLOPT_CURLU, http->url);
        SEND_CURL_SET(easy, CURLOPT_POST, 1L);
        SEND_CURL_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
        SEND_CURL_SET(easy, CURLOPT_ERRORBUFFER, post->cause);
        SEND_CURL_SET(easy, CURLOPT_PRIVATE, post);
        SEND_CURL_SET(easy, CURLOPT_WRITEFUNCTION, response_take);
        SEND_CURL_SET(easy, CURLOPT_WRITEDATA, post);
        SEND_CURL_SET(easy, CURLOPT_PREREQFUNCTION, fence_ask);
        SEND_CURL_SET(easy, CURLOPT_PREREQDATA, post);
        return easy;
}

static struct http_mail *post_occupy(struct transport *transport, send_done *done, void *context)
{
        struct http_mail *post = post_take((struct mail_http *)transport);
        post->done = done;
        post->context = context;
        post->fenced = post->probe = post->once = post->begun = post->repeated = false;
        return post;
}

static void http_probe(struct transport *transport, send_done *done, void *context)
{
        struct http_mail *post = post_occupy(transport, done, context);
        post->busy = post->probe = true;
        post->terms = (struct send_terms){.valid_until_ms = INT64_MAX};
        post->cause[0] = '\0';
        SEND_CURL_SET(post->easy, CURLOPT_CONNECT_ONLY, 1L);
        curl_loop_add(post->owner->curl_loop, post->easy, post_place(post));
}

static void http_send(struct transport *transport, const struct mail_request *request,
                      struct send_terms terms, send_done *done, void *context)
{
        struct http_mail *post = post_occupy(transport, done, context);
        struct mail_people people = {0};
        struct buffer refusal = {0};
        request = post->owner->rules.people_once ? mail_people_once(&people, request) : request;
        const char *problem = mail_preset_problem(&refusal, &post->owner->rules, request);
        post->terms = terms;
        post->busy = !problem;
        post->once = request->once;
        if (problem)
                post_refuse(post, send_outcome_invalid(problem));
        else
                post_start(post, request);
        buffer_fini(&refusal);
        mail_people_fini(&people);
}

static void http_look(struct transport *transport, const struct mail_request *request, look_done *done,
                      void *context)
{
        struct mail_http *http = (struct mail_http *)transport;
        if (!http->look)
                http->look = look_http_open(http->later.loop, http->config, http->base.capacity + 1,
                                            http->headers);
        look_http_ask(http->look, request, done, context);
}

static void post_fini(struct http_mail *post)
{
        curl_easy_cleanup(post->easy);
        buffer_fini(&post->body);
        buffer_fini(&post->response);
        trace_lines_fini(&post->trace);
}

static void mail_http_on_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void mail_http_close(struct transport *transport)
{
        struct mail_http *http = (struct mail_http *)transport;
        refused_deliver(http);
        if (http->look)
                look_http_close(http->look);
        for (size_t i = 0; i < http->base.capacity; i++) {
                struct http_mail *post = &http->posts[i];
                if (!post->busy)
                        continue;
                struct send_result result = send_outcome_stopped(sent_whole(post));
                curl_loop_remove(http->curl_loop, post->easy, i);
                post_end(post, &result);
        }
        for (size_t i = 0; i < http->base.capacity; i++)
                post_fini(&http->posts[i]);
        curl_loop_close(http->curl_loop);
        curl_slist_free_all(http->headers);
        curl_url_cleanup(http->url);
        free(http->free);
        uv_close((uv_handle_t *)&http->later, mail_http_on_closed);
}

/* What is the same for every mail. An empty Expect keeps libcurl from waiting for 100 Continue before a large
 * body. */
static struct curl_slist *headers_new(const struct config_outlet *config,
                                      const struct mail_preset_rules *rules)
{
        struct buffer line = {0};
        struct curl_slist *headers = send_curl_header(NULL, "User-Agent: leveret/" LEVERET_VERSION);
        if (rules->auth != PRESET_AUTH_SIGV4) /* libcurl 7.88 would sign it, and not send it */
                headers = send_curl_header(headers, "Expect:");
        if (rules->auth_header) {
                buffer_printf(&line, "%s: ", rules->auth_header);
                size_t name_len = line.len;
                mail_preset_authorization(&line, config);
                if (line.len > name_len)
                        headers = send_curl_header(headers, line.data);
                buffer_fini(&line);
        }
        return headers;
}

static bool mail_http_printable(const char *text)
{
        for (; text && *text; text++)
                if (*text <= ' ' || *text > '~')
                        return false;
        return true;
}

static bool settings_check(const struct config_outlet *config, const char *url, char *error)
{
        const char *const values[] = {config->http.api_key,
                                      config->http.username,
                                      config->http.password,
                                      config->http.region,
                                      config->http.domain,
                                      config->http.project,
                                      config->http.custom.auth_header};
        static const char *const names[] = {"api_key", "username", "password",          "region",
                                            "domain",  "project",  "custom.auth_header"};
        const char *lacks = mail_preset_lacks(config);
        if (lacks) {
                snprintf(error, TRANSPORT_ERROR_MAX, "mail.http.%s is required by the preset %s", lacks,
                         mail_preset_rules(config->http.preset)->name);
                return false;
        }
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
                if (!mail_http_printable(values[i])) {
                        snprintf(error, TRANSPORT_ERROR_MAX,
                                 "mail.http.%s holds a space or a control character", names[i]);
                        return false;
                }
        return send_curl_url_check(&(struct send_url_rule){"mail.http.url", "http", "https"}, url,
                                   config->allow_plaintext, error);
}

/* AWS Signature Version 4: libcurl signs, and hashes the body, anew for each try. */
static void signature_set(CURL *easy, const struct config_outlet *config,
                          const struct mail_preset_rules *rules)
{
        char scope[128];
        if (rules->auth != PRESET_AUTH_SIGV4)
                return;
        snprintf(scope, sizeof scope, "aws:amz:%s:ses", config->http.region);
        SEND_CURL_SET(easy, CURLOPT_AWS_SIGV4, scope);
        SEND_CURL_SET(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
        SEND_CURL_SET(easy, CURLOPT_USERNAME, config->http.username);
        SEND_CURL_SET(easy, CURLOPT_PASSWORD, config->http.password);
}

static void posts_init(struct mail_http *http, const struct config_outlet *config)
{
        for (size_t i = http->base.capacity; i-- > 0;) {
                struct http_mail *post = &http->posts[i];
                post->owner = http;
                post->easy = post_easy(post, config);
                signature_set(post->easy, config, &http->rules);
                post->key_header.data = post->key_line;
                post->type_header.data = post->type_line;
                post_give(post);
        }
}

struct transport *mail_http_open(uv_loop_t *loop, const struct config_outlet *config, char *error)
{
        size_t capacity = config->http.connections > 0 ? (size_t)config->http.connections : 1;
        struct buffer url = {0};
        mail_preset_url(&url, config);
        if (!settings_check(config, url.data, error)) {
                buffer_fini(&url);
                return NULL;
        }
        struct mail_http *http = memory_zeroed(1, sizeof *http + capacity * sizeof *http->posts);
        http->base = (struct transport){.capacity = capacity,
                                        .send = http_send,
                                        .probe = http_probe,
                                        .look = http_look,
                                        .close = mail_http_close};
        http->free = memory_zeroed(capacity / CURL_LOOP_SHARE + 1, sizeof *http->free);
        http->rules = mail_preset_of(config);
        http->config = config;
        http->secret = config->http.api_key ? config->http.api_key : config->http.password;
        http->retry_after_max_ms = config->retry_after_max_ms;
        http->refused_end = &http->refused;
        http->headers = headers_new(config, &http->rules);
        http->url = send_curl_url(url.data);
        buffer_fini(&url);
        http->curl_loop = curl_loop_open(loop, capacity, on_mail_ended, NULL);
        uv_timer_init(loop, &http->later);
        http->later.data = http;
        posts_init(http, config);
        return &http->base;
}
