#ifndef LEVERET_CORE_ENVELOPE_TIMES_H
#define LEVERET_CORE_ENVELOPE_TIMES_H

#include "core/message/cloudevents.h"
#include "core/message/envelope.h"

/* Inside of envelope_read: the times within which a message is to be done. Both fill in what they can, or
 * refuse. */

void envelope_check_deadline(struct arena *arena, const struct message *message, struct envelope *envelope);
/* `value` is what is said of it, in a header or as an attribute of a CloudEvent. After the deadline, which
 * must be later. */
void envelope_check_deliver_at(struct arena *arena, const struct message *message,
                               const struct attribute_value *value, struct envelope *envelope);

#endif
