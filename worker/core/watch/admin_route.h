#ifndef LEVERET_CORE_ADMIN_ROUTE_H
#define LEVERET_CORE_ADMIN_ROUTE_H

#include <stdbool.h>

/* What the admin server makes of a request's head: a page, or a refusal with its status. */

enum admin_page { ADMIN_LIVEZ, ADMIN_READYZ, ADMIN_METRICS, ADMIN_STATUS, ADMIN_PAGE_COUNT };

struct admin_request {
        const char *method, *path;
        const char *authorization; /* the header's value, NULL: absent */
};

struct admin_header {
        const char *name; /* NULL: none */
        const char *value;
};

struct admin_route {
        enum admin_page page;       /* ADMIN_PAGE_COUNT: refused */
        int status;                 /* of the refusal; else 200 */
        const char *text;           /* for the refused, else NULL */
        struct admin_header header; /* that goes with the refusal, or none */
};

/* GET and HEAD of a closed list of paths. With a `token` (NULL: none is set) all but the probes' pages need
 * "Bearer TOKEN" (RFC 6750 section 2.1). */
struct admin_route admin_route_of(const struct admin_request *request, const char *token);

const char *admin_page_path(enum admin_page page);
const char *admin_page_content_type(enum admin_page page);

#endif
