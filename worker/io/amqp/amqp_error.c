#include "core/text/shorten.h"
#include "io/amqp/amqp_wire.h"

#include <stdio.h>
#include <stdlib.h>

/* Long texts keep both ends: the place stands first, and a broker gives its reason last. */
static void amqp_error_set(struct amqp_error *error, const char *place, const char *action, struct slice what)
{
        char text[AMQP_ERROR_MAX + 1024];
        snprintf(text, sizeof(text), "%.400s: %.600s: %.*s", place, action, SLICE_PRINT(what));
        text_shorten(error->text, sizeof(error->text), text);
}

void amqp_error_status(struct amqp_error *error, const char *place, const char *action, int status)
{
        *error = (struct amqp_error){.trouble = AMQP_TROUBLE_RETRY};
        amqp_error_set(error, place, action, slice_of(amqp_error_string2(status)));
}

static bool error_holds(struct slice text, const char *words)
{
        return memmem(text.data, text.len, words, strlen(words));
}

/* Does the broker speak of something that passes, whatever the code? Limits of connections, channels and
 * queues come as 530 and 406, and a queue whose node is down as 404. */
static bool passes(struct slice text)
{
        bool limit = error_holds(text, "limit") &&
                     (error_holds(text, "is reached") || error_holds(text, "has reached"));
        return limit || error_holds(text, "has reached the") || error_holds(text, "try again") ||
               error_holds(text, "is down") || error_holds(text, "timeout") ||
               error_holds(text, "timed out") || error_holds(text, "inaccessible") ||
               error_holds(text, "alarm");
}

/* What waiting does not mend: 403 access refused, 404 not found, 406 precondition failed (other arguments),
 * 530 not allowed (no such virtual host) (AMQP 0-9-1 section 1.2). */
static enum amqp_trouble trouble_of(int code, struct slice text)
{
        bool refused = code == 403 || code == 404 || code == 406 || code == 530;
        return refused && !passes(text) ? AMQP_TROUBLE_REFUSED : AMQP_TROUBLE_RETRY;
}

void amqp_error_close(struct amqp_error *error, const char *place, const char *action,
                      const amqp_method_t *method)
{
        int code = 0;
        struct slice text = SLICE_LITERAL("unexpected method");
        if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
                const amqp_connection_close_t *close = method->decoded;
                code = close->reply_code;
                text = slice_of_bytes(close->reply_text);
        } else if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
                const amqp_channel_close_t *close = method->decoded;
                code = close->reply_code;
                text = slice_of_bytes(close->reply_text);
        }
        char what[300]; /* a short string and its code */
        snprintf(what, sizeof(what), "%d %.*s", code, SLICE_PRINT(text));
        *error = (struct amqp_error){.trouble = trouble_of(code, text), .code = code};
        amqp_error_set(error, place, action, slice_of(what));
}

bool amqp_error_reply(struct amqp_error *error, const char *place, const char *action, amqp_rpc_reply_t reply)
{
        switch (reply.reply_type) {
        case AMQP_RESPONSE_NORMAL:
                return true;
        case AMQP_RESPONSE_SERVER_EXCEPTION:
                amqp_error_close(error, place, action, &reply.reply);
                return false;
        case AMQP_RESPONSE_LIBRARY_EXCEPTION:
                amqp_error_status(error, place, action, reply.library_error);
                return false;
        case AMQP_RESPONSE_NONE:
                amqp_error_status(error, place, action, AMQP_STATUS_CONNECTION_CLOSED);
                return false;
        }
        abort();
}
