#ifndef LEVERET_CORE_SERVE_ACCESS_H
#define LEVERET_CORE_SERVE_ACCESS_H

#include "core/memory/arena.h"
#include "core/serve/route.h"

#include <stdbool.h>

/* What of a request says whether it may be carried out. NULL: the header is absent. */
struct serve_asked {
        const char *method, *host, *origin, *content_type, *authorization, *cookie;
        int64_t now_ms; /* wall clock */
};

struct serve_verdict {
        int status; /* 0: go on; else the HTTP status of the refusal */
        const char *detail;
        const char *token;                /* the name of the token; NULL: none was needed */
        const struct config_texts *types; /* that it may publish; NULL or none: all */
        enum serve_role role;             /* of the token; read if there are none in the configuration */
        int64_t until_ms; /* of the session that spoke for the token; 0: the token itself did */
};

/*
 * May it be carried out? In this order: the Host is one by which this server is known (against DNS
 * rebinding), the token, or the session's, is one of the configuration, its role may do it; and what
 * changes something comes as application/json from the same origin or from no page at all (against forged
 * requests).
 */
struct serve_verdict serve_judge(struct arena *arena, const struct config *config,
                                 const struct serve_route *route, const struct serve_asked *asked);

/* Is it the Host of a request to this server? NULL: there was none. */
bool serve_host_is_known(struct arena *arena, const struct config *config, const char *given);
extern const char serve_host_unknown[]; /* what to say else, with a 421 */

#endif
