#include "redis/store.h"

#include <string.h>

/*
 * A replica that follows, and takes over. What it does not have yet is a suffix of the writes: each is kept
 * with what it has changed until the replica has it. A failover takes some of that suffix back, ends every
 * connection in its own way, and for a while nobody is the primary.
 *
 * Without redis.replicas a job whose record went back is one of window C. With it no write that the engine
 * was told of goes back, and what went back is as if it had never been: no law is weaker for it.
 */

enum { SUFFIX_MAX = 64, LAG_MS = 1000, WORDS = (SENDS_MAX + 63) / 64 };

struct written {
        uint8_t id;
        const struct asked *asked;
        int64_t at_ms;
        struct store_record before;
        uint32_t plan_text;
        int16_t owner_run;
        struct run run;
        bool completed[2], cancelled[2], superfluous[2];
        uint64_t recorded[WORDS], told[WORDS]; /* bit per send */
        uint32_t changes_from, changes_until;
};

struct suffix {
        struct written list[SUFFIX_MAX]; /* by position */
        uint64_t count, replicated;      /* positions: of the next write; of the first that may go back */
};

static struct written *written_at(uint64_t position)
{
        return &world.suffix->list[position % SUFFIX_MAX];
}

void failover_init(void)
{
        world.suffix = world_has(FAULT_FAILOVER) ? world_alloc(sizeof *world.suffix) : NULL;
        if (world.suffix)
                world.suffix->count = world.suffix->replicated = 0;
}

uint64_t failover_position(void)
{
        return world.suffix ? world.suffix->count : 0;
}

void failover_replicated(uint64_t position)
{
        if (world.suffix && world.suffix->replicated < position)
                world.suffix->replicated = position;
}

static void note_sends(struct written *written)
{
        for (uint32_t i = 0; i < world.send_count; i++) {
                written->recorded[i / 64] |= (uint64_t)world.sends[i].recorded << i % 64;
                written->told[i / 64] |= (uint64_t)world.sends[i].told << i % 64;
        }
}

void failover_begin(uint8_t id, const struct asked *asked)
{
        struct suffix *suffix = world.suffix;
        if (!suffix)
                return;
        if (suffix->count - suffix->replicated == SUFFIX_MAX)
                suffix->replicated++;
        struct written *written = written_at(suffix->count);
        *written = (struct written){.id = id,
                                    .asked = asked,
                                    .at_ms = loop_clock_ms,
                                    .before = world.store.records[id],
                                    .plan_text = world.plan_text[id],
                                    .owner_run = world.owner_run[id],
                                    .changes_from = world.change_count};
        if (written->owner_run >= 0)
                written->run = world.runs[written->owner_run];
        memcpy(written->completed, world.completed[id], sizeof written->completed);
        memcpy(written->cancelled, world.cancelled[id], sizeof written->cancelled);
        memcpy(written->superfluous, world.superfluous[id], sizeof written->superfluous);
        note_sends(written);
}

void failover_end(void)
{
        struct suffix *suffix = world.suffix;
        if (!suffix)
                return;
        struct written *written = written_at(suffix->count);
        written->changes_until = world.change_count;
        bool changed =
                memcmp(&written->before, &world.store.records[written->id], sizeof written->before) != 0 ||
                written->plan_text != world.plan_text[written->id];
        suffix->count += changed;
}

/* The write never was. */
static void unmake(const struct written *written)
{
        uint8_t id = written->id;
        if (written->owner_run >= 0) { /* what befell it meanwhile did */
                struct run *run = &world.runs[written->owner_run];
                run->ended = written->run.ended;
                run->crashed |= !run->process->alive || run->process->incarnation != run->incarnation;
                run->revived = written->run.revived;
                run->start = written->run.start;
        }
        memcpy(world.completed[id], written->completed, sizeof written->completed);
        memcpy(world.cancelled[id], written->cancelled, sizeof written->cancelled);
        memcpy(world.superfluous[id], written->superfluous, sizeof written->superfluous);
        for (uint32_t i = 0; i < world.send_count; i++)
                if (world.sends[i].id == id) {
                        world.sends[i].recorded = written->recorded[i / 64] >> i % 64 & 1;
                        world.sends[i].told = written->told[i / 64] >> i % 64 & 1;
                }
        for (uint32_t i = written->changes_from; i < written->changes_until; i++)
                world.changes[i].unmade = true;
}

static void take_back(const struct written *written)
{
        uint8_t id = written->id;
        const struct asked *asked = written->asked;
        NOTE("a write of id %u is lost", id);
        if (world.config.redis.replicas > 0 && asked && asked->told)
                world_fail("replicas", "id %u: the engine was told of a write that no replica has", id);
        if (world.config.redis.replicas > 0 && asked)
                unmake(written);
        else
                world.tainted[id] = true;
        world.store.records[id] = written->before;
        world.plan_text[id] = written->plan_text;
        world.owner_run[id] = written->owner_run;
}

static void on_moved(void *context)
{
        const struct link *link = context;
        if (!link->closed && link->moved)
                link->moved(link->follower, "another");
}

enum { ENDS_ITSELF, IS_SILENT, IS_DEMOTED, IS_FOUND_OUT, ENDS };

/* It leads to no primary any more. */
static void end_link(struct link *link)
{
        uint32_t how = random_below(&world.random, ENDS);
        fault_mark(link->process, FAULT_STORE_CUT, -1);
        link->demoted = how == IS_DEMOTED;
        link->deaf |= !link->demoted;
        link->mute |= !link->demoted;
        if (how == ENDS_ITSELF)
                link_ended(link);
        if (how == IS_FOUND_OUT)
                process_later(link->process, random_between(&world.random, 1, LEASE_MS), on_moved, link);
}

/* The first write that may go back: those that are old the replica has anyway. */
static uint64_t oldest_lost(const struct suffix *suffix)
{
        uint64_t oldest = suffix->replicated;
        while (oldest < suffix->count && written_at(oldest)->at_ms < loop_clock_ms - LAG_MS)
                oldest++;
        return oldest;
}

void store_failover(void)
{
        struct suffix *suffix = world.suffix;
        uint64_t oldest = oldest_lost(suffix);
        uint64_t kept = oldest + random_below(&world.random, (uint32_t)(suffix->count - oldest) + 1);
        while (suffix->count > kept)
                take_back(written_at(--suffix->count));
        suffix->replicated = suffix->count;
        world.epoch++;
        world.promoted_ms = loop_clock_ms + random_between(&world.random, 1, 3000);
        for (uint32_t i = 0; i < world.worker_count; i++) {
                struct link *link = world.processes[i].link;
                if (world.processes[i].alive && link && !link->closed)
                        end_link(link);
        }
}
