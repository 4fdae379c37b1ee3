#include "core/mail_outcome.h"
#include "core/memory.h"
#include "io/mail_curl.h"
#include "io/mail_transports.h"
#include "io/smtp_session.h"
#include "io/turn.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/*
 * Blocking threads, because libcurl's multi interface sends one mail at a time over SMTP: it waits for the
 * reply to the final dot without giving the loop back. Threads are started when all others are busy and end
 * when they were idle. The loop starts one at most, which starts the next if there is more work, and so on: a
 * start takes tens of microseconds.
 */

#ifndef __has_feature
#        define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||     \
        __has_feature(thread_sanitizer)
enum { STACK_BYTES = 4 * 1024 * 1024 };
#else
enum { STACK_BYTES = 256 * 1024 };
#endif
enum { IDLE_S = 30, RESULTS_AT_LEAST = 4 /* in a turn that is long already */ };

struct sending {
        struct sending *next; /* in one list: free, queued or ended */
        const struct mail_request *request;
        struct mail_fence fence;
        struct mail_result result;
        mail_done *done;
        void *context;
};

struct sending_list {
        struct sending *first, *last;
};

struct smtp_thread {
        struct smtp_thread *next;
        struct mail_smtp *owner;
        pthread_t id;
        struct smtp_session *session;
        bool busy, ended;
};

struct mail_smtp {
        struct mail_transport base;
        const struct config *config;
        uv_async_t wake;
        size_t under_way; /* of the loop's thread alone, like `free` */
        struct sending_list free;

        pthread_mutex_t mutex; /* all that follows */
        pthread_cond_t work;
        struct sending_list queued, ended;
        struct smtp_thread *threads;
        size_t running, idle, queued_count; /* threads that take work, those that wait for it, and the work */
        bool starting;                      /* one of them does not take any yet */
        size_t gone;                        /* threads that ended and are not joined */
        bool closing;
        struct sending sendings[];
};

static void list_add(struct sending_list *list, struct sending *sending)
{
        sending->next = NULL;
        if (list->last)
                list->last->next = sending;
        else
                list->first = sending;
        list->last = sending;
}

static struct sending *list_take(struct sending_list *list)
{
        struct sending *sending = list->first;
        if (!sending)
                return NULL;
        list->first = sending->next;
        if (!list->first)
                list->last = NULL;
        return sending;
}

/* With the mutex held. The loop is woken for the first only; it takes all. */
static void ended_add(struct mail_smtp *smtp, struct sending *sending)
{
        if (!smtp->ended.first)
                uv_async_send(&smtp->wake);
        list_add(&smtp->ended, sending);
}

/* Waits for a mail with the mutex held; NULL when the thread is to end. */
static struct sending *work_wait(struct mail_smtp *smtp)
{
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_S;
        int rc = 0;
        smtp->idle++;
        while (!smtp->closing && !smtp->queued.first && rc != ETIMEDOUT)
                rc = pthread_cond_timedwait(&smtp->work, &smtp->mutex, &until);
        smtp->idle--;
        if (smtp->closing || !smtp->queued.first)
                return NULL;
        smtp->queued_count--;
        return list_take(&smtp->queued);
}

static void *thread_run(void *argument);

/* Signals are for the main thread; SIGPIPE is for nobody. */
static int thread_create(struct smtp_thread *thread)
{
        pthread_attr_t attributes;
        sigset_t all, before;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int rc = pthread_create(&thread->id, &attributes, thread_run, thread);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        return rc;
}

/* With the mutex held: starts a thread if there is work for one more. False if the system has none for us. */
static bool thread_start(struct mail_smtp *smtp)
{
        if (smtp->starting || smtp->closing || smtp->queued_count <= smtp->idle ||
            smtp->running >= smtp->base.capacity)
                return true;
        struct smtp_thread *thread = memory_zeroed(1, sizeof *thread);
        thread->owner = smtp;
        thread->next = smtp->threads;
        smtp->threads = thread;
        smtp->running++;
        smtp->starting = true;
        if (thread_create(thread) == 0)
                return true;
        smtp->running--;
        smtp->starting = false;
        smtp->threads = thread->next;
        free(thread);
        return false;
}

static void thread_work(struct smtp_thread *thread)
{
        struct mail_smtp *smtp = thread->owner;
        struct sending *sending;
        while ((sending = work_wait(smtp))) {
                thread_start(smtp);
                thread->busy = true;
                pthread_mutex_unlock(&smtp->mutex);
                sending->result = smtp_session_send(thread->session, sending->request, sending->fence);
                pthread_mutex_lock(&smtp->mutex);
                thread->busy = false;
                ended_add(smtp, sending);
        }
}

static void *thread_run(void *argument)
{
        struct smtp_thread *thread = argument;
        struct mail_smtp *smtp = thread->owner;
        pthread_setname_np(pthread_self(), "leveret-smtp");
        thread->session = smtp_session_new(smtp->config);
        pthread_mutex_lock(&smtp->mutex);
        smtp->starting = false;
        thread_work(thread);
        smtp->running--;
        pthread_mutex_unlock(&smtp->mutex);
        smtp_session_free(thread->session);
        pthread_mutex_lock(&smtp->mutex);
        thread->ended = true;
        smtp->gone++;
        uv_async_send(&smtp->wake);
        pthread_mutex_unlock(&smtp->mutex);
        return NULL;
}

