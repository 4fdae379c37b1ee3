#include "core/watch/admin_route.h"

#include "core/codec/bearer.h"
#include "core/watch/metrics.h"

#include <string.h>

static const struct page {
        const char *path;
        const char *content_type;
        bool open; /* without a token, for probes */
} pages[ADMIN_PAGE_COUNT] = {
        [ADMIN_LIVEZ] = {.path = "/livez", .content_type = "text/plain; charset=utf-8", .open = true},
        [ADMIN_READYZ] = {.path = "/readyz", .content_type = "text/plain; charset=utf-8", .open = true},
        [ADMIN_METRICS] = {.path = "/metrics", .content_type = METRICS_CONTENT_TYPE},
        [ADMIN_STATUS] = {.path = "/status", .content_type = "application/json"},
};

/* Takes the same time wherever the first difference is. That the lengths differ may show. */
static bool equal_in_constant_time(struct slice given, const char *expected)
{
        size_t len = strlen(expected);
        if (given.len != len)
                return false;
        volatile unsigned char difference = 0;
        for (size_t i = 0; i < len; i++)
                difference |= (unsigned char)(given.data[i] ^ expected[i]);
        return difference == 0;
}

static bool is_allowed(enum admin_page page, const char *given, const char *token)
{
        if (pages[page].open || !token)
                return true;
        struct slice said = bearer_token(given);
        return said.data && equal_in_constant_time(said, token);
}

/* Paths are compared with a closed list and never used as a file's name. */
static enum admin_page find_page(const char *path)
{
        int page = 0;
        while (page < ADMIN_PAGE_COUNT && strcmp(pages[page].path, path) != 0)
                page++;
        return (enum admin_page)page;
}

static struct admin_route admin_refusal(int status, const char *text, struct admin_header header)
{
        return (struct admin_route){
                .page = ADMIN_PAGE_COUNT, .status = status, .text = text, .header = header};
}

struct admin_route admin_route_of(const struct admin_request *request, const char *token)
{
        enum admin_page page = find_page(request->path);
        if (page == ADMIN_PAGE_COUNT)
                return admin_refusal(404, "not found: /livez /readyz /metrics /status",
                                     (struct admin_header){0});
        if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0)
                return admin_refusal(405, "only GET and HEAD", (struct admin_header){"Allow", "GET, HEAD"});
        if (!is_allowed(page, request->authorization, token))
                return admin_refusal(401, "a token is needed (admin.token)",
                                     (struct admin_header){"WWW-Authenticate", "Bearer"});
        return (struct admin_route){.page = page, .status = 200};
}

const char *admin_page_path(enum admin_page page)
{
        return pages[page].path;
}

const char *admin_page_content_type(enum admin_page page)
{
        return pages[page].content_type;
}
