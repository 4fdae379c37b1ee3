#include "io/send/look_http.h"
#include "core/memory/memory.h"
#include "core/send/http_body.h"
#include "core/send/mail_look.h"
#include "io/machine/clock.h"
#include "io/send/curl_loop.h"
#include "io/send/send_curl.h"

#include <assert.h>
#include <stdlib.h>

enum { FINDINGS_MAX = 256 * 1024 };

/* One question under way. */
struct looking {
        struct look_http *owner;
        struct looking *next; /* in the list of free ones */
        CURL *easy;           /* NULL: it is free */
        CURLU *url;
        const struct mail_request *request;
        struct buffer findings;
        char cause[CURL_ERROR_SIZE]; /* libcurl's own words */
        look_done *done;
        void *context;
};

struct look_http {
        const struct config_outlet *config;
        struct curl_slist *headers;
        struct curl_loop *curl_loop;
        size_t capacity;
        struct looking *free;
        struct looking lookings[];
};

static size_t findings_take(char *data, size_t size, size_t count, void *context)
{
        struct looking *looking = context;
        size_t len = size * count;
        if (len > FINDINGS_MAX - looking->findings.len)
                return 0; /* ends the transfer */
        buffer_add(&looking->findings, data, len);
        return len;
}

static size_t look_place_of(const struct looking *looking)
{
        return (size_t)(looking - looking->owner->lookings);
}

static void looking_end(struct looking *looking, const struct look_result *result)
{
        struct look_http *look = looking->owner;
        look_done *done = looking->done;
        void *context = looking->context;
        curl_easy_cleanup(looking->easy);
        curl_url_cleanup(looking->url);
        buffer_fini(&looking->findings);
        *looking = (struct looking){.owner = look, .next = look->free};
        look->free = looking;
        done(context, result);
}

/* An answer that was cut or is too long may lack what it should tell. */
static struct look_result looking_judge(const struct looking *looking, CURLcode code)
{
        const struct config_outlet *config = looking->owner->config;
        struct curl_header *header;
        long status = 0;
        curl_easy_getinfo(looking->easy, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK)
                return mail_look_unanswered(send_curl_cause(code, looking->cause));
        struct look_reply reply = {
                .status = (int)status,
                .body = {.data = looking->findings.data, .len = looking->findings.len},
                .retry_after_max_ms = config->retry_after_max_ms,
                .now_s = clock_wall_ms() / 1000,
                .secret = config->http.api_key ? config->http.api_key : config->http.password,
        };
        if (curl_easy_header(looking->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
                reply.retry_after = slice_of(header->value);
        return mail_look_judge(config, looking->request, &reply);
}

static void on_looking_ended(CURL *easy, void *owner, CURLcode code)
{
        struct looking *looking = owner;
        (void)easy;
        http_body_read(&looking->findings, FINDINGS_MAX);
        struct look_result result = looking_judge(looking, code);
        looking_end(looking, &result);
}

static CURL *looking_easy(struct looking *looking)
{
        const struct look_http *look = looking->owner;
        CURL *easy = send_curl_easy(&look->config->http.tls, "http,https", look->config->timeout_ms);
        curl_loop_adopt(look->curl_loop, easy, look_place_of(looking));
        SEND_CURL_SET(easy, CURLOPT_CURLU, looking->url);
        SEND_CURL_SET(easy, CURLOPT_HTTPGET, 1L);
        SEND_CURL_SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
        SEND_CURL_SET(easy, CURLOPT_HTTPHEADER, look->headers);
        SEND_CURL_SET(easy, CURLOPT_ERRORBUFFER, looking->cause);
        SEND_CURL_SET(easy, CURLOPT_PRIVATE, looking);
        SEND_CURL_SET(easy, CURLOPT_WRITEFUNCTION, findings_take);
        SEND_CURL_SET(easy, CURLOPT_WRITEDATA, looking);
        return easy;
}

void look_http_ask(struct look_http *look, const struct mail_request *request, look_done *done, void *context)
{
        struct looking *looking = look->free;
        struct buffer url = {0};
        assert(looking); /* the caller keeps to the capacity */
        look->free = looking->next;
        looking->request = request;
        looking->done = done;
        looking->context = context;
        mail_look_url(&url, look->config, request);
        looking->url = send_curl_url(url.data);
        buffer_fini(&url);
        looking->easy = looking_easy(looking);
        curl_loop_add(look->curl_loop, looking->easy, look_place_of(looking));
}

struct look_http *look_http_open(uv_loop_t *loop, const struct config_outlet *config, size_t capacity,
                                 struct curl_slist *headers)
{
        struct look_http *look = memory_zeroed(1, sizeof *look + capacity * sizeof *look->lookings);
        look->config = config;
        look->headers = headers;
        look->capacity = capacity;
        look->curl_loop = curl_loop_open(loop, capacity, on_looking_ended, NULL);
        for (size_t i = capacity; i-- > 0;) {
                look->lookings[i].owner = look;
                look->lookings[i].next = look->free;
                look->free = &look->lookings[i];
        }
        return look;
}

void look_http_close(struct look_http *look)
{
        const struct look_result stopped = mail_look_unanswered("the worker stops");
        for (size_t i = 0; i < look->capacity; i++) {
                if (!look->lookings[i].easy)
                        continue;
                curl_loop_remove(look->curl_loop, look->lookings[i].easy, i);
                looking_end(&look->lookings[i], &stopped);
        }
        curl_loop_close(look->curl_loop);
        free(look);
}
