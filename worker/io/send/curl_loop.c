#include "io/send/curl_loop.h"
#include "core/memory/memory.h"
#include "io/machine/turn.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* At least so many though the turn is long: a step of a TLS handshake takes half a millisecond. */
enum { EVENTS_PER_TURN = 64, EVENTS_AT_LEAST = 4, EVENTS_FETCHED = 8 };

/* The places that share a multi handle. */
struct pool {
        struct curl_loop *curl_loop;
        CURLM *multi;
        uv_timer_t timer;
        bool now; /* libcurl wants to be called at once */
};

/* A descriptor of libcurl, as our epoll instance knows it. libcurl takes its hands off a connection after
 * each request and on again with the next; the registration stays meanwhile, which saves two system calls a
 * mail. */
struct watch {
        uint32_t wanted;     /* epoll events that libcurl asks for now */
        uint32_t registered; /* those that the kernel was told */
        uint32_t trust;      /* `registered` still holds if this is the loop's */
        uint32_t life;       /* of the socket with this number: an event of an earlier one is dropped */
        struct pool *pool;   /* whose socket it is */
        void *owner;         /* who talks on it; NULL: libcurl does */
};

struct curl_loop {
        uv_loop_t *loop;
        uv_idle_t now; /* active while a pool is to be called at once */
        /* All sockets behind one descriptor: libuv never sees one of libcurl's, which may be closed and its
         * number used again without a word. */
        int epoll;
        uv_poll_t poll;
        curl_loop_ended *ended;
        curl_loop_ready *ready; /* NULL: connections are libcurl's alone */
        curl_loop_guard *guard; /* NULL: every address may be connected to */
        void *guard_context;
        struct watch *watches; /* by descriptor */
        size_t watch_max;
        /* Grows whenever a descriptor may have become another socket: libcurl closes one that never
         * connected, and those of its resolver, without a word. */
        uint32_t trust;
        size_t under_way;             /* transfers, and connections kept by others: the loop stays alive */
        unsigned handles;             /* of libuv, still open */
        size_t pool_count, pool_next; /* `pool_next`: counts on over the pools that were looked at */
        struct pool pools[];
};

static void take_out(const struct pool *pool, CURL *easy)
{
        struct curl_loop *curl_loop = pool->curl_loop;
        if (curl_multi_remove_handle(pool->multi, easy) != CURLM_OK)
                abort();
        if (--curl_loop->under_way == 0)
                uv_unref((uv_handle_t *)&curl_loop->poll);
}

static void ended_deliver(const struct pool *pool)
{
        struct curl_loop *curl_loop = pool->curl_loop;
        int left = 0;
        CURLMsg *message;
        while ((message = curl_multi_info_read(pool->multi, &left))) {
                if (message->msg != CURLMSG_DONE)
                        continue;
                CURL *easy = message->easy_handle;
                CURLcode code = message->data.result;
                void *owner = NULL;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
                if (!curl_loop->ready || code != CURLE_OK)
                        take_out(pool, easy);
                curl_loop->trust += code != CURLE_OK;
                curl_loop->ended(easy, owner, code);
        }
}

static void action(const struct pool *pool, curl_socket_t fd, int events)
{
        int running = 0;
        if (curl_multi_socket_action(pool->multi, fd, events, &running) != CURLM_OK)
                abort();
        ended_deliver(pool);
}

