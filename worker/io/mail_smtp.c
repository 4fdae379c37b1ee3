#include "core/mail_outcome.h"
#include "core/memory.h"
#include "io/mail_curl.h"
#include "io/mail_transports.h"
#include "io/smtp_session.h"
#include "io/turn.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/queue.h>

/*
 * Blocking threads, because libcurl's multi interface sends one mail at a time over SMTP: it waits for the
 * reply to the final dot without giving the loop back.
 *
 * A thread is the loop's while it is idle, and its own from when the loop wakes it until it tells of the end.
 * So a mail costs one semaphore and one push on a stack, and nobody waits for a lock. The idle thread that
 * was busy last is woken first; one that nobody needed for a while ends.
 *
 * Threads are started when all others are busy. The loop starts one at most, which starts the next if there
 * is more work, and so on: a start takes tens of microseconds.
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
enum { IDLE_MS = 30000, RESULTS_AT_LEAST = 4 /* in a turn that is long already */ };

struct sending {
        struct sending *next; /* in one list: free, queued or unsent */
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
        struct mail_smtp *owner;
        pthread_t id;
        sem_t wake;
        struct sending *work; /* what it is to send, or has sent; none when it is woken: to end */
        bool sent, ended;     /* what it tells */
        struct smtp_thread *told;
        struct smtp_session *session; /* with the mutex; NULL once it ends */
        SLIST_ENTRY(smtp_thread) all; /* with the mutex */
        bool idle;                    /* all that follows is the loop's alone */
        int64_t idle_ms;
        TAILQ_ENTRY(smtp_thread) listed;
};

struct mail_smtp {
        struct mail_transport base;
        const struct config *config;
        uv_async_t wake;
        /* The newest of those that told and were not heard, linked by `told`. */
        struct smtp_thread *_Atomic told;
        atomic_bool closing;

        /* of the loop's thread alone: */
        struct smtp_thread *heard; /* the oldest of those whose word was taken but not acted on */
        struct smtp_thread *heard_last;
        TAILQ_HEAD(idle_threads, smtp_thread) idle; /* the one that was busy last is first */
        uv_timer_t retire;
        size_t under_way;
        struct sending_list free, unsent; /* `unsent`: there was no thread for it */
        unsigned handles;                 /* of libuv, still open */

