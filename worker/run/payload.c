#include "core/codec/gzip.h"
#include "core/record/keys.h"
#include "run/state.h"

#include <inttypes.h>
#include <stdio.h>

void payload_keep(struct delivery *delivery)
{
        const struct config *config = delivery->engine->config;
        struct slice payload = delivery->envelope.payload;
        if (config->claim.keep_payload_ms == 0 || payload.len == 0)
                return;
        struct slice packed = gzip_pack(delivery->arena, payload, RECORD_PAYLOAD_MAX);
        if (!packed.data)
                return;
        char keep[24];
        snprintf(keep, sizeof(keep), "%" PRId64, config->claim.keep_payload_ms);
        struct slice words[] = {SLICE_LITERAL("SET"),
                                slice_of(record_key(delivery->arena, config->redis.prefix, KEY_PAYLOAD,
                                                    delivery->envelope.id)),
                                packed, SLICE_LITERAL("PX"), slice_of(keep)};
        redis_store_command(delivery->engine->store, words, 5, NULL, NULL);
}
