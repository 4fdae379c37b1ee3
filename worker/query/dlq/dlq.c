#include "query/dlq/dlq.h"
#include "core/broker/topology.h"
#include "io/amqp/amqp_publisher.h"
#include "io/broker/amqp_admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TOLD_MAX = 1024 };

int dlq_fail(struct dlq *dlq, int status, const char *format, ...)
{
        char text[TOLD_MAX];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        dlq->told(dlq, status, text);
        return status;
}

bool dlq_is_stopped(struct dlq *dlq)
{
        return dlq->stopped && dlq->stopped(dlq);
}

struct on_thread {
        void (*run)(void *context);
        void *context;
};

static void *run_thread(void *context)
{
        const struct on_thread *on = context;
        on->run(on->context);
        return NULL;
}

/* Headers nested 26,000 deep fit into one frame, and taking them apart recurses. */
bool dlq_thread_begin(pthread_t *thread, void *(*run)(void *context), void *context)
{
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, (size_t)AMQP_STACK_BYTES * 4);
        bool began = pthread_create(thread, &attributes, run, context) == 0;
        pthread_attr_destroy(&attributes);
        return began;
}

bool dlq_run_on_big_stack(void (*run)(void *context), void *context)
{
        struct on_thread on = {.run = run, .context = context};
        pthread_t thread;
        bool began = dlq_thread_begin(&thread, run_thread, &on);
        if (began)
                pthread_join(thread, NULL);
        return began;
}

const char *dlq_work_queue(const struct query *query, const char *word)
{
        for (size_t i = 0; i < query->config->queue_count; i++) {
                const char *name = query->config->queues[i].name;
                if (strcmp(name, word) == 0 || strcmp(topology_dlq_name(query->arena, name), word) == 0)
                        return name;
        }
        return NULL;
}

const struct config_queue *dlq_config_queue(const struct dlq *dlq)
{
        const struct config *config = dlq->query.config;
        for (size_t i = 0; i < config->queue_count; i++)
                if (strcmp(config->queues[i].name, dlq->queue) == 0)
                        return &config->queues[i];
        return NULL;
}

bool dlq_name(struct dlq *dlq, const char *word)
{
        const struct config *config = dlq->query.config;
        if (strcmp(word, QUEUE_UNROUTED) == 0) {
                dlq->queue = dlq->source = QUEUE_UNROUTED;
                dlq->target = config->queue_count == 1 ? config->queues[0].name : NULL;
                return true;
        }
        dlq->queue = dlq->target = dlq_work_queue(&dlq->query, word);
        if (dlq->queue)
                dlq->source = topology_dlq_name(dlq->query.arena, dlq->queue);
        return dlq->queue != NULL;
}

/* Without its queue a copy would end in leveret.unrouted. */
int dlq_check_target(struct dlq *dlq)
{
        struct queue_depth depth = {.name = dlq->target};
        struct amqp_error error = {0};
        if (!amqp_queue_depths(dlq->query.config, &depth, 1, &error))
                return dlq_fail(dlq, DLQ_ERROR, "%s", error.text);
        if (!depth.exists)
                return dlq_fail(dlq, DLQ_NOT_FOUND,
                                "the work queue %s does not exist; see leveret topology apply", dlq->target);
        return DLQ_OK;
}
