#include "io/amqp/amqp_desk.h"

#include "core/memory/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* What one thread waits for, and frees. */
struct post {
        struct amqp_desk *desk;
        struct arena *arena;
        struct message *message;
        bool done; /* under the mutex, as are the next */
        enum publish_outcome outcome;
        char *error;
        struct post *next;
};

struct amqp_desk {
        uv_loop_t *loop;
        const struct config *config;
        struct amqp_publisher *publisher; /* the loop's; NULL before the first post */
        uv_async_t async;
        uv_mutex_t mutex;
        uv_cond_t settled;
        bool shut;                  /* under the mutex */
        struct post *first, **last; /* not taken by the loop yet; under the mutex */
};

static void on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct post *post = context;
        struct amqp_desk *desk = post->desk;
        uv_mutex_lock(&desk->mutex);
        post->outcome = outcome;
        snprintf(post->error, AMQP_DESK_ERROR_MAX, "%s", error ? error : "");
        post->done = true;
        uv_cond_broadcast(&desk->settled);
        uv_mutex_unlock(&desk->mutex);
}

static void on_posts(uv_async_t *async)
{
        struct amqp_desk *desk = async->data;
        uv_mutex_lock(&desk->mutex);
        struct post *post = desk->first, *next;
        desk->first = NULL;
        desk->last = &desk->first;
        uv_mutex_unlock(&desk->mutex);
        if (post && !desk->publisher)
                desk->publisher = amqp_publisher_open(desk->loop, desk->config, AMQP_DESK_TIMEOUT_MS);
        for (; post; post = next) {
                next = post->next; /* it is its thread's again once it is published */
                amqp_publisher_publish(desk->publisher, post->arena, post->message, on_published, post);
        }
}

struct amqp_desk *amqp_desk_open(uv_loop_t *loop, const struct config *config)
{
        struct amqp_desk *desk = memory_zeroed(1, sizeof(*desk));
        desk->loop = loop;
        desk->config = config;
        desk->last = &desk->first;
        if (uv_mutex_init(&desk->mutex) || uv_cond_init(&desk->settled) ||
            uv_async_init(loop, &desk->async, on_posts))
                abort();
        desk->async.data = desk;
        return desk;
}

enum publish_outcome amqp_desk_publish(struct amqp_desk *desk, struct arena *arena, struct message *message,
                                       char *error)
{
        enum publish_outcome outcome = PUBLISH_UNSENT;
        struct post *post = memory_zeroed(1, sizeof(*post));
        *post = (struct post){.desk = desk, .arena = arena, .message = message, .error = error};
        uv_mutex_lock(&desk->mutex);
        if (desk->shut) {
                arena_free(arena);
        } else {
                *desk->last = post;
                desk->last = &post->next;
                uv_async_send(&desk->async);
                while (!post->done) /* every publish ends, each within the publisher's time-out */
                        uv_cond_wait(&desk->settled, &desk->mutex);
                outcome = post->outcome;
        }
        uv_mutex_unlock(&desk->mutex);
        free(post);
        return outcome;
}

void amqp_desk_shut(struct amqp_desk *desk)
{
        uv_mutex_lock(&desk->mutex);
        desk->shut = true;
        uv_mutex_unlock(&desk->mutex);
}

static void on_closed(uv_handle_t *handle)
{
        struct amqp_desk *desk = handle->data;
        uv_mutex_destroy(&desk->mutex);
        uv_cond_destroy(&desk->settled);
        free(desk);
}

void amqp_desk_close(struct amqp_desk *desk)
{
        if (desk->publisher)
                amqp_publisher_close(desk->publisher, 1000);
        uv_close((uv_handle_t *)&desk->async, on_closed);
}
