#include "core/memory/memory.h"
#include "io/redis/redis_store_state.h"

#include <stdlib.h>

void request_ring_add(struct request_ring *ring, struct request request)
{
        if (ring->count == ring->size) {
                struct request_ring wider = {.size = ring->size ? ring->size * 2 : 256, .count = ring->count};
                wider.requests = memory_zeroed(wider.size, sizeof(*wider.requests));
                for (size_t i = 0; i < ring->count; i++)
                        wider.requests[i] = *request_ring_at(ring, i);
                free(ring->requests);
                *ring = wider;
        }
        *request_ring_at(ring, ring->count++) = request;
}

struct request request_ring_take(struct request_ring *ring)
{
        struct request request = *request_ring_at(ring, 0);
        ring->head = (ring->head + 1) % ring->size;
        ring->count--;
        return request;
}

/* The requests under way: replies come in their order. */

void redis_ring_push(struct redis_store *store, struct request request)
{
        if (store->node_of && !request.bytes && request.kind != REQUEST_WAIT &&
            request.kind != REQUEST_ASKING) {
                request.bytes_len = store->out.len - store->out_mark;
                request.bytes = memory_raw(request.bytes_len);
                memcpy(request.bytes, store->out.data + store->out_mark, request.bytes_len);
        }
        store->out_mark = store->out.len;
        store->counts_on_clock |= request.quick_ms != 0;
        request_ring_add(&store->ring, request);
}

struct request redis_ring_pop(struct redis_store *store)
{
        return request_ring_take(&store->ring);
}

void redis_request_lost(const struct request *request)
{
        if (request->strings)
                request->strings(request->context, true, NULL, 0);
        else if (request->done)
                request->done(request->context,
                              &(struct store_result){.lost = true, .sent_ms = request->sent_ms});
}