        pthread_mutex_t mutex; /* all that follows */
        struct sending_list queued;
        SLIST_HEAD(all_threads, smtp_thread) threads;
        size_t running;
        bool starting; /* one of them does not take work yet */

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

/* ---- threads ---- */

/* Gives the thread back to the loop, which is woken for the first only; it takes all. */
static void tell(struct smtp_thread *thread)
{
        struct mail_smtp *smtp = thread->owner;
        struct smtp_thread *first = atomic_load(&smtp->told);
        do
                thread->told = first;
        while (!atomic_compare_exchange_weak(&smtp->told, &first, thread));
        if (!first)
                uv_async_send(&smtp->wake);
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

static void thread_free(struct smtp_thread *thread)
{
        if (thread->session)
                smtp_session_free(thread->session);
        sem_destroy(&thread->wake);
        free(thread);
}

/* With the mutex held: starts a thread if there is work for one more. False if the system has none for us. */
static bool thread_start(struct mail_smtp *smtp)
{
        if (smtp->starting || atomic_load(&smtp->closing) || !smtp->queued.first ||
            smtp->running >= smtp->base.capacity)
                return true;
        struct smtp_thread *thread = memory_zeroed(1, sizeof *thread);
        thread->owner = smtp;
        thread->session = smtp_session_new(smtp->config);
        sem_init(&thread->wake, 0, 0);
        SLIST_INSERT_HEAD(&smtp->threads, thread, all);
        smtp->running++;
        smtp->starting = true;
        if (thread_create(thread) == 0)
                return true;
        smtp->running--;
        smtp->starting = false;
        SLIST_REMOVE_HEAD(&smtp->threads, all);
        thread_free(thread);
        return false;
}

/* The first work of a thread: what it was started for, if nobody else has taken that meanwhile. */
static struct sending *work_first(struct mail_smtp *smtp)
{
        pthread_mutex_lock(&smtp->mutex);
        smtp->starting = false;
        struct sending *sending = atomic_load(&smtp->closing) ? NULL : list_take(&smtp->queued);
        thread_start(smtp);
        pthread_mutex_unlock(&smtp->mutex);
        return sending;
}

/* From now on nobody can abort it. */
static void session_end(struct smtp_thread *thread)
{
        pthread_mutex_lock(&thread->owner->mutex);
        struct smtp_session *session = thread->session;
        thread->session = NULL;
        pthread_mutex_unlock(&thread->owner->mutex);
        smtp_session_free(session);
}

static void *thread_run(void *argument)
{
        struct smtp_thread *thread = argument;
        const struct mail_smtp *smtp = thread->owner;
        pthread_setname_np(pthread_self(), "leveret-smtp");
        thread->work = work_first(thread->owner);
        do {
                struct sending *work = thread->work;
                if (work) {
                        work->result = smtp_session_send(thread->session, work->request, work->fence);
                        thread->sent = true;
                }
                tell(thread);
                while (sem_wait(&thread->wake) != 0 && errno == EINTR)
                        continue;
        } while (thread->work && !atomic_load(&smtp->closing));
        session_end(thread);
        thread->ended = true;
        tell(thread);
        return NULL;
}

/* ---- the loop's side ---- */

static void thread_give(struct smtp_thread *thread, struct sending *sending)
{
        thread->work = sending;
        sem_post(&thread->wake);
}

static void idle_remove(struct smtp_thread *thread)
{
        TAILQ_REMOVE(&thread->owner->idle, thread, listed);
        thread->idle = false;
}

static void on_retire(uv_timer_t *timer);

static void idle_add(struct smtp_thread *thread)
{
        struct mail_smtp *smtp = thread->owner;
        thread->idle = true;
        thread->idle_ms = (int64_t)uv_now(smtp->retire.loop);
        TAILQ_INSERT_HEAD(&smtp->idle, thread, listed);
        if (!uv_is_active((uv_handle_t *)&smtp->retire))
                uv_timer_start(&smtp->retire, on_retire, IDLE_MS, 0);
}

static void on_retire(uv_timer_t *timer)
{
        struct mail_smtp *smtp = timer->data;
        struct smtp_thread *thread;
        while ((thread = TAILQ_LAST(&smtp->idle, idle_threads))) {
                int64_t left_ms = thread->idle_ms + IDLE_MS - (int64_t)uv_now(timer->loop);
                if (left_ms > 0) {
                        uv_timer_start(timer, on_retire, (uint64_t)left_ms, 0);
                        return;
                }
                idle_remove(thread);
                thread_give(thread, NULL);
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

/* With the mutex held: sees to it that somebody will take what is queued, or gives it up. */
static void queued_start(struct mail_smtp *smtp)
{
        struct sending *sending;
        if (thread_start(smtp) || smtp->running > 0)
                return;
        while ((sending = list_take(&smtp->queued))) {
                sending->result = mail_outcome_short("no thread could be started");
                list_add(&smtp->unsent, sending);
        }
        uv_async_send(&smtp->wake);
}

static void thread_join(struct smtp_thread *thread)
{
        struct mail_smtp *smtp = thread->owner;
        pthread_mutex_lock(&smtp->mutex);
        SLIST_REMOVE(&smtp->threads, thread, smtp_thread, all);
        smtp->running--;
        queued_start(smtp); /* what came while the last thread was ending */
        pthread_mutex_unlock(&smtp->mutex);
        pthread_join(thread->id, NULL);
        thread_free(thread);
}

static struct sending *queued_take(struct mail_smtp *smtp)
{
        pthread_mutex_lock(&smtp->mutex);
        struct sending *sending = list_take(&smtp->queued);
        pthread_mutex_unlock(&smtp->mutex);
        return sending;
}

/* What a thread told. */
static void thread_hear(struct smtp_thread *thread)
{
        struct mail_smtp *smtp = thread->owner;
        struct sending *sent = thread->sent ? thread->work : NULL;
        if (thread->ended) {
                thread_join(thread);
                return;
        }
        thread->sent = false;
        thread->work = NULL;
        struct sending *next = queued_take(smtp);
        if (next)
                thread_give(thread, next);
        else
                idle_add(thread);
        if (sent)
                sending_end(smtp, sent);
}

/* Moves all that was told behind what was heard before, the oldest first. */
static void told_take(struct mail_smtp *smtp)
{
        struct smtp_thread *thread = atomic_exchange(&smtp->told, NULL), *first = NULL, *last = thread;
        while (thread) {
                struct smtp_thread *older = thread->told;
                thread->told = first;
                first = thread;
                thread = older;
        }
        if (!first)
                return;
        if (smtp->heard)
                smtp->heard_last->told = first;
        else
                smtp->heard = first;
        smtp->heard_last = last;
}

static void on_wake(uv_async_t *wake)
{
        struct mail_smtp *smtp = wake->data;
        struct sending *unsent;
        struct smtp_thread *thread;
        turn_worked();
        while ((unsent = list_take(&smtp->unsent)))
                sending_end(smtp, unsent);
        told_take(smtp);
        for (int i = 0; (thread = smtp->heard); i++) {
                if (i >= RESULTS_AT_LEAST && turn_is_long()) {
                        uv_async_send(wake); /* for what is left */
                        return;
                }
                smtp->heard = thread->told;
                thread_hear(thread);
        }
}

static void queue_up(struct mail_smtp *smtp, struct sending *sending)
{
        pthread_mutex_lock(&smtp->mutex);
        list_add(&smtp->queued, sending);
        queued_start(smtp);
        pthread_mutex_unlock(&smtp->mutex);
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
        struct smtp_thread *thread = TAILQ_FIRST(&smtp->idle);
        if (thread) {
                idle_remove(thread);
                thread_give(thread, sending);
        } else {
                queue_up(smtp, sending);
        }
}

static void on_closed(uv_handle_t *handle)
{
        struct mail_smtp *smtp = handle->data;
        if (--smtp->handles > 0)
                return;
        pthread_mutex_destroy(&smtp->mutex);
        free(smtp);
}

/* Ends all threads; the idle ones say QUIT, the others are broken off. */
static void threads_end(struct mail_smtp *smtp)
{
        struct smtp_thread *thread;
        pthread_mutex_lock(&smtp->mutex);
        atomic_store(&smtp->closing, true);
        for (thread = SLIST_FIRST(&smtp->threads); thread; thread = SLIST_NEXT(thread, all)) {
                if (!thread->idle && thread->session)
                        smtp_session_abort(thread->session);
                sem_post(&thread->wake);
        }
        pthread_mutex_unlock(&smtp->mutex); /* from now on there are no more of them */
        for (thread = SLIST_FIRST(&smtp->threads); thread; thread = SLIST_NEXT(thread, all))
                pthread_join(thread->id, NULL);
}

static void smtp_close(struct mail_transport *transport)
{
        struct mail_smtp *smtp = (struct mail_smtp *)transport;
        struct smtp_thread *thread;
        struct sending *sending;
        threads_end(smtp);
        while ((thread = SLIST_FIRST(&smtp->threads))) {
                SLIST_REMOVE_HEAD(&smtp->threads, all);
                if (thread->work && !thread->sent)
                        thread->work->result = mail_outcome_stopped(false);
                if (thread->work)
                        sending_end(smtp, thread->work);
                thread_free(thread);
        }
        while ((sending = list_take(&smtp->queued))) {
                sending->result = mail_outcome_stopped(false);
                sending_end(smtp, sending);
        }
        while ((sending = list_take(&smtp->unsent)))
                sending_end(smtp, sending);
        uv_close((uv_handle_t *)&smtp->wake, on_closed);
        uv_close((uv_handle_t *)&smtp->retire, on_closed);
}

static void handles_open(struct mail_smtp *smtp, uv_loop_t *loop)
{
        uv_async_init(loop, &smtp->wake, on_wake);
        uv_timer_init(loop, &smtp->retire);
        smtp->wake.data = smtp->retire.data = smtp;
        smtp->handles = 2;
        uv_unref((uv_handle_t *)&smtp->wake);
        uv_unref((uv_handle_t *)&smtp->retire);
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
        TAILQ_INIT(&smtp->idle);
        SLIST_INIT(&smtp->threads);
        for (size_t i = 0; i < capacity; i++)
                list_add(&smtp->free, &smtp->sendings[i]);
        pthread_mutex_init(&smtp->mutex, NULL);
        handles_open(smtp, loop);
        curl_global_init(CURL_GLOBAL_DEFAULT); /* before there are threads */
        return &smtp->base;
}
