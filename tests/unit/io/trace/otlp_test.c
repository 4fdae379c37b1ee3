#include "core/memory/memory.h"
#include "io/trace/otlp.h"
#include "io/trace/otlp_request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Whoever connects is let in by the kernel and never answered. The descriptor, and its URL. */
static int silent_open(char url[64])
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
        snprintf(url, 64, "http://127.0.0.1:%d", ntohs(address.sin_port));
        return fd;
}

static struct otlp *open_at(const char *url)
{
        struct config *config = memory_zeroed(1, sizeof(*config));
        config->otlp.url = url;
        config->otlp.service_name = "leveret";
        config->otlp.timeout_ms = 30000;
        struct otlp *otlp = otlp_open(config, "unit");
        free(config); /* it was copied */
        return otlp;
}

static void add_many(struct otlp *otlp, int count)
{
        struct span span = {.trace = "4bf92f3577b34da6a3ce929d0e0e4736",
                            .kind = SPAN_CLIENT,
                            .verb = "send",
                            .object = SLICE_LITERAL("mail")};
        for (int i = 0; i < count; i++) {
                span_id_write(span.id, (uint64_t)i + 1);
                otlp_add(otlp, &span);
        }
}

static void without_a_url_there_is_none(void **state)
{
        (void)state;
        assert_null(open_at(NULL));
}

static void a_collector_that_says_nothing_holds_up_nobody(void **state)
{
        (void)state;
        enum { MANY = OTLP_HELD_SPANS_MAX + 5000 };
        char url[64];
        int fd = silent_open(url);
        struct otlp *otlp = open_at(url);
        struct otlp_counts counts;
        add_many(otlp, MANY);
        otlp_count(otlp, &counts);
        assert_int_equal(counts.held, OTLP_HELD_SPANS_MAX);
        assert_int_equal(counts.dropped[OTLP_DROP_FULL], MANY - OTLP_HELD_SPANS_MAX);
        int64_t began_ms = otlp_now_ms();
        otlp_close(otlp, 200, &counts);
        assert_true(otlp_now_ms() - began_ms < 5000); /* the request's own limit is 30 s */
        assert_int_equal(counts.sent, 0);
        assert_int_equal(counts.dropped[OTLP_DROP_FULL] + counts.dropped[OTLP_DROP_STOPPED], MANY);
        close(fd);
}

static void what_waits_alone_waits_a_second_for_others(void **state)
{
        (void)state;
        char url[64];
        int fd = silent_open(url);
        struct otlp *otlp = open_at(url);
        struct otlp_counts counts;
        int64_t began_ms = otlp_now_ms();
        add_many(otlp, 1);
        int request = accept(fd, NULL, NULL);
        assert_true(otlp_now_ms() - began_ms >= OTLP_BATCH_DUE_MS);
        otlp_close(otlp, 200, &counts);
        close(request);
        close(fd);
}

static void one_that_is_away_is_told_of(void **state)
{
        (void)state;
        char url[64];
        close(silent_open(url));
        struct otlp *otlp = open_at(url);
        struct otlp_counts counts;
        add_many(otlp, OTLP_BATCH_DUE_SPANS);
        do {
                usleep(1000);
                otlp_count(otlp, &counts);
        } while (counts.changes == 0);
        assert_int_equal(counts.state, OTLP_AGAIN);
        assert_true(counts.text[0] != '\0');
        otlp_close(otlp, 200, &counts);
        assert_int_equal(counts.dropped[OTLP_DROP_STOPPED], OTLP_BATCH_DUE_SPANS);
        assert_int_equal(counts.held, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_url_there_is_none),
                cmocka_unit_test(a_collector_that_says_nothing_holds_up_nobody),
                cmocka_unit_test(what_waits_alone_waits_a_second_for_others),
                cmocka_unit_test(one_that_is_away_is_told_of),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
