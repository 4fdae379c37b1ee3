#include "world.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * engine_sim [--schedules N] [--seconds S] [--seed BASE] [--faults a,b,... [--every]] [--expect-failure]
 * engine_sim --seed N --verbose [bounds as printed]
 * Runs schedules BASE, BASE+1, ... A failing one is shrunk: fewer kinds of faults, messages, workers, until
 * nothing can be left out, and the command that replays it is printed.
 */

#define ALL_FAULTS (UINT64_MAX >> (64 - FAULT_COUNT))

struct options {
        uint64_t seed, schedules;
        double seconds;
        bool verbose, expect_failure;
        struct bounds bounds;
};

static double now_s(void)
{
        struct timespec time;
        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void print_bounds(const struct bounds *bounds)
{
        printf(" --workers %u --ids %u --effects %u --budget %u --faults ", bounds->workers, bounds->ids,
               bounds->effects, bounds->budget);
        const char *comma = "";
        for (int i = 0; i < FAULT_COUNT; i++)
                if (bounds->faults >> i & 1) {
                        printf("%s%s", comma, fault_word((enum sim_fault)i));
                        comma = ",";
                }
        printf("%s%s\n", *comma ? "" : "none", bounds->every ? " --every" : "");
}

/* A seed within `bounds` that breaks the same law, the shortest of some; false if there is none. */
static bool search(const struct bounds *bounds, const char *check, uint64_t *seed)
{
        struct tally tally = {0};
        uint32_t best = UINT32_MAX;
        double until = now_s() + 2;
        for (uint64_t i = 1; i <= 100000 && now_s() < until; i++) {
                world_run(i, bounds, &tally, false);
                if (world.failure && strcmp(world.failure, check) == 0 && world.turns < best) {
                        best = world.turns;
                        *seed = i;
                        until = now_s() + 0.2;
                }
        }
        return best < UINT32_MAX;
}

static void shrink(struct bounds *bounds, const char *check, uint64_t *seed)
{
        uint32_t *numbers[] = {&bounds->workers, &bounds->ids, &bounds->effects, &bounds->budget};
        for (int i = 0; i < FAULT_COUNT; i++) {
                struct bounds less = *bounds;
                less.faults &= ~((uint64_t)1 << i);
                if (less.faults != bounds->faults && search(&less, check, seed))
                        *bounds = less;
        }
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
                while (*numbers[i] > (i < 3)) {
                        (*numbers[i])--;
                        if (!search(bounds, check, seed)) {
                                (*numbers[i])++;
                                break;
                        }
                }
}

static void report(uint64_t seed, const struct options *options)
{
        const char *check = world.failure;
        struct bounds bounds = options->bounds;
        printf("FAILED %s: %s\n  engine_sim --verbose --seed %" PRIu64, check, world.failure_text, seed);
        print_bounds(&bounds);
        if (options->expect_failure)
                return;
        fflush(stdout);
        shrink(&bounds, check, &seed);
        printf("shrunk to\n  engine_sim --verbose --seed %" PRIu64, seed);
        print_bounds(&bounds);
}

static void summary(const struct tally *tally, uint64_t schedules, double seconds)
{
        printf("%" PRIu64 " schedules, %" PRIu64 " turns in %.1f s: %" PRIu64 " mails, %" PRIu64
               " posts, %" PRIu64 " messages, %" PRIu64 " completed, %" PRIu64
               " dead letters; duplicates by window A %" PRIu64 " B %" PRIu64 " C %" PRIu64
               ", unexplained 0, lost 0\n",
               schedules, tally->turns, seconds, tally->sent[0], tally->sent[1], tally->sent[2],
               tally->completed, tally->dead, tally->windows[0], tally->windows[1], tally->windows[2]);
        printf("fallbacks %" PRIu64 ", zombie sends %" PRIu64 ", crash loops %" PRIu64 ", attached %" PRIu64
               ", parked %" PRIu64 "; claims",
               tally->fallbacks, tally->zombies, tally->crash_loops, tally->attached, tally->parked);
        for (int i = 0; i < CLAIM_ANSWER_COUNT; i++)
                printf(" %s %" PRIu64, claim_answer_word((enum claim_answer)i), tally->claims[i]);
        printf(" known %" PRIu64, tally->known);
        printf("; ends");
        for (int i = 0; i < METRICS_OUTCOME_COUNT; i++)
                printf(" %s %" PRIu64, metrics_outcome_word((enum metrics_outcome)i), tally->ends[i]);
        printf("; drained %" PRIu64 ", hurried %" PRIu64, tally->drained, tally->hurried);
        printf("; looks: found %" PRIu64 " not found %" PRIu64 " unknown %" PRIu64, tally->looks[LOOK_FOUND],
               tally->looks[LOOK_NOT_FOUND], tally->looks[LOOK_UNKNOWN]);
        printf("; plans: made %" PRIu64 " read %" PRIu64 " missing %" PRIu64, tally->planned,
               tally->replanned, tally->unplanned);
        printf("; events: told %" PRIu64 " again %" PRIu64 " let go %" PRIu64, tally->told, tally->told_again,
               tally->let_go);
        printf("; ticks %" PRIu64 " taken over %" PRIu64 " given up %" PRIu64, tally->ticks,
               tally->ticks_again, tally->ticks_given_up);
        printf("\nfaults");
        for (int i = 0; i < FAULT_COUNT; i++)
                printf(" %s %" PRIu64, fault_word((enum sim_fault)i), tally->faults[i]);
        printf("\n");
}

/* A run that never came to some place proves nothing about it. */
static bool vacuous(const struct tally *tally)
{
        bool empty = tally->fallbacks == 0 || tally->crash_loops == 0 || tally->attached == 0 ||
                     tally->parked == 0 || tally->planned == 0 || tally->replanned == 0 ||
                     tally->known == 0 || tally->unplanned == 0 || tally->told == 0 ||
                     tally->told_again == 0 || tally->let_go == 0 || tally->ticks == 0 ||
                     tally->ticks_again == 0 || tally->ticks_given_up == 0;
        for (int i = 0; i < 3; i++)
                empty |= tally->windows[i] == 0 || tally->looks[i] == 0;
        for (int i = 0; i < CLAIM_ANSWER_COUNT; i++)
                empty |= tally->claims[i] == 0;
        for (int i = 0; i < METRICS_OUTCOME_COUNT; i++)
                empty |= tally->ends[i] == 0;
        return empty;
}

/* A planted bug may well end the simulator itself. */
static void on_fatal(int signal)
{
        (void)signal;
        _exit(0);
}

static int run(const struct options *options)
{
        struct tally tally = {0};
        double start = now_s();
        uint64_t i = 0;
        for (; i < options->schedules; i++) {
                if (i % 1024 == 0 && now_s() - start > options->seconds)
                        break;
                world_run(options->seed + i, &options->bounds, &tally, false);
                if (world.failure) {
                        printf("schedule %" PRIu64 ": ", i + 1);
                        report(options->seed + i, options);
                        return options->expect_failure ? 0 : 1;
                }
        }
        summary(&tally, i, now_s() - start);
        const char *verb, *key;
        if (i >= 5000 && options->bounds.faults == ALL_FAULTS && commands_missing(&tally, &verb, &key)) {
                printf("nobody ever asks the store for %s %s\n", verb, key);
                return options->expect_failure ? 0 : 1;
        }
        if (options->expect_failure) {
                printf("the planted bug was not found\n");
                return 1;
        }
        if (i >= 100000 && options->bounds.faults == ALL_FAULTS && vacuous(&tally)) {
                printf("some place was never reached\n");
                return 1;
        }
        return 0;
}

static uint64_t parse_faults(char *list)
{
        uint64_t mask = 0;
        for (char *save, *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save))
                for (int i = 0; i < FAULT_COUNT; i++)
                        if (strcmp(word, fault_word((enum sim_fault)i)) == 0)
                                mask |= (uint64_t)1 << i;
        return mask;
}

