#include "io/send/webhook.h"
#include "core/memory/memory.h"
#include "core/text/buffer.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 64 * 1024 };

struct webhook {
        uv_loop_t *loop;
        uv_work_t work;
        char *url;
        bool busy;
        atomic_bool closing; /* also read by the thread that posts */
        webhook_done *done;
        void *context;
        /* Of the request under way; the thread's while it runs. */
        struct buffer body;
        size_t answered;
        char error[WEBHOOK_ERROR_MAX];
};

struct webhook *webhook_open(uv_loop_t *loop, const char *url)
{
        struct webhook *webhook = memory_zeroed(1, sizeof(*webhook));
        webhook->loop = loop;
        webhook->work.data = webhook;
        webhook_move(webhook, url);
        return webhook;
}

bool webhook_is_busy(const struct webhook *webhook)
{
        return webhook->busy;
}

void webhook_move(struct webhook *webhook, const char *url)
{
        struct buffer copy = {0};
        assert(!webhook->busy);
        buffer_add_text(&copy, url);
        free(webhook->url);
        webhook->url = copy.data;
}

static void webhook_free(struct webhook *webhook)
{
        buffer_fini(&webhook->body);
        free(webhook->url);
        free(webhook);
}

static size_t on_answer(char *data, size_t one, size_t len, void *context)
{
        (void)data;
        (void)one;
        struct webhook *webhook = context;
        webhook->answered += len;
        return webhook->answered > ANSWER_MAX ? 0 : len;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
        (void)a, (void)b, (void)c, (void)d;
        struct webhook *webhook = context;
        return atomic_load(&webhook->closing);
}

static void set_options(CURL *curl, struct webhook *webhook, struct curl_slist *headers)
{
        curl_easy_setopt(curl, CURLOPT_URL, webhook->url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WEBHOOK_TIMEOUT_MS);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, webhook->body.data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)webhook->body.len);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, webhook);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, webhook);
}

static void post(uv_work_t *work)
{
        struct webhook *webhook = work->data;
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        CURL *curl = curl_easy_init();
        if (!curl || !headers)
                abort();
        set_options(curl, webhook, headers);
        CURLcode code = curl_easy_perform(curl);
        long status = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        bool answered = code == CURLE_OK || code == CURLE_WRITE_ERROR;
        webhook->error[0] = '\0';
        if (!answered)
                snprintf(webhook->error, sizeof(webhook->error), "%s", curl_easy_strerror(code));
        else if (status < 200 || status > 299)
                snprintf(webhook->error, sizeof(webhook->error), "HTTP status %ld", status);
        curl_easy_cleanup(curl);
        curl_slist_free_all(headers);
}

static void after_post(uv_work_t *work, int status)
{
        struct webhook *webhook = work->data;
        if (atomic_load(&webhook->closing)) {
                webhook_free(webhook);
                return;
        }
        webhook->busy = false;
        webhook->done(webhook->context, status == 0 ? webhook->error : "cancelled");
}

bool webhook_post(struct webhook *webhook, struct slice body, webhook_done *done, void *context)
{
        if (webhook->busy)
                return false;
        webhook->busy = true;
        webhook->done = done;
        webhook->context = context;
        webhook->answered = 0;
        buffer_clear(&webhook->body);
        buffer_add_slice(&webhook->body, body);
        if (uv_queue_work(webhook->loop, &webhook->work, post, after_post) != 0)
                abort();
        return true;
}

void webhook_close(struct webhook *webhook)
{
        if (!webhook)
                return;
        atomic_store(&webhook->closing, true);
        if (!webhook->busy)
                webhook_free(webhook);
        else
                uv_cancel((uv_req_t *)&webhook->work);
}
