#include "io/admin/http_get.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returning less than was given makes curl end with CURLE_WRITE_ERROR. */
static size_t http_get_take(char *data, size_t one, size_t len, void *context)
{
        (void)one;
        struct buffer *got = context;
        if (got->len + len > HTTP_GET_BODY_MAX)
                return 0;
        buffer_add(got, data, len);
        return len;
}

/* ":9464" and the wildcard addresses mean every interface; loopback is one of them. */
static char *make_url(const char *listen, const char *path)
{
        static const char *const wildcards[] = {"0.0.0.0:", ":", "[::]:"};
        struct buffer url = {0};
        buffer_add_text(&url, "http://");
        for (size_t i = 0; i < sizeof wildcards / sizeof wildcards[0]; i++) {
                size_t len = strlen(wildcards[i]);
                if (strncmp(listen, wildcards[i], len) == 0) {
                        buffer_add_text(&url, "127.0.0.1:");
                        listen += len;
                        break;
                }
        }
        buffer_printf(&url, "%s%s", listen, path);
        return url.data;
}

static struct curl_slist *set_token(CURL *curl, const char *token)
{
        if (!token)
                return NULL;
        struct buffer header = {0};
        buffer_printf(&header, "Authorization: Bearer %s", token);
        struct curl_slist *headers = curl_slist_append(NULL, header.data);
        buffer_fini(&header);
        if (!headers)
                abort();
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        return headers;
}

static void set_options(CURL *curl, const struct http_get_request *request, struct buffer *got, char *cause)
{
        curl_easy_setopt(curl, CURLOPT_URL, request->url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HTTP_GET_TIMEOUT_MS);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, http_get_take);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, got);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, cause);
        if (request->user)
                curl_easy_setopt(curl, CURLOPT_USERNAME, request->user);
        if (request->user && request->password)
                curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password);
        if (request->ca_file)
                curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
}

static void http_get_explain(CURLcode code, const char *shown, const char *cause, char *error)
{
        if (code == CURLE_WRITE_ERROR)
                cause = "the answer is longer than 64 KiB";
        else if (code == CURLE_OPERATION_TIMEDOUT)
                cause = "no answer within 3 s";
        else if (!cause[0])
                cause = curl_easy_strerror(code);
        snprintf(error, HTTP_GET_ERROR_MAX, "%.120s: %.120s", shown, cause);
}

bool http_get_url(const struct http_get_request *request, struct buffer *body, int *status, char *error)
{
        CURL *curl = curl_easy_init();
        if (!curl)
                abort();
        char cause[CURL_ERROR_SIZE] = "";
        struct buffer got = {0};
        set_options(curl, request, &got, cause);
        struct curl_slist *headers = set_token(curl, request->token);
        CURLcode code = curl_easy_perform(curl);
        if (code == CURLE_OK) {
                long response = 0;
                curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response);
                *status = (int)response;
                buffer_add(body, got.data, got.len);
        } else {
                http_get_explain(code, request->shown, cause, error);
        }
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        buffer_fini(&got);
        return code == CURLE_OK;
}

bool http_get(const char *listen, const char *path, struct buffer *body, int *status, char *error)
{
        char *url = make_url(listen, path);
        struct buffer shown = {0};
        buffer_printf(&shown, "%.80s%.40s", listen, path);
        const struct http_get_request request = {.url = url, .shown = shown.data};
        bool answered = http_get_url(&request, body, status, error);
        buffer_fini(&shown);
        free(url);
        return answered;
}
