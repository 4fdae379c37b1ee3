#include "core/job/share.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SLOT_MS = 100 };
/* From so many sends in a tenth of a second on, places are asked for before they are needed. */
enum { AT_SPEED = 4 };

void share_configure(struct share *share, double per_second)
{
        if (share->per_second == per_second)
                return;
        bool asking = share->asking;
        *share = (struct share){.per_second = per_second,
                                .asking = asking,
                                .questions = share->questions,
                                .given = share->given,
                                .used = share->used};
}

static double void_ms(const struct share_batch *batch)
{
        return batch->step_ms / 4 > SHARE_VOID_MS ? batch->step_ms / 4 : SHARE_VOID_MS;
}

/* How many places of the batch are void. */
static uint32_t void_count(const struct share_batch *batch, int64_t now_ms)
{
        double late_ms = (double)now_ms - batch->from_ms - void_ms(batch);
        if (late_ms <= 0)
                return 0;
        double count = late_ms / batch->step_ms + 1;
        return count < batch->count ? (uint32_t)count : batch->count;
}

static void drop_first(struct share *share)
{
        memmove(share->batches, share->batches + 1, --share->batch_count * sizeof(*share->batches));
}

static void take_first(struct share_batch *batch, uint32_t count)
{
        batch->count -= count;
        batch->from_ms += count * batch->step_ms;
}

static void drop_void(struct share *share, int64_t now_ms)
{
        for (size_t i = 0; i < share->batch_count; i++)
                take_first(&share->batches[i], void_count(&share->batches[i], now_ms));
        while (share->batch_count > 0 && share->batches[0].count == 0)
                drop_first(share);
}

size_t share_held(const struct share *share, int64_t now_ms)
{
        size_t held = 0;
        for (size_t i = 0; i < share->batch_count; i++)
                held += share->batches[i].count - void_count(&share->batches[i], now_ms);
        return held;
}

int64_t share_wait_ms(const struct share *share, int64_t now_ms)
{
        if (share->per_second <= 0)
                return 0;
        for (size_t i = 0; i < share->batch_count; i++) {
                const struct share_batch *batch = &share->batches[i];
                uint32_t gone = void_count(batch, now_ms);
                if (gone == batch->count)
                        continue;
                double wait_ms = batch->from_ms + gone * batch->step_ms - (double)now_ms;
                return wait_ms <= 0 ? 0 : (int64_t)wait_ms + 1;
        }
        return -1;
}

static void count_used(struct share *share, int64_t now_ms)
{
        int64_t slot_ms = now_ms - now_ms % SLOT_MS;
        if (slot_ms != share->slot_ms) {
                share->slot_used_before = slot_ms == share->slot_ms + SLOT_MS ? share->slot_used : 0;
                share->slot_used = 0;
                share->slot_ms = slot_ms;
        }
        share->taken_ms = now_ms;
        share->slot_used++;
        share->used++;
}

bool share_take(struct share *share, int64_t now_ms)
{
        if (share->per_second <= 0)
                return true;
        drop_void(share, now_ms);
        if (share_wait_ms(share, now_ms) != 0)
                return false;
        take_first(&share->batches[0], 1);
        drop_void(share, now_ms);
        count_used(share, now_ms);
        return true;
}

void share_give(struct share *share)
{
        if (share->per_second <= 0 || share->batch_count == SHARE_BATCHES)
                return;
        memmove(share->batches + 1, share->batches, share->batch_count++ * sizeof(*share->batches));
        share->batches[0] = (struct share_batch){
                .from_ms = (double)share->taken_ms, .step_ms = 1000 / share->per_second, .count = 1};
        share->used--;
}

void share_pause(struct share *share, int64_t pause_ms)
{
        if (share->per_second > 0 && pause_ms > share->pause_ms)
                share->pause_ms = pause_ms;
}

int64_t share_ask_ms(const struct share *share, int64_t now_ms)
{
        if (share->asking)
                return -1;
        return share->ask_again_ms > now_ms ? share->ask_again_ms - now_ms : 0;
}

static size_t used_lately(const struct share *share, int64_t now_ms)
{
        if (now_ms - share->slot_ms >= 2 * SLOT_MS)
                return 0;
        return share->slot_used > share->slot_used_before ? share->slot_used : share->slot_used_before;
}

/* What can be sent of what waits, and at speed what will come while the answer is used: else each mail that
 * comes by itself would be a question of its own. */
static size_t places_wanted(const struct share *share, const struct share_need *need, int64_t now_ms)
{
        size_t lately = used_lately(share, now_ms), can = need->free + lately + 1;
        size_t count = need->waiting;
        if (lately >= AT_SPEED && count < lately)
                count = lately;
        return count < can ? count : can;
}

bool share_asks(struct share *share, const struct share_need *need, int64_t now_ms,
                struct share_question *question)
{
        if (share->per_second <= 0 || share->asking)
                return false;
        drop_void(share, now_ms);
        size_t held = share_held(share, now_ms), count = 0;
        if (need->waiting > held && now_ms >= share->ask_again_ms && share->batch_count < SHARE_BATCHES) {
                size_t wanted = places_wanted(share, need, now_ms);
                count = wanted > held ? wanted - held : 0;
        }
        if (count == 0 && share->pause_ms == 0)
                return false;
        double ahead_ms = share->ahead_until_ms - (double)now_ms;
        *question = (struct share_question){
                .step_us = (int64_t)(1e6 / (share->per_second * SHARE_PACE)),
                .count = (uint32_t)count,
                .weight = need->weight > 0 ? need->weight : 1,
                .ahead_us = ahead_ms > 0 ? (int64_t)(ahead_ms * 1000) : 0,
                .second = share->second,
                .near_us = SHARE_NEAR_US,
                .far_us = SHARE_FAR_US,
                .pause_ms = share->pause_ms,
        };
        share->asking = true;
        share->step_us = question->step_us;
        share->questions++;
        return true;
}

void share_answered(struct share *share, const struct share_answer *answer, int64_t now_ms)
{
        share->asking = false;
        share->pause_ms = 0;
        share->second = answer->second;
        share->ahead_until_ms = (double)now_ms + (double)answer->ahead_us / 1000;
        share->ask_again_ms = now_ms + (answer->again_us + 999) / 1000;
        if (answer->count == 0 || answer->step_us <= 0 || share->batch_count == SHARE_BATCHES)
                return;
        share->given += answer->count;
        share->batches[share->batch_count++] =
                (struct share_batch){.from_ms = (double)now_ms + (double)answer->from_us / 1000,
                                     .step_ms = (double)answer->step_us / 1000,
                                     .count = answer->count};
}

void share_lost(struct share *share, int64_t now_ms)
{
        share->asking = false;
        share->ask_again_ms = now_ms + SHARE_LOST_MS;
}

bool share_answer_parse(const char *text, size_t len, struct share_answer *answer)
{
        char copy[160];
        if (len >= sizeof(copy))
                return false;
        memcpy(copy, text, len);
        copy[len] = '\0';
        return sscanf(copy, "%" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
                      &answer->count, &answer->from_us, &answer->ahead_us, &answer->second, &answer->again_us,
                      &answer->pause_us) == 6;
}
