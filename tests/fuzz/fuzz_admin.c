/* The head of a request to the admin server: a line with the method, one with the path, one with the
 * configured token, and the Authorization header's value in the rest; a token or header of "-" is absent. */

#include "fuzz.h"

#include "core/watch/admin_route.h"

#include <strings.h>

enum { TEXT_MAX = 512 };

/* As C text, which ends at a NUL, exactly its size. NULL for "-". The caller frees. */
static char *text_of(struct slice part)
{
        char *text =
                part.len == 1 && part.data[0] == '-' ? NULL : strndup(part.len ? part.data : "", part.len);
        CHECK(text || part.len == 1);
        return text;
}

static bool is_page(const char *path)
{
        bool found = false;
        for (int page = 0; page < ADMIN_PAGE_COUNT; page++)
                found |= strcmp(path, admin_page_path((enum admin_page)page)) == 0;
        return found;
}

/* Spaces and tabs before and behind the token do not count. */
static bool is_bearer(const char *authorization, const char *token)
{
        if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
                return false;
        const char *said = authorization + 7 + strspn(authorization + 7, " \t");
        size_t len = strlen(said);
        while (len && strchr(" \t", said[len - 1]))
                len--;
        return len == strlen(token) && memcmp(said, token, len) == 0;
}

/* What is let in is on the list, only looked at, and has the token or needs none. */
static void check_let_in(const struct admin_request *request, const char *token,
                         const struct admin_route *route)
{
        bool probe = route->page == ADMIN_LIVEZ || route->page == ADMIN_READYZ;
        CHECK(route->status == 200 && !route->text && !route->header.name);
        CHECK(strcmp(request->path, admin_page_path(route->page)) == 0);
        CHECK(strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
        CHECK(probe || !token || is_bearer(request->authorization, token));
        CHECK(admin_page_content_type(route->page));
}

static void check_refused(const struct admin_request *request, const char *token,
                          const struct admin_route *route)
{
        CHECK(route->text && (route->header.name != NULL) == (route->header.value != NULL));
        CHECK((route->status == 404) == !is_page(request->path));
        CHECK(route->status == 404 || route->status == 405 || route->status == 401);
        CHECK(route->status != 401 || (token && !is_bearer(request->authorization, token)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct slice rest = {.data = (const char *)data, .len = size < TEXT_MAX ? size : TEXT_MAX};
        char *method = text_of(fuzz_take(&rest, '\n'));
        char *path = text_of(fuzz_take(&rest, '\n'));
        char *token = text_of(fuzz_take(&rest, '\n'));
        char *authorization = text_of(rest);
        if (method && path) {
                struct admin_request request = {
                        .method = method, .path = path, .authorization = authorization};
                struct admin_route route = admin_route_of(&request, token);
                if (route.page == ADMIN_PAGE_COUNT)
                        check_refused(&request, token, &route);
                else
                        check_let_in(&request, token, &route);
        }
        free(method);
        free(path);
        free(token);
        free(authorization);
        return 0;
}
