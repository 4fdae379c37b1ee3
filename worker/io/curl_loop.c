#include "io/curl_loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct watcher {
        uv_poll_t poll;
        struct curl_loop *owner;
        curl_socket_t fd;
};

struct curl_loop {
        uv_loop_t *loop;
        CURLM *multi;
        uv_timer_t timer;
        curl_loop_ended *ended;
        struct watcher **watchers; /* by descriptor */
        size_t watcher_max;
};

static void ended_deliver(struct curl_loop *curl_loop)
{
        int left = 0;
        CURLMsg *message;
        while ((message = curl_multi_info_read(curl_loop->multi, &left))) {
                if (message->msg != CURLMSG_DONE)
                        continue;
                CURL *easy = message->easy_handle;
                CURLcode code = message->data.result;
                void *owner = NULL;
                curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
                curl_loop_remove(curl_loop, easy);
                curl_loop->ended(easy, owner, code);
        }
}

static void action(struct curl_loop *curl_loop, curl_socket_t fd, int events)
{
        int running = 0;
        if (curl_multi_socket_action(curl_loop->multi, fd, events, &running) != CURLM_OK)
                abort();
        ended_deliver(curl_loop);
}

static void on_timer(uv_timer_t *timer)
{
        action(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *context)
{
        struct curl_loop *curl_loop = context;
        (void)multi;
        if (timeout_ms < 0)
                uv_timer_stop(&curl_loop->timer);
        else
                uv_timer_start(&curl_loop->timer, on_timer, (uint64_t)timeout_ms, 0);
        return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
        struct watcher *watcher = poll->data;
        int flags = status < 0 ? CURL_CSELECT_ERR : 0;
        if (events & UV_READABLE)
                flags |= CURL_CSELECT_IN;
        if (events & UV_WRITABLE)
                flags |= CURL_CSELECT_OUT;
        action(watcher->owner, watcher->fd, flags);
}

static struct watcher *watcher_find(const struct curl_loop *curl_loop, curl_socket_t fd)
{
        return (size_t)fd < curl_loop->watcher_max ? curl_loop->watchers[fd] : NULL;
}

static void watchers_reserve(struct curl_loop *curl_loop, curl_socket_t fd)
{
        size_t need = (size_t)fd + 1, max = curl_loop->watcher_max;
        if (need <= max)
                return;
        need += 64;
        curl_loop->watchers = realloc(curl_loop->watchers, need * sizeof(struct watcher *));
        if (!curl_loop->watchers)
                abort();
        memset(curl_loop->watchers + max, 0, (need - max) * sizeof(struct watcher *));
        curl_loop->watcher_max = need;
}

static struct watcher *watcher_new(struct curl_loop *curl_loop, curl_socket_t fd)
{
        struct watcher *watcher = calloc(1, sizeof *watcher);
        if (!watcher)
                abort();
        watchers_reserve(curl_loop, fd);
        watcher->owner = curl_loop;
        watcher->fd = fd;
        if (uv_poll_init(curl_loop->loop, &watcher->poll, fd) != 0) {
                free(watcher);
                return NULL;
        }
        watcher->poll.data = watcher;
        curl_loop->watchers[fd] = watcher;
        return watcher;
}

static void on_watcher_closed(uv_handle_t *handle)
{
        free(handle->data);
}

static void watcher_drop(struct curl_loop *curl_loop, curl_socket_t fd)
{
        struct watcher *watcher = watcher_find(curl_loop, fd);
        if (!watcher)
                return;
        curl_loop->watchers[fd] = NULL;
        uv_close((uv_handle_t *)&watcher->poll, on_watcher_closed);
}

/* The watcher of a connection lives as long as its socket: making one costs five system calls, and libcurl
 * takes its hands off and on again with every request. It must be gone before the descriptor is, hence the
 * hooks on open and close. */
static curl_socket_t socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
        struct curl_loop *curl_loop = context;
        (void)purpose;
        curl_socket_t fd =
                socket(address->family, address->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->protocol);
        if (fd >= 0 && !watcher_new(curl_loop, fd)) {
                close(fd);
                return CURL_SOCKET_BAD;
        }
        return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int socket_close(void *context, curl_socket_t fd)
{
        watcher_drop(context, fd);
        return close(fd);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
        static char
                not_a_connection; /* marks a socket that libcurl made for itself, to hear from its resolver */
        struct curl_loop *curl_loop = context;
        struct watcher *watcher = watcher_find(curl_loop, fd);
        (void)easy;
        if (what == CURL_POLL_REMOVE) {
                if (assigned == &not_a_connection)
                        watcher_drop(curl_loop, fd);
                else if (watcher)
                        uv_poll_stop(&watcher->poll);
                return 0;
        }
        if (!watcher) {
                watcher = watcher_new(curl_loop, fd);
                if (!watcher)
                        return -1;
                curl_multi_assign(curl_loop->multi, fd, &not_a_connection);
        }
        int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
        return uv_poll_start(&watcher->poll, events, on_poll) == 0 ? 0 : -1;
}

struct curl_loop *curl_loop_open(uv_loop_t *loop, long connections, curl_loop_ended *ended)
{
        struct curl_loop *curl_loop = calloc(1, sizeof *curl_loop);
        if (!curl_loop)
                abort();
        curl_loop->loop = loop;
        curl_loop->ended = ended;
        curl_loop->multi = curl_multi_init();
        if (!curl_loop->multi)
                abort();
        uv_timer_init(loop, &curl_loop->timer);
        curl_loop->timer.data = curl_loop;
        curl_multi_setopt(curl_loop->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
        curl_multi_setopt(curl_loop->multi, CURLMOPT_SOCKETDATA, curl_loop);
        curl_multi_setopt(curl_loop->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
        curl_multi_setopt(curl_loop->multi, CURLMOPT_TIMERDATA, curl_loop);
        curl_multi_setopt(curl_loop->multi, CURLMOPT_MAXCONNECTS, connections);
        return curl_loop;
}

void curl_loop_adopt(struct curl_loop *curl_loop, CURL *easy)
{
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, curl_loop);
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
        curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, curl_loop);
}

void curl_loop_add(struct curl_loop *curl_loop, CURL *easy)
{
        if (curl_multi_add_handle(curl_loop->multi, easy) != CURLM_OK)
                abort();
}

void curl_loop_remove(struct curl_loop *curl_loop, CURL *easy)
{
        if (curl_multi_remove_handle(curl_loop->multi, easy) != CURLM_OK)
                abort();
}

static void on_closed(uv_handle_t *handle)
{
        free(handle->data);
}

void curl_loop_close(struct curl_loop *curl_loop)
{
        curl_multi_cleanup(curl_loop->multi);
        for (size_t fd = 0; fd < curl_loop->watcher_max; fd++)
                watcher_drop(curl_loop, (curl_socket_t)fd);
        free(curl_loop->watchers);
        uv_close((uv_handle_t *)&curl_loop->timer, on_closed);
}
