#include "core/memory/memory.h"
#include "io/serve/http_request.h"

#include <stdlib.h>

/* A suspended connection costs no thread and is looked at by none until it is resumed. It goes on only after
 * it was answered, so the request lives as long as this. */
struct http_waiting {
        struct MHD_Connection *connection;
        _Atomic(struct http_answer *) answer;
};

struct http_waiting *http_request_wait(const struct http_request *asked)
{
        struct http_request *request = (struct http_request *)(uintptr_t)asked;
        request->waiting = memory_zeroed(1, sizeof(*request->waiting));
        request->waiting->connection = request->connection;
        MHD_suspend_connection(request->connection);
        return request->waiting;
}

void http_waiting_answer(struct http_waiting *waiting, const struct http_answer *answer)
{
        struct MHD_Connection *connection = waiting->connection;
        struct http_answer *copy = memory_zeroed(1, sizeof(*copy));
        *copy = *answer;
        atomic_store(&waiting->answer, copy);
        MHD_resume_connection(connection); /* from here on the other thread may have freed it */
}

struct http_answer *http_waiting_take(struct http_request *request)
{
        struct http_answer *answer = atomic_load(&request->waiting->answer);
        if (!answer)
                return NULL;
        free(request->waiting);
        request->waiting = NULL;
        return answer;
}