static void curl_loop_on_timer(uv_timer_t *timer)
{
        action(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* One pool at least; those that a long turn leaves out are first in the next, so that none waits for ever. */
static void on_now(uv_idle_t *now)
{
        struct curl_loop *curl_loop = now->data;
        uv_idle_stop(now);
        for (size_t i = 0; i < curl_loop->pool_count; i++) {
                struct pool *pool = &curl_loop->pools[curl_loop->pool_next++ % curl_loop->pool_count];
                if (!pool->now)
                        continue;
                pool->now = false;
                action(pool, CURL_SOCKET_TIMEOUT, 0);
                if (turn_is_long()) {
                        uv_idle_start(now, on_now);
                        return;
                }
        }
}

/* "At once" is once a turn: libuv runs a timer of no time again in the same turn, and libcurl may ask for ten
 * in a row.
 */
static int timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
        struct pool *pool = context;
        (void)multi;
        uv_timer_stop(&pool->timer);
        pool->now = timeout_ms == 0;
        if (timeout_ms == 0)
                uv_idle_start(&pool->curl_loop->now, on_now);
        else if (timeout_ms > 0)
                uv_timer_start(&pool->timer, curl_loop_on_timer, (uint64_t)timeout_ms, 0);
        return 0;
}

static struct watch *watch_of(struct curl_loop *curl_loop, curl_socket_t fd)
{
        size_t need = (size_t)fd + 1, max = curl_loop->watch_max;
        if (need <= max)
                return &curl_loop->watches[fd];
        need += 64;
        curl_loop->watches = memory_resized(curl_loop->watches, need * sizeof(struct watch));
        memset(curl_loop->watches + max, 0, (need - max) * sizeof(struct watch));
        curl_loop->watch_max = need;
        return &curl_loop->watches[fd];
}

static bool watch_is_known(const struct curl_loop *curl_loop, const struct watch *watch)
{
        return watch->registered == watch->wanted && watch->trust == curl_loop->trust;
}

/* Tells the kernel what is wanted, whatever it knew before. */
static bool watch_register(struct curl_loop *curl_loop, curl_socket_t fd)
{
        struct watch *watch = watch_of(curl_loop, fd);
        struct epoll_event event = {.events = watch->wanted,
                                    .data.u64 = (uint64_t)watch->life << 32 | (uint32_t)fd};
        watch->registered = watch->wanted;
        watch->trust = curl_loop->trust;
        if (epoll_ctl(curl_loop->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
                return true;
        return errno == ENOENT && epoll_ctl(curl_loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void event_take(struct curl_loop *curl_loop, const struct epoll_event *event)
{
        curl_socket_t fd = (curl_socket_t)(uint32_t)event->data.u64;
        struct watch *watch = watch_of(curl_loop, fd);
        if (watch->life != event->data.u64 >> 32)
                return;
        if (watch->wanted ==
            0) { /* the server closes a connection that is kept: libcurl sees it at the next use */
                epoll_ctl(curl_loop->epoll, EPOLL_CTL_DEL, fd, NULL);
                watch->registered = 0;
                return;
        }
        if (watch->owner) {
                curl_loop->ready(watch->owner);
                return;
        }
        int events = event->events & EPOLLIN ? CURL_CSELECT_IN : 0;
        if (event->events & EPOLLOUT)
                events |= CURL_CSELECT_OUT;
        if (event->events & (EPOLLERR | EPOLLHUP))
                events |= CURL_CSELECT_ERR;
        action(watch->pool, fd, events);
}

/* What is not taken now is still there at the next turn. */
static void curl_loop_on_poll(uv_poll_t *poll, int status, int events)
{
        struct curl_loop *curl_loop = poll->data;
        struct epoll_event ready[EVENTS_FETCHED];
        int count = EVENTS_FETCHED;
        (void)events;
        turn_worked();
        if (status < 0)
                abort();
        for (int taken = 0; taken < EVENTS_PER_TURN && count == EVENTS_FETCHED; taken += count) {
                count = epoll_wait(curl_loop->epoll, ready, EVENTS_FETCHED, 0);
                for (int i = 0; i < count; i++) {
                        if (taken + i >= EVENTS_AT_LEAST && turn_is_long())
                                return;
                        event_take(curl_loop, &ready[i]);
                }
        }
}

static void watch_renew(struct curl_loop *curl_loop, curl_socket_t fd)
{
        struct watch *watch = watch_of(curl_loop, fd);
        watch->registered = 0;
        watch->owner = NULL;
        watch->life++;
        curl_loop->trust++;
}

static curl_socket_t curl_socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
        struct pool *pool = context;
        struct curl_loop *curl_loop = pool->curl_loop;
        (void)purpose;
        if (curl_loop->guard && !curl_loop->guard(curl_loop->guard_context, address))
                return CURL_SOCKET_BAD;
        curl_socket_t fd =
                socket(address->family, address->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->protocol);
        if (fd < 0)
                return CURL_SOCKET_BAD;
        watch_renew(curl_loop, fd);
        struct watch *watch = watch_of(curl_loop, fd);
        if (watch->pool != pool)
                watch->wanted = 0;
        watch->pool = pool;
        /* libcurl asks by number: what it wants of a socket that it closed just now, it will not ask for
         * again */
        if (watch->wanted == 0 || watch_register(curl_loop, fd))
                return fd;
        close(fd);
        return CURL_SOCKET_BAD;
}

static int socket_close(void *context, curl_socket_t fd)
{
        const struct pool *pool = context;
        watch_renew(pool->curl_loop, fd);
        return close(fd);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
        struct pool *pool = context;
        struct curl_loop *curl_loop = pool->curl_loop;
        struct watch *watch = watch_of(curl_loop, fd);
        (void)easy, (void)assigned;
        if (what == CURL_POLL_REMOVE) {
                if (watch->pool == pool) /* else the number is another's now */
                        watch->wanted = 0;
                return 0;
        }
        watch->pool = pool;
        watch->wanted = what & CURL_POLL_IN ? EPOLLIN : 0;
        if (what & CURL_POLL_OUT)
                watch->wanted |= EPOLLOUT;
        return watch_is_known(curl_loop, watch) || watch_register(curl_loop, fd) ? 0 : -1;
}

bool curl_loop_watch(struct curl_loop *curl_loop, curl_socket_t fd, void *owner, bool writable)
{
        struct watch *watch = watch_of(curl_loop, fd);
        watch->owner = owner;
        watch->wanted = EPOLLIN | (writable ? EPOLLOUT : 0);
        return watch_is_known(curl_loop, watch) || watch_register(curl_loop, fd);
}

static void pool_open(struct pool *pool, struct curl_loop *curl_loop, long connections)
{
        pool->curl_loop = curl_loop;
        pool->multi = curl_multi_init();
        if (!pool->multi)
                abort();
        uv_timer_init(curl_loop->loop, &pool->timer);
        pool->timer.data = pool;
        curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
        curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
        curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
        curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
        curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, connections);
}

struct curl_loop *curl_loop_open(uv_loop_t *loop, size_t places, curl_loop_ended *ended,
                                 curl_loop_ready *ready)
{
        size_t count = (places + CURL_LOOP_SHARE - 1) / CURL_LOOP_SHARE;
        struct curl_loop *curl_loop = memory_zeroed(1, sizeof *curl_loop + count * sizeof(struct pool));
        curl_loop->loop = loop;
        curl_loop->ended = ended;
        curl_loop->ready = ready;
        curl_loop->pool_count = count;
        for (size_t i = 0; i < count; i++)
                pool_open(&curl_loop->pools[i], curl_loop,
                          (long)(i + 1 < count ? CURL_LOOP_SHARE : places - i * CURL_LOOP_SHARE));
        curl_loop->epoll = epoll_create1(EPOLL_CLOEXEC);
        uv_idle_init(loop, &curl_loop->now);
        if (curl_loop->epoll < 0 || uv_poll_init(loop, &curl_loop->poll, curl_loop->epoll) != 0 ||
            uv_poll_start(&curl_loop->poll, UV_READABLE, curl_loop_on_poll) != 0)
                abort();
        uv_unref((uv_handle_t *)&curl_loop->poll);
        curl_loop->now.data = curl_loop->poll.data = curl_loop;
        curl_loop->handles = 2 + (unsigned)count;
        return curl_loop;
}

void curl_loop_set_guard(struct curl_loop *curl_loop, curl_loop_guard *guard, void *context)
{
        curl_loop->guard = guard;
        curl_loop->guard_context = context;
}

static struct pool *pool_of(struct curl_loop *curl_loop, size_t place)
{
        assert(place / CURL_LOOP_SHARE < curl_loop->pool_count);
        return &curl_loop->pools[place / CURL_LOOP_SHARE];
}

void curl_loop_adopt(struct curl_loop *curl_loop, CURL *easy, size_t place)
{
        struct pool *pool = pool_of(curl_loop, place);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, curl_socket_open);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, pool);
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, pool);
}

