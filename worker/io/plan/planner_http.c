#include "core/memory/memory.h"
#include "core/send/send_outcome.h"
#include "io/machine/clock.h"
#include "io/plan/planner_state.h"
#include "io/send/curl_loop.h"
#include "io/send/send_curl.h"
#include "io/send/trace_lines.h"

#include <stdio.h>
#include <stdlib.h>

/* A service that is posted a CloudEvent for each job. */

enum { RETRY_AFTER_MAX_MS = 3600000 };

/* One request at a time, and the handle that the next one uses again. */
struct asking {
        struct planner_http *http;
        CURL *easy; /* made for the first that needs it */
        struct planner_ask *ask;
        struct buffer answer;
        struct trace_lines trace;
        bool too_long;
        char cause[CURL_ERROR_SIZE];
};

struct planner_http {
        struct planner *planner;
        struct curl_loop *curl_loop;
        struct curl_slist *headers;
        struct asking askings[PLANNER_PLACES];
};

static void http_question(struct buffer *out, const struct plan_question *question)
{
        plan_question_event(out, question, "leveret");
}

static size_t planner_answer_take(char *data, size_t size, size_t count, void *context)
{
        struct asking *asking = context;
        asking->too_long = asking->answer.len + size * count > PLAN_ANSWER_MAX;
        if (asking->too_long)
                return 0;
        buffer_add(&asking->answer, data, size * count);
        return size * count;
}

/* ---- What came of it ---- */

static int64_t retry_after_ms(CURL *easy)
{
        struct curl_header *header;
        if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
                return -1;
        int64_t ms = send_retry_after_ms(slice_of(header->value), clock_wall_ms() / 1000);
        return ms < RETRY_AFTER_MAX_MS ? ms : RETRY_AFTER_MAX_MS;
}

/* It says "not now", though the number begins with 4. */
static bool planner_is_for_now(long status)
{
        return status == 408 || status == 425 || status == 429;
}

static void asking_judge(struct asking *asking, struct planner_ask *ask, CURLcode code)
{
        long status = 0;
        char error[PLANNER_ERROR_MAX];
        struct planner_answer answer = {.error = error, .retry_after_ms = -1};
        curl_easy_getinfo(asking->easy, CURLINFO_RESPONSE_CODE, &status);
        bool plan = status >= 200 && status < 300;
        if (plan && code == CURLE_OK) {
                struct slice text = {.data = asking->answer.data ? asking->answer.data : "",
                                     .len = asking->answer.len};
                planner_end_value(ask, planner_answer_parse(ask, text, /* id_required = */ false, error),
                                  error);
                return;
        }
        snprintf(error, sizeof(error), "planner: HTTP %ld", status);
        if (asking->too_long && plan) {
                answer.end = PLANNER_GARBAGE;
                snprintf(error, sizeof(error), "longer than 4 MiB");
        } else if (code == CURLE_OPERATION_TIMEDOUT) {
                answer.end = PLANNER_LATE;
                snprintf(error, sizeof(error), "planner: no answer within its time limit");
        } else if (status >= 400 && status < 500 && !planner_is_for_now(status)) {
                answer.end = PLANNER_REFUSED;
        } else {
                answer.end = PLANNER_FAILED;
                answer.retry_after_ms = status >= 300 ? retry_after_ms(asking->easy) : -1;
                if (status == 0 || plan)
                        snprintf(error, sizeof(error), "planner: %s", send_curl_cause(code, asking->cause));
        }
        planner_end(ask, &answer);
}

static void on_asking_ended(CURL *easy, void *owner, CURLcode code)
{
        struct asking *asking = owner;
        struct planner_ask *ask = asking->ask;
        (void)easy;
        asking->ask = NULL;
        asking_judge(asking, ask, code);
}

/* ---- The request ---- */

static CURL *planner_easy_make(struct asking *asking)
{
        const struct planner *planner = asking->http->planner;
        CURL *easy = send_curl_easy(&planner->settings.tls, "http,https", planner->settings.timeout_ms);
        curl_loop_adopt(asking->http->curl_loop, easy, (size_t)(asking - asking->http->askings));
        SEND_CURL_SET(easy, CURLOPT_URL, planner->settings.url);
        SEND_CURL_SET(easy, CURLOPT_POST, 1L);
        SEND_CURL_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
        SEND_CURL_SET(easy, CURLOPT_ERRORBUFFER, asking->cause);
        SEND_CURL_SET(easy, CURLOPT_PRIVATE, asking);
        SEND_CURL_SET(easy, CURLOPT_WRITEFUNCTION, planner_answer_take);
        SEND_CURL_SET(easy, CURLOPT_WRITEDATA, asking);
        return easy;
}

static bool http_take(struct planner *planner, struct planner_ask *ask)
{
        struct planner_http *http = planner->http;
        size_t i = 0;
        while (i < PLANNER_PLACES && http->askings[i].ask)
                i++;
        if (i == PLANNER_PLACES)
                return false;
        struct asking *asking = &http->askings[i];
        asking->ask = ask;
        asking->too_long = false;
        asking->cause[0] = '\0';
        buffer_clear(&asking->answer);
        if (!asking->easy)
                asking->easy = planner_easy_make(asking);
        SEND_CURL_SET(asking->easy, CURLOPT_HTTPHEADER,
                      trace_lines_link(&asking->trace, ask->traceparent, ask->tracestate, http->headers));
        SEND_CURL_SET(asking->easy, CURLOPT_POSTFIELDS, ask->text.data);
        SEND_CURL_SET(asking->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->text.len);
        curl_loop_add(http->curl_loop, asking->easy, i);
        return true;
}

static void header_add(struct planner_http *http, const char *line)
{
        http->headers = curl_slist_append(http->headers, line);
        if (!http->headers)
                abort();
}

void planner_http_open(struct planner *planner)
{
        struct planner_http *http = memory_zeroed(1, sizeof(*http));
        planner->http = http;
        http->planner = planner;
        http->curl_loop = curl_loop_open(planner->loop, PLANNER_PLACES, on_asking_ended, NULL);
        header_add(http, "Content-Type: application/cloudevents+json; charset=utf-8");
        header_add(http, "Accept: application/json");
        header_add(http, "Expect:");
        header_add(http, "User-Agent: leveret/" LEVERET_VERSION);
        for (size_t i = 0; i < PLANNER_PLACES; i++)
                http->askings[i].http = http;
}

static void planner_http_close(struct planner *planner)
{
        struct planner_http *http = planner->http;
        for (size_t i = 0; i < PLANNER_PLACES; i++) {
                struct asking *asking = &http->askings[i];
                struct planner_ask *ask = asking->ask;
                if (ask)
                        curl_loop_remove(http->curl_loop, asking->easy, i);
                if (asking->easy)
                        curl_easy_cleanup(asking->easy);
                if (ask)
                        planner_end(ask, NULL);
                buffer_fini(&asking->answer);
                trace_lines_fini(&asking->trace);
        }
        curl_loop_close(http->curl_loop);
        curl_slist_free_all(http->headers);
        free(http);
        planner_free(planner);
}

const struct planner_kind planner_http_kind = {
        .take = http_take, .question = http_question, .close = planner_http_close};
