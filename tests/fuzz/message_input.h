#ifndef LEVERET_TESTS_MESSAGE_INPUT_H
#define LEVERET_TESTS_MESSAGE_INPUT_H

#include "core/memory/arena.h"
#include "core/message/message.h"

/*
 * A message written as lines, then an empty line, then the body. A line is a letter, a colon and a value:
 *   i message_id   t type      c content_type   e content_encoding   r correlation_id   a app_id   u user_id
 *   p expiration   x exchange  k routing key    s timestamp          + bytes that body_size is more than the
 * body ! the headers could not be taken apart h<tag><name>=<value> a header with that type octet, hF and hA
 * open a table or array that a line `.` closes. All else is skipped, so that every input is some message.
 * Memory is the arena's; values are borrowed from the input.
 */
struct message *message_input(struct arena *arena, struct slice input);

#endif
