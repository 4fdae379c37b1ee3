#ifndef LEVERET_CORE_ADVICE_H
#define LEVERET_CORE_ADVICE_H

#include "core/memory/arena.h"
#include "core/message/cloudevents.h"
#include "core/message/message.h"

/*
 * What follows "message_id: missing" or "type: missing" for the publisher: that a property of AMQP is meant,
 * how two common clients set it, and what was found instead: a header of such a name, a member of the body,
 * the routing key. Starts with ": "; in the arena. `missing` is ATTRIBUTE_ID or ATTRIBUTE_TYPE.
 */
const char *advice_on_missing(struct arena *arena, const struct message *message, enum attribute missing);

#endif
