#include "core/memory/memory.h"
#include "io/redis/redis_store_state.h"

#include <stdlib.h>

/* The requests under way, oldest first: replies come in their order. */

void redis_ring_push(struct redis_store *store, struct request request)
{
        if (store->ring_count == store->ring_size) {
                size_t size = store->ring_size ? store->ring_size * 2 : 256;
                struct request *ring = memory_zeroed(size, sizeof(*ring));
                for (size_t i = 0; i < store->ring_count; i++)
                        ring[i] = store->ring[(store->ring_head + i) % store->ring_size];
                free(store->ring);
                store->ring = ring;
                store->ring_size = size;
                store->ring_head = 0;
        }
        if (store->node_of && !request.bytes && request.kind != REQUEST_WAIT &&
            request.kind != REQUEST_ASKING) {
                request.bytes_len = store->out.len - store->out_mark;
                request.bytes = memory_raw(request.bytes_len);
                memcpy(request.bytes, store->out.data + store->out_mark, request.bytes_len);
        }
        store->out_mark = store->out.len;
        store->ring[(store->ring_head + store->ring_count++) % store->ring_size] = request;
}

struct request redis_ring_pop(struct redis_store *store)
{
        struct request request = store->ring[store->ring_head];
        store->ring_head = (store->ring_head + 1) % store->ring_size;
        store->ring_count--;
        return request;
}

void redis_request_lost(const struct request *request)
{
        if (request->strings)
                request->strings(request->context, true, NULL, 0);
        else if (request->done)
                request->done(request->context,
                              &(struct store_result){.lost = true, .sent_ms = request->sent_ms});
}
