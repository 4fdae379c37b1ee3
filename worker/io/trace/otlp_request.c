#include "io/trace/otlp_request.h"
#include "core/trace/otlp_pairs.h"
#include "io/machine/clock.h"
#include "io/send/send_curl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MAX = 64 << 10 };

int64_t otlp_now_ms(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What is beyond the bound says nothing that is needed: it is read and forgotten. */
static size_t answer_take(char *data, size_t size, size_t count, void *context)
{
        struct otlp_request *request = context;
        size_t len = size * count, room = ANSWER_MAX - request->answer.len;
        buffer_add(&request->answer, data, len < room ? len : room);
        return len;
}

static void headers_make(struct otlp_request *request, const struct config *config)
{
        struct config_texts pairs = {0};
        size_t bad;
        otlp_pairs(&request->arena, &config->otlp.headers, &pairs, &bad);
        request->headers = send_curl_header(NULL, "Content-Type: application/json");
        request->headers = send_curl_header(request->headers, "User-Agent: leveret/" LEVERET_VERSION);
        request->headers = send_curl_header(request->headers, "Expect:");
        for (size_t i = 0; i < pairs.count; i++) {
                const char *end = strchr(pairs.list[i], '\n');
                request->headers = send_curl_header(
                        request->headers, arena_printf(&request->arena, "%.*s: %s",
                                                       (int)(end - pairs.list[i]), pairs.list[i], end + 1));
        }
}

static void resource_make(struct otlp_request *request, const struct config *config, const char *instance)
{
        size_t bad;
        const char *name = config->otlp.service_name;
        struct config_texts pairs = {0};
        otlp_pairs(&request->arena, &config->otlp.resource, &pairs, &bad);
        const char *service = otlp_pair(&pairs, "service.name"),
                   *own = otlp_pair(&pairs, "service.instance.id");
        for (size_t i = 0; i < pairs.count; i++)
                if (!otlp_is_own(pairs.list[i]))
                        request->more.list[request->more.count++] =
                                arena_strdup(&request->arena, pairs.list[i]);
        request->resource = (struct span_resource){
                .service = arena_strdup(&request->arena,
                                        service && strcmp(name, "leveret") == 0 ? service : name),
                .instance = arena_strdup(&request->arena, own ? own : instance),
                .version = LEVERET_VERSION,
                .more = request->more.list,
                .more_count = request->more.count};
}

static void easy_make(struct otlp_request *request, const struct config_tls *tls)
{
        request->easy = send_curl_easy(tls, "http,https", request->timeout_ms);
        SEND_CURL_SET(request->easy, CURLOPT_CURLU, request->url);
        SEND_CURL_SET(request->easy, CURLOPT_POST, 1L);
        SEND_CURL_SET(request->easy, CURLOPT_FOLLOWLOCATION, 0L);
        SEND_CURL_SET(request->easy, CURLOPT_ACCEPT_ENCODING, "identity");
        SEND_CURL_SET(request->easy, CURLOPT_HTTPHEADER, request->headers);
        SEND_CURL_SET(request->easy, CURLOPT_ERRORBUFFER, request->cause);
        SEND_CURL_SET(request->easy, CURLOPT_WRITEFUNCTION, answer_take);
        SEND_CURL_SET(request->easy, CURLOPT_WRITEDATA, request);
}

void otlp_request_open(struct otlp_request *request, const struct config *config, const char *instance)
{
        *request = (struct otlp_request){.timeout_ms = config->otlp.timeout_ms};
        arena_init(&request->arena);
        struct config_tls tls = {
                .ca_file = config->otlp.tls.ca_file ? arena_strdup(&request->arena, config->otlp.tls.ca_file)
                                                    : NULL,
                .cert_file = config->otlp.tls.cert_file
                                     ? arena_strdup(&request->arena, config->otlp.tls.cert_file)
                                     : NULL,
                .key_file = config->otlp.tls.key_file
                                    ? arena_strdup(&request->arena, config->otlp.tls.key_file)
                                    : NULL};
        headers_make(request, config);
        resource_make(request, config, instance);
        request->url = send_curl_url(otlp_target(&request->arena, config));
        easy_make(request, &tls);
        request->multi = curl_multi_init();
        if (!request->multi)
                abort();
}

void otlp_request_close(struct otlp_request *request)
{
        curl_easy_cleanup(request->easy);
        curl_multi_cleanup(request->multi);
        curl_url_cleanup(request->url);
        curl_slist_free_all(request->headers);
        buffer_fini(&request->body);
        buffer_fini(&request->answer);
        arena_fini(&request->arena);
}

/* Until it is over. False: the deadline came first. */
static bool perform(struct otlp_request *request, int64_t (*deadline)(void *context), void *context,
                    CURLcode *code)
{
        int running = 1, left;
        while (running) {
                int64_t left_ms = deadline(context) - otlp_now_ms();
                if (left_ms <= 0)
                        return false;
                if (curl_multi_perform(request->multi, &running) != CURLM_OK)
                        abort();
                if (running)
                        curl_multi_poll(request->multi, NULL, 0, (int)(left_ms < 1000 ? left_ms : 1000),
                                        NULL);
        }
        const CURLMsg *message = curl_multi_info_read(request->multi, &left);
        *code = message ? message->data.result : CURLE_FAILED_INIT;
        return true;
}

static struct otlp_verdict answer_judge(struct otlp_request *request, CURLcode code)
{
        struct curl_header *header;
        long status = 0;
        curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
        struct otlp_answer answer = {.status = (int)status,
                                     .body = {.data = request->answer.data, .len = request->answer.len},
                                     .cause = code == CURLE_OK ? NULL : send_curl_cause(code, request->cause),
                                     .now_s = clock_wall_ms() / 1000};
        if (curl_easy_header(request->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
                answer.retry_after = slice_of(header->value);
        return otlp_judge(&answer);
}

struct otlp_verdict otlp_request_send(struct otlp_request *request, int64_t (*deadline)(void *context),
                                      void *context)
{
        CURLcode code;
        buffer_recycle(&request->answer, ANSWER_MAX);
        request->cause[0] = '\0';
        SEND_CURL_SET(request->easy, CURLOPT_POSTFIELDS, request->body.data);
        SEND_CURL_SET(request->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        if (curl_multi_add_handle(request->multi, request->easy) != CURLM_OK)
                abort();
        bool over = perform(request, deadline, context, &code);
        struct otlp_verdict verdict = over ? answer_judge(request, code)
                                           : otlp_judge(&(struct otlp_answer){.cause = "it took too long"});
        curl_multi_remove_handle(request->multi, request->easy);
        return verdict;
}
