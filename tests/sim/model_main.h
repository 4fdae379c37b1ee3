#ifndef LEVERET_SIM_MODEL_MAIN_H
#define LEVERET_SIM_MODEL_MAIN_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the small models have in common: a schedule is a seed, and its fault is a sentence.
 * usage: MODEL [--schedules N] [--seed FIRST] [--verbose] [--expect-failure] */
static bool model_verbose;

/* `run` returns the fault of a schedule, or NULL. Exit: 0 if none has one, or, with --expect-failure, if one
 * has. */
static int model_main(int argc, char **argv, uint64_t schedules, const char *(*run)(uint64_t seed))
{
        uint64_t first = 1;
        bool expect_failure = false;
        for (int i = 1; i < argc; i++) {
                if (strcmp(argv[i], "--expect-failure") == 0)
                        expect_failure = true;
                else if (strcmp(argv[i], "--verbose") == 0)
                        model_verbose = true;
                else if (strcmp(argv[i], "--schedules") == 0 && i + 1 < argc)
                        schedules = strtoull(argv[++i], NULL, 10);
                else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
                        first = strtoull(argv[++i], NULL, 10);
        }
        for (uint64_t seed = first; seed < first + schedules; seed++) {
                const char *fault = run(seed);
                if (!fault)
                        continue;
                printf("%s --seed %" PRIu64 " --schedules 1: %s\n", argv[0], seed, fault);
                return expect_failure ? 0 : 1;
        }
        printf("%" PRIu64 " schedules, no fault\n", schedules);
        return expect_failure ? 1 : 0;
}

#endif