/* With the mutex held: joins the threads that ended, or all. */
static void threads_reap(struct mail_smtp *smtp, bool all)
{
        struct smtp_thread **link = &smtp->threads;
        while (*link) {
                struct smtp_thread *thread = *link;
                if (!thread->ended && !all) {
                        link = &thread->next;
                        continue;
                }
                *link = thread->next;
                pthread_mutex_unlock(&smtp->mutex);
                pthread_join(thread->id, NULL);
                pthread_mutex_lock(&smtp->mutex);
                smtp->gone--;
                free(thread);
        }
}

static void sending_end(struct mail_smtp *smtp, struct sending *sending)
{
        struct mail_result result = sending->result;
        mail_done *done = sending->done;
        void *context = sending->context;
        list_add(&smtp->free, sending);
        if (--smtp->under_way == 0)
                uv_unref((uv_handle_t *)&smtp->wake);
        done(context, &result);
}

static bool ended_deliver_one(struct mail_smtp *smtp)
{
        pthread_mutex_lock(&smtp->mutex);
        struct sending *sending = list_take(&smtp->ended);
        pthread_mutex_unlock(&smtp->mutex);
        if (sending)
                sending_end(smtp, sending);
        return sending;
}

static void on_wake(uv_async_t *wake)
{
        struct mail_smtp *smtp = wake->data;
        pthread_mutex_lock(&smtp->mutex);
        if (smtp->gone > 0)
                threads_reap(smtp, false);
        pthread_mutex_unlock(&smtp->mutex);
        turn_worked();
        for (int i = 0; ended_deliver_one(smtp); i++) {
                if (i >= RESULTS_AT_LEAST && turn_is_long()) {
                        uv_async_send(wake); /* for what is left */
                        return;
                }
        }
}

static void smtp_send(struct mail_transport *transport, const struct mail_request *request, bool park,
                      struct mail_fence fence, mail_done *done, void *context)
{
        struct mail_smtp *smtp = (struct mail_smtp *)transport;
        (void)park; /* libcurl never sends a mail again by itself over SMTP */
        struct sending *sending = list_take(&smtp->free);
        assert(sending); /* the caller keeps to the capacity */
        *sending = (struct sending){.request = request, .fence = fence, .done = done, .context = context};
        if (smtp->under_way++ == 0)
                uv_ref((uv_handle_t *)&smtp->wake);
        pthread_mutex_lock(&smtp->mutex);
        list_add(&smtp->queued, sending);
        smtp->queued_count++;
        if (!thread_start(smtp) && smtp->running == 0) { /* alone in the queue, as there is nobody to work */
                smtp->queued_count--;
                list_take(&smtp->queued);
                sending->result = mail_outcome_short("no thread could be started");
                ended_add(smtp, sending);
        }
        pthread_cond_signal(&smtp->work);
        pthread_mutex_unlock(&smtp->mutex);
}

static void on_closed(uv_handle_t *handle)
{
        struct mail_smtp *smtp = handle->data;
        pthread_mutex_destroy(&smtp->mutex);
        pthread_cond_destroy(&smtp->work);
        free(smtp);
}

static void smtp_close(struct mail_transport *transport)
{
        struct mail_smtp *smtp = (struct mail_smtp *)transport;
        struct sending *sending;
        pthread_mutex_lock(&smtp->mutex);
        smtp->closing = true;
        for (struct smtp_thread *thread = smtp->threads; thread; thread = thread->next)
                if (thread->busy) /* the idle ones say QUIT */
                        smtp_session_abort(thread->session);
        pthread_cond_broadcast(&smtp->work);
        threads_reap(smtp, true);
        while ((sending = list_take(&smtp->queued))) {
                sending->result = mail_outcome_stopped(false);
                list_add(&smtp->ended, sending);
        }
        pthread_mutex_unlock(&smtp->mutex);
        while (ended_deliver_one(smtp))
                continue;
        uv_close((uv_handle_t *)&smtp->wake, on_closed);
}

static void threads_init(struct mail_smtp *smtp)
{
        pthread_condattr_t monotonic;
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&smtp->work, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_mutex_init(&smtp->mutex, NULL);
}

struct mail_transport *mail_smtp_open(uv_loop_t *loop, const struct config *config, char *error)
{
        size_t capacity = config->mail.smtp.connections > 0 ? (size_t)config->mail.smtp.connections : 1;
        bool encrypted = config->mail.smtp.starttls == SMTP_STARTTLS_REQUIRED;
        if (!mail_curl_url_check("mail.smtp.url", config->mail.smtp.url, "smtp", "smtps",
                                 encrypted || config->mail.allow_plaintext, error))
                return NULL;
        struct mail_smtp *smtp = memory_zeroed(1, sizeof *smtp + capacity * sizeof *smtp->sendings);
        smtp->base = (struct mail_transport){.capacity = capacity, .send = smtp_send, .close = smtp_close};
        smtp->config = config;
        for (size_t i = 0; i < capacity; i++)
                list_add(&smtp->free, &smtp->sendings[i]);
        threads_init(smtp);
        uv_async_init(loop, &smtp->wake, on_wake);
        smtp->wake.data = smtp;
        uv_unref((uv_handle_t *)&smtp->wake);
        curl_global_init(CURL_GLOBAL_DEFAULT); /* before there are threads */
        return &smtp->base;
}
