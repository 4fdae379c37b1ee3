#include "serve/postings.h"

#include "core/memory/memory.h"
#include "core/serve/problem.h"
#include "query/dlq/dlq.h"

#include <pthread.h>
#include <stdlib.h>

/* How long a request waits for the confirm of what it tells others. */
#define TELL_NS (UINT64_C(3) * 1000000000)

struct posting {
        struct postings *postings;
        struct arena *arena; /* of the texts below and of this */
        struct publication publication;
        const char *publisher;
        struct http_waiting *connection;
        struct posting *next;
};

struct postings {
        const struct config *config;
        struct redis_pool *pool;
        struct amqp_desk *desk;
        pthread_t thread; /* records and answers */
        pthread_mutex_t mutex;
        pthread_cond_t more;
        struct posting *confirmed; /* under the mutex, as is the next */
        bool ending;
};

void posting_accept(struct http_answer *answer, const char *id, bool duplicate)
{
        answer->status = 202;
        answer->content_type = "application/json";
        buffer_add_text(&answer->body, "{\"id\":");
        buffer_add_json_string(&answer->body, slice_of(id));
        buffer_printf(&answer->body, ",\"duplicate\":%s}", duplicate ? "true" : "false");
}

static void end(struct posting *posting, const struct http_answer *answer)
{
        struct arena *arena = posting->arena;
        http_waiting_answer(posting->connection, answer);
        arena_free(arena);
}

static void postings_refuse(struct posting *posting, enum publish_outcome outcome)
{
        struct http_answer answer = {.status = outcome == PUBLISH_UNENCODABLE ? 400 : 503,
                                     .content_type = problem_content_type};
        problem_add(&answer.body, answer.status,
                    arena_printf(posting->arena,
                                 "the broker did not take it (%s); try again with the same id",
                                 publish_outcome_word(outcome)));
        end(posting, &answer);
}

/* On the loop's thread. */
static void postings_on_published(void *context, enum publish_outcome outcome, const char *error)
{
        struct posting *posting = context;
        struct postings *postings = posting->postings;
        (void)error;
        if (outcome != PUBLISH_CONFIRMED) {
                postings_refuse(posting, outcome);
                return;
        }
        pthread_mutex_lock(&postings->mutex);
        posting->next = postings->confirmed;
        postings->confirmed = posting;
        pthread_cond_signal(&postings->more);
        pthread_mutex_unlock(&postings->mutex);
}

/* That Redis may not take it is no reason to refuse: the broker has it. */
static void record_all(const struct postings *postings, const struct posting *first)
{
        char error[256];
        struct redis_sync *redis = redis_pool_take(postings->pool, error);
        struct arena arena;
        if (!redis)
                return;
        arena_init(&arena);
        const struct query query = {
                .config = postings->config, .redis = redis, .arena = &arena, .quick = true};
        for (const struct posting *posting = first; posting; posting = posting->next)
                publication_record_later(&query, &posting->publication, posting->publisher);
        bool ok = redis_sync_flush(redis);
        redis_pool_give(postings->pool, redis, !ok);
        arena_fini(&arena);
}

static void answer_all(struct posting *posting)
{
        while (posting) {
                struct posting *next = posting->next;
                struct http_answer answer = {0};
                posting_accept(&answer, posting->publication.id, false);
                end(posting, &answer);
                posting = next;
        }
}

static void *postings_run(void *context)
{
        struct postings *postings = context;
        bool ending;
        do {
                pthread_mutex_lock(&postings->mutex);
                while (!postings->confirmed && !postings->ending)
                        pthread_cond_wait(&postings->more, &postings->mutex);
                struct posting *confirmed = postings->confirmed;
                postings->confirmed = NULL;
                ending = postings->ending && !confirmed;
                pthread_mutex_unlock(&postings->mutex);
                if (confirmed)
                        record_all(postings, confirmed);
                answer_all(confirmed);
        } while (!ending);
        return NULL;
}

struct postings *postings_open(uv_loop_t *loop, const struct config *config, struct redis_pool *pool)
{
        struct postings *postings = memory_zeroed(1, sizeof(*postings));
        postings->config = config;
        postings->pool = pool;
        postings->desk = amqp_desk_open(loop, config);
        if (pthread_mutex_init(&postings->mutex, NULL) || pthread_cond_init(&postings->more, NULL) ||
            !dlq_thread_begin(&postings->thread, postings_run, postings))
                abort();
        return postings;
}

void postings_add(struct postings *postings, const struct http_request *request,
                  const struct publication *publication, const char *publisher)
{
        struct arena *arena = arena_new(), *of_message = arena_new();
        struct posting *posting = arena_alloc(arena, sizeof(*posting));
        *posting = (struct posting){.postings = postings,
                                    .arena = arena,
                                    .publication = publication_copy(arena, publication),
                                    .publisher = arena_strdup(arena, publisher)};
        struct message *message = publication_message(of_message, publication);
        posting->connection = http_request_wait(request);
        if (!amqp_desk_publish(postings->desk, of_message, message, postings_on_published, posting))
                postings_refuse(posting, PUBLISH_UNSENT);
}

/* Who waits for a confirm; freed by whichever of the two comes last. */
struct patience {
        uv_mutex_t mutex;
        uv_cond_t done;
        bool ended, left;
        enum publish_outcome outcome;
};

static void patience_free(struct patience *patience)
{
        uv_cond_destroy(&patience->done);
        uv_mutex_destroy(&patience->mutex);
        free(patience);
}

static void postings_on_told(void *context, enum publish_outcome outcome, const char *error)
{
        struct patience *patience = context;
        (void)error;
        uv_mutex_lock(&patience->mutex);
        patience->ended = true;
        patience->outcome = outcome;
        bool left = patience->left;
        uv_cond_signal(&patience->done);
        uv_mutex_unlock(&patience->mutex);
        if (left)
                patience_free(patience);
}

bool postings_tell(struct postings *postings, struct arena *arena, struct message *message)
{
        struct patience *patience = memory_zeroed(1, sizeof(*patience));
        if (uv_mutex_init(&patience->mutex) || uv_cond_init(&patience->done))
                abort();
        if (!amqp_desk_publish(postings->desk, arena, message, postings_on_told, patience)) {
                patience_free(patience);
                return false;
        }
        uv_mutex_lock(&patience->mutex);
        while (!patience->ended && !patience->left)
                patience->left = uv_cond_timedwait(&patience->done, &patience->mutex, TELL_NS) != 0;
        bool ended = patience->ended;
        patience->left = !ended;
        enum publish_outcome outcome = patience->outcome;
        uv_mutex_unlock(&patience->mutex);
        if (ended)
                patience_free(patience);
        return ended && (outcome == PUBLISH_CONFIRMED || outcome == PUBLISH_RETURNED);
}

void postings_shut(struct postings *postings)
{
        amqp_desk_shut(postings->desk);
}

void postings_close(struct postings *postings)
{
        pthread_mutex_lock(&postings->mutex);
        postings->ending = true;
        pthread_cond_signal(&postings->more);
        pthread_mutex_unlock(&postings->mutex);
        pthread_join(postings->thread, NULL);
        amqp_desk_close(postings->desk);
        pthread_mutex_destroy(&postings->mutex);
        pthread_cond_destroy(&postings->more);
        free(postings);
}