static bool parse_number(const char *name, const char *text, struct options *options)
{
        uint64_t number = strtoull(text, NULL, 0);
        if (strcmp(name, "--seed") == 0)
                options->seed = number;
        else if (strcmp(name, "--schedules") == 0)
                options->schedules = number;
        else if (strcmp(name, "--seconds") == 0)
                options->seconds = (double)number;
        else if (strcmp(name, "--workers") == 0 && number >= 1 && number <= PROCESSES_MAX)
                options->bounds.workers = (uint32_t)number;
        else if (strcmp(name, "--ids") == 0 && number >= 1 && number <= IDS_MAX)
                options->bounds.ids = (uint32_t)number;
        else if (strcmp(name, "--effects") == 0 && number >= 1 && number <= EFFECTS_MAX)
                options->bounds.effects = (uint32_t)number;
        else if (strcmp(name, "--budget") == 0)
                options->bounds.budget = (uint32_t)number;
        else
                return false;
        return true;
}

int main(int argc, char **argv)
{
        struct options options = {
                .seed = 1,
                .schedules = 1000000,
                .seconds = 1e9,
                .bounds = {.faults = ALL_FAULTS,
                           .workers = PROCESSES_MAX,
                           .ids = IDS_MAX,
                           .effects = EFFECTS_MAX,
                           .budget = 8},
        };
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--verbose") == 0) {
                        options.verbose = true;
                } else if (strcmp(argv[i], "--every") == 0) {
                        options.bounds.every = true;
                } else if (strcmp(argv[i], "--expect-failure") == 0) {
                        options.expect_failure = true;
                } else if (i + 1 < argc && strcmp(argv[i], "--faults") == 0) {
                        options.bounds.faults = parse_faults(argv[++i]);
                } else if (i + 1 < argc && parse_number(argv[i], argv[i + 1], &options)) {
                        i++;
                } else {
                        fprintf(stderr, "engine_sim: what is %s?\n", argv[i]);
                        return 2;
                }
        }
        mallopt(M_TRIM_THRESHOLD, 64 << 20); /* what one schedule gave back the next one takes again */
        mallopt(M_MMAP_THRESHOLD, 64 << 20);
        if (options.expect_failure)
                signal(SIGSEGV, on_fatal);
        if (!options.verbose)
                return run(&options);
        struct tally tally = {0};
        world_run(options.seed, &options.bounds, &tally, true);
        return world.failure != NULL;
}
