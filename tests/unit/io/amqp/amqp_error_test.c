#include "io/amqp/amqp_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What RabbitMQ 3.10 to 4.2 says, and whether waiting can mend it. */
static const struct {
        int code;
        const char *text;
        enum amqp_trouble trouble;
} replies[] = {
        {403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.",
         AMQP_TROUBLE_REFUSED},
        {403, "ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'u'",
         AMQP_TROUBLE_REFUSED},
        {404, "NOT_FOUND - no queue 'leveret.work' in vhost '/'", AMQP_TROUBLE_REFUSED},
        {406,
         "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received "
         "'quorum'",
         AMQP_TROUBLE_REFUSED},
        {530, "NOT_ALLOWED - vhost shop not found", AMQP_TROUBLE_REFUSED},
        {530, "NOT_ALLOWED - access to vhost 'shop' refused for user 'u'", AMQP_TROUBLE_REFUSED},
        {530, "NOT_ALLOWED - access to vhost 'shop' refused for user 'u': connection limit (2) is reached",
         AMQP_TROUBLE_RETRY},
        {530, "NOT_ALLOWED - connection refused for user 'u': user connection limit (1) is reached",
         AMQP_TROUBLE_RETRY},
        {530, "NOT_ALLOWED - connection refused: node connection limit (3) is reached", AMQP_TROUBLE_RETRY},
        {530, "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)",
         AMQP_TROUBLE_RETRY},
        {530,
         "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of "
         "(1)",
         AMQP_TROUBLE_RETRY},
        {406,
         "PRECONDITION_FAILED - cannot declare queue 'q' in vhost 'shop': queue limit in vhost 'shop' (3) is "
         "reached",
         AMQP_TROUBLE_RETRY},
        {404, "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost '/' is down or inaccessible",
         AMQP_TROUBLE_RETRY},
        {404, "NOT_FOUND - failed to perform operation on queue 'q' in vhost '/' due to timeout",
         AMQP_TROUBLE_RETRY},
        {541, "INTERNAL_ERROR - access to vhost 'shop' refused for user 'u': vhost 'shop' is down",
         AMQP_TROUBLE_RETRY},
        {405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'",
         AMQP_TROUBLE_RETRY},
        {320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
         AMQP_TROUBLE_RETRY},
        {506, "RESOURCE_ERROR - out of file descriptors, try again", AMQP_TROUBLE_RETRY},
};

static void a_reply_tells_whether_waiting_helps(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
                amqp_connection_close_t close = {.reply_code = (uint16_t)replies[i].code,
                                                 .reply_text = bytes_of(replies[i].text)};
                amqp_method_t method = {.id = AMQP_CONNECTION_CLOSE_METHOD, .decoded = &close};
                struct amqp_error error;
                amqp_error_close(&error, "amqp://h:5672/", "log in", &method);
                if (error.trouble != replies[i].trouble || !strstr(error.text, replies[i].text))
                        fail_msg("%d: %s", error.trouble, error.text);
                assert_int_equal(error.code, replies[i].code);
        }
}

static void a_long_error_keeps_its_place_and_its_reason(void **state)
{
        char place[400], text[256];
        (void)state;
        memset(place, 'p', sizeof(place) - 1);
        memcpy(place, "amqp://", 7);
        place[sizeof(place) - 1] = '\0';
        memset(text, 't', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        memcpy(text + sizeof(text) - 12, " is reached", 11);
        amqp_connection_close_t close = {.reply_code = 530, .reply_text = bytes_of(text)};
        amqp_method_t method = {.id = AMQP_CONNECTION_CLOSE_METHOD, .decoded = &close};
        struct amqp_error error;
        amqp_error_close(&error, place, "a.queue.of.a.name.that.is.long", &method);
        assert_memory_equal(error.text, "amqp://", 7);
        assert_string_equal(error.text + strlen(error.text) - 11, " is reached");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_reply_tells_whether_waiting_helps),
                cmocka_unit_test(a_long_error_keeps_its_place_and_its_reason),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
