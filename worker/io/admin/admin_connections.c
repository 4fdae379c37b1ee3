#include "io/admin/admin_connections.h"
#include "core/memory/memory.h"

#include <stdlib.h>
#include <sys/socket.h>

enum { LOOK_EVERY_MS = 1000 };

struct place {
        int fd; /* -1: free */
        uint64_t since_ns;
};

struct admin_connections {
        uv_async_t began;
        uv_timer_t timer;
        int handles;      /* not closed yet */
        uv_mutex_t mutex; /* over all below */
        size_t limit, count;
        uint64_t life_ns;
        struct place *places;
};

/* shutdown, not close: the server sees the end of the stream and cleans up in its own thread. */
static void admin_connections_on_timer(uv_timer_t *timer)
{
        struct admin_connections *connections = timer->data;
        uint64_t now_ns = uv_hrtime();
        uv_mutex_lock(&connections->mutex);
        for (size_t i = 0; i < connections->limit; i++) {
                const struct place *place = &connections->places[i];
                if (place->fd >= 0 && now_ns - place->since_ns > connections->life_ns)
                        shutdown(place->fd, SHUT_RDWR);
        }
        if (connections->count == 0)
                uv_timer_stop(timer);
        uv_mutex_unlock(&connections->mutex);
}

static void on_began(uv_async_t *async)
{
        struct admin_connections *connections = async->data;
        if (!uv_is_active((uv_handle_t *)&connections->timer))
                uv_timer_start(&connections->timer, admin_connections_on_timer, LOOK_EVERY_MS, LOOK_EVERY_MS);
}

struct admin_connections *admin_connections_open(uv_loop_t *loop, size_t limit, int64_t life_ms)
{
        struct admin_connections *connections = memory_zeroed(1, sizeof *connections);
        struct place *places = memory_zeroed(limit, sizeof *places);
        if (uv_mutex_init(&connections->mutex))
                abort();
        for (size_t i = 0; i < limit; i++)
                places[i].fd = -1;
        connections->places = places;
        connections->limit = limit;
        connections->life_ns = (uint64_t)life_ms * UINT64_C(1000000);
        if (uv_async_init(loop, &connections->began, on_began) || uv_timer_init(loop, &connections->timer))
                abort();
        connections->handles = 2;
        connections->began.data = connections->timer.data = connections;
        uv_unref((uv_handle_t *)&connections->began);
        uv_unref((uv_handle_t *)&connections->timer);
        return connections;
}

void *admin_connections_add(struct admin_connections *connections, int fd)
{
        struct place *place = NULL;
        uv_mutex_lock(&connections->mutex);
        for (size_t i = 0; i < connections->limit && !place; i++)
                if (connections->places[i].fd < 0)
                        place = &connections->places[i];
        if (place) {
                *place = (struct place){.fd = fd, .since_ns = uv_hrtime()};
                connections->count++;
        }
        uv_mutex_unlock(&connections->mutex);
        uv_async_send(&connections->began);
        return place;
}

void admin_connections_renew(struct admin_connections *connections, void *place)
{
        if (!place)
                return;
        uv_mutex_lock(&connections->mutex);
        ((struct place *)place)->since_ns = uv_hrtime();
        uv_mutex_unlock(&connections->mutex);
}

void admin_connections_remove(struct admin_connections *connections, void *place)
{
        if (!place)
                return;
        uv_mutex_lock(&connections->mutex);
        ((struct place *)place)->fd = -1;
        connections->count--;
        uv_mutex_unlock(&connections->mutex);
}

static void admin_connections_on_closed(uv_handle_t *handle)
{
        struct admin_connections *connections = handle->data;
        if (--connections->handles > 0)
                return;
        uv_mutex_destroy(&connections->mutex);
        free(connections->places);
        free(connections);
}

void admin_connections_close(struct admin_connections *connections)
{
        uv_close((uv_handle_t *)&connections->began, admin_connections_on_closed);
        uv_close((uv_handle_t *)&connections->timer, admin_connections_on_closed);
}
