#include "core/memory/memory.h"
#include "core/serve/guesses.h"
#include "io/log/log.h"
#include "io/machine/clock.h"
#include "serve/serve.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

/* Who guesses tokens has to wait longer and longer. */

struct serve_door {
        pthread_mutex_t mutex; /* over the guesses */
        struct guesses guesses;
};

struct serve_door *serve_door_open(void)
{
        struct serve_door *door = memory_zeroed(1, sizeof(*door));
        if (pthread_mutex_init(&door->mutex, NULL))
                abort();
        return door;
}

void serve_door_close(struct serve_door *door)
{
        pthread_mutex_destroy(&door->mutex);
        free(door);
}

bool serve_door_is_shut(const struct serve_call *call)
{
        pthread_mutex_lock(&call->door->mutex);
        int64_t wait_ms =
                guesses_wait_ms(&call->door->guesses, http_request_client(call->request), clock_boot_ms());
        pthread_mutex_unlock(&call->door->mutex);
        if (wait_ms == 0)
                return false;
        serve_refuse(call, 429, "too many failed log-ins; wait, then try again");
        http_answer_header(call->answer, "Retry-After",
                           arena_printf(call->query->arena, "%" PRId64, (wait_ms + 999) / 1000));
        return true;
}

void serve_door_failed(const struct serve_call *call)
{
        pthread_mutex_lock(&call->door->mutex);
        guesses_failed(&call->door->guesses, http_request_client(call->request), clock_boot_ms());
        pthread_mutex_unlock(&call->door->mutex);
        log_event(LOG_LEVEL_WARN, &(struct log_fields){.event = "log_in_failed"});
}
