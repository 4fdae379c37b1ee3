#ifndef LEVERET_TESTS_PLAN_TEXT_H
#define LEVERET_TESTS_PLAN_TEXT_H

/* Payload in, plan text out: what the unit test of a handler is made of. Include it first. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/plan/plan.h"

/* The payload gives exactly this plan. */
#define assert_plan(handler, payload, expected) plan_text_check(&(handler), payload, PLAN_OK, expected)
/* The payload is refused with exactly this text. */
#define assert_bad_payload(handler, payload, expected)                                                       \
        plan_text_check(&(handler), payload, PLAN_BAD_PAYLOAD, expected)
#define assert_rejected(handler, payload, expected)                                                          \
        plan_text_check(&(handler), payload, PLAN_REJECTED, expected)

static inline void plan_text_check(const struct handler *handler, const char *payload,
                                   enum plan_outcome expected, const char *expected_text)
{
        struct arena arena;
        struct buffer text = {0};
        struct plan *plan;
        char error[PLAN_ERROR_MAX];
        struct faults faults = {.arena = &arena};
        arena_init(&arena);
        enum plan_outcome outcome = plan_build_text(handler, slice_of(payload), &plan, &faults);
        faults_join(&faults, error, sizeof(error));
        if (outcome == PLAN_OK)
                plan_render(&text, plan);
        assert_string_equal(outcome == PLAN_OK ? text.data : error, expected_text);
        assert_int_equal(outcome, expected);
        buffer_fini(&text);
        arena_fini(&arena);
}

#endif
