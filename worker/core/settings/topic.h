#ifndef LEVERET_CORE_TOPIC_H
#define LEVERET_CORE_TOPIC_H

#include <stdbool.h>

/* Does a topic exchange bring a message with this routing key to a queue bound with this pattern? Words are
 * separated by dots; * stands for one of them, # for any number (AMQP 0-9-1 section 3.1.3.3). */
bool topic_matches(const char *pattern, const char *key);

#endif
