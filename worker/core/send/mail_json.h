#ifndef LEVERET_CORE_MAIL_JSON_H
#define LEVERET_CORE_MAIL_JSON_H

#include "core/memory/slice.h"

#include <stdbool.h>

/*
 * Finds the string value of a member of the outermost object, for the short answers of mail services, without
 * building anything. Escapes are left as written. Lenient: the text may be cut off behind the member. False
 * if there is none.
 */
bool mail_json_find(struct slice json, const char *member, struct slice *value);

/* The same along a path of members and places, "Messages/0/To/0/MessageID"; numbers count as their digits. */
bool mail_json_path(struct slice json, const char *path, struct slice *value);

#endif