void curl_loop_add(struct curl_loop *curl_loop, CURL *easy, size_t place)
{
        if (curl_multi_add_handle(pool_of(curl_loop, place)->multi, easy) != CURLM_OK)
                abort();
        if (curl_loop->under_way++ == 0)
                uv_ref((uv_handle_t *)&curl_loop->poll);
}

void curl_loop_remove(struct curl_loop *curl_loop, CURL *easy, size_t place)
{
        take_out(pool_of(curl_loop, place), easy);
        curl_loop->trust++;
}

static void curl_handle_closed(struct curl_loop *curl_loop)
{
        if (--curl_loop->handles == 0)
                free(curl_loop);
}

static void curl_loop_on_closed(uv_handle_t *handle)
{
        curl_handle_closed(handle->data);
}

static void on_pool_closed(uv_handle_t *handle)
{
        const struct pool *pool = handle->data;
        curl_handle_closed(pool->curl_loop);
}

void curl_loop_close(struct curl_loop *curl_loop)
{
        for (size_t i = 0; i < curl_loop->pool_count; i++) {
                curl_multi_cleanup(curl_loop->pools[i].multi);
                uv_close((uv_handle_t *)&curl_loop->pools[i].timer, on_pool_closed);
        }
        uv_close((uv_handle_t *)&curl_loop->poll, curl_loop_on_closed);
        uv_close((uv_handle_t *)&curl_loop->now, curl_loop_on_closed);
        close(curl_loop->epoll);
        free(curl_loop->watches);
}
