#include "io/amqp/amqp_desk.h"

#include "core/memory/memory.h"

#include <stdlib.h>

/* From the thread that publishes to the loop, which then has it among those under way. */
struct post {
        struct amqp_desk *desk;
        struct arena *arena;
        struct message *message;
        publish_done *done; /* NULL: it was told already, and only waits for the publisher's word */
        void *context;
        struct post *next, **place; /* `place`: what points to it, once it is under way */
};

struct amqp_desk {
        uv_loop_t *loop;
        const struct config *config;
        struct amqp_publisher *publisher; /* the loop's; NULL before the first post */
        struct post *flying;              /* under way; the loop's */
        uv_timer_t last;                  /* when it was shut, and something is under way still */
        uv_async_t async;
        uv_mutex_t mutex;
        bool shut;                       /* under the mutex */
        struct post *first, **last_post; /* not taken by the loop yet; under the mutex */
        int closing;                     /* handles that are not closed yet */
};

static void unlink_post(struct post *post)
{
        *post->place = post->next;
        if (post->next)
                post->next->place = post->place;
}

static void amqp_desk_on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct post *post = context;
        if (post->done) {
                unlink_post(post);
                post->done(post->context, outcome, error);
        }
        free(post);
}

static void amqp_desk_begin(struct amqp_desk *desk, struct post *post)
{
        post->next = desk->flying;
        post->place = &desk->flying;
        if (post->next)
                post->next->place = &post->next;
        desk->flying = post;
        amqp_publisher_publish(desk->publisher, post->arena, post->message, amqp_desk_on_published, post);
}

static void on_posts(uv_async_t *async)
{
        struct amqp_desk *desk = async->data;
        uv_mutex_lock(&desk->mutex);
        struct post *post = desk->first, *next;
        desk->first = NULL;
        desk->last_post = &desk->first;
        uv_mutex_unlock(&desk->mutex);
        if (post && !desk->publisher)
                desk->publisher = amqp_publisher_open(desk->loop, desk->config, AMQP_DESK_TIMEOUT_MS);
        for (; post; post = next) {
                next = post->next;
                amqp_desk_begin(desk, post);
        }
}

struct amqp_desk *amqp_desk_open(uv_loop_t *loop, const struct config *config)
{
        struct amqp_desk *desk = memory_zeroed(1, sizeof(*desk));
        desk->loop = loop;
        desk->config = config;
        desk->last_post = &desk->first;
        if (uv_mutex_init(&desk->mutex) || uv_async_init(loop, &desk->async, on_posts) ||
            uv_timer_init(loop, &desk->last))
                abort();
        desk->async.data = desk->last.data = desk;
        return desk;
}

bool amqp_desk_publish(struct amqp_desk *desk, struct arena *arena, struct message *message,
                       publish_done *done, void *context)
{
        struct post *post = memory_zeroed(1, sizeof(*post));
        *post = (struct post){
                .desk = desk, .arena = arena, .message = message, .done = done, .context = context};
        uv_mutex_lock(&desk->mutex);
        bool takes = !desk->shut;
        if (takes) {
                *desk->last_post = post;
                desk->last_post = &post->next;
                uv_async_send(&desk->async);
        }
        uv_mutex_unlock(&desk->mutex);
        if (!takes) {
                arena_free(arena);
                free(post);
        }
        return takes;
}

static void on_last(uv_timer_t *timer)
{
        struct amqp_desk *desk = timer->data;
        while (desk->flying) {
                struct post *post = desk->flying;
                publish_done *done = post->done;
                unlink_post(post);
                post->done = NULL;
                done(post->context, PUBLISH_UNKNOWN, "the server ends, and the broker has not confirmed it");
        }
}

void amqp_desk_shut(struct amqp_desk *desk)
{
        uv_mutex_lock(&desk->mutex);
        desk->shut = true;
        uv_mutex_unlock(&desk->mutex);
        uv_timer_start(&desk->last, on_last, AMQP_DESK_LAST_MS, 0);
}

static void amqp_desk_on_closed(uv_handle_t *handle)
{
        struct amqp_desk *desk = handle->data;
        if (--desk->closing > 0)
                return;
        uv_mutex_destroy(&desk->mutex);
        free(desk);
}

void amqp_desk_close(struct amqp_desk *desk)
{
        if (desk->publisher)
                amqp_publisher_close(desk->publisher, 1000);
        desk->closing = 2;
        uv_close((uv_handle_t *)&desk->async, amqp_desk_on_closed);
        uv_close((uv_handle_t *)&desk->last, amqp_desk_on_closed);
}
