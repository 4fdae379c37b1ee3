#include "world.h"

#include <string.h>

/* What the engine writes beside its scripts, for people and other workers. A schedule may lose any of it;
 * over some thousand all of it comes, and nothing else. */

static const struct {
        const char *verb, *key; /* how the key begins */
} commands[] = {
        {"HSET", "sim:worker:"},
        {"PEXPIRE", "sim:worker:"},
        {"DEL", "sim:worker:"},
        {"ZADD", "sim:workers"},
        {"ZREMRANGEBYSCORE", "sim:workers"},
        {"ZADD", "sim:types"},
        {"ZREMRANGEBYSCORE", "sim:types"},
        {"ZREMRANGEBYRANK", "sim:types"},
        {"HSET", "sim:newer-than"},
        {"PEXPIRE", "sim:newer-than"},
        {"ZADD", "sim:jobs:running"},
        {"ZREMRANGEBYRANK", "sim:jobs:running"},
        {"ZADD", "sim:jobs:completed"},
        {"ZREMRANGEBYRANK", "sim:jobs:completed"},
        {"ZADD", "sim:jobs:dead"},
        {"ZREM", "sim:jobs:dead"},
        {"ZADD", "sim:jobs:retrying"},
        {"ZREM", "sim:jobs:retrying"},
        {"ZREMRANGEBYSCORE", "sim:jobs:retrying"},
        {"ZADD", "sim:jobs:scheduled"},
        {"ZREM", "sim:jobs:scheduled"},
        {"ZADD", "sim:subject:"},
        {"PEXPIRE", "sim:subject:"},
        {"ZREMRANGEBYRANK", "sim:subject:"},
        {"HSET", "sim:deadletter:"},
        {"DEL", "sim:deadletter:"},
        {"ZADD", "sim:dead:"},
        {"ZREM", "sim:dead:"},
        {"ZADD", "sim:later:"},
        {"ZREM", "sim:later:"},
        {"DEL", "sim:plan:"},
        {"PEXPIRE", "sim:plan:"},
        {"PERSIST", "sim:plan:"},
        {"SMEMBERS", "sim:paused"},
        {"ZREVRANGE", "sim:jobs:running"},
        {"GET", "sim:plan:"},
        {"HGET", "sim:job:"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };
_Static_assert((int)COMMANDS <= (int)COMMANDS_MAX, "a bit for each");

/* "in_flight.work 3": what a worker says of its queues names queues. */
static void check_names(const struct slice *arguments, size_t count)
{
        static const char field[] = "in_flight.";
        const size_t len = sizeof field - 1;
        for (size_t i = 2; i + 1 < count; i += 2) {
                bool known = arguments[i].len < len || memcmp(arguments[i].data, field, len) != 0;
                for (uint32_t k = 0; k < world.queue_count && !known; k++)
                        known = slice_is((struct slice){.data = arguments[i].data + len,
                                                        .len = arguments[i].len - len},
                                         world.config.queues[k].name);
                if (!known)
                        world_fail("command", "there is no queue of %.*s", SLICE_PRINT(arguments[i]));
        }
}

void commands_seen(const struct slice *arguments, size_t count)
{
        if (slice_is(arguments[0], "HSET"))
                check_names(arguments, count);
        for (size_t i = 0; count > 1 && i < COMMANDS; i++) {
                size_t len = strlen(commands[i].key);
                if (slice_is(arguments[0], commands[i].verb) && arguments[1].len >= len &&
                    memcmp(arguments[1].data, commands[i].key, len) == 0) {
                        world.tally->commands[i]++;
                        return;
                }
        }
        world_fail("command", "nobody expects %.*s %.*s", SLICE_PRINT(arguments[0]),
                   SLICE_PRINT(arguments[count > 1]));
}

bool commands_missing(const struct tally *tally, const char **verb, const char **key)
{
        for (size_t i = 0; i < COMMANDS; i++) {
                *verb = commands[i].verb;
                *key = commands[i].key;
                if (tally->commands[i] == 0)
                        return true;
        }
        return false;
}
