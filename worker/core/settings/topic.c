#include "core/settings/topic.h"

#include <stddef.h>
#include <string.h>

/* What follows the first word; NULL: it is the last. */
static const char *topic_word_next(const char *text)
{
        const char *dot = strchr(text, '.');
        return dot ? dot + 1 : NULL;
}

/* NULL is no word at all, "" one that is empty. After a # the matching goes on from the last one alone: what
 * an earlier one could take, it can take too, so the time is that of pattern times key. */
bool topic_matches(const char *pattern, const char *key)
{
        const char *after_hash = NULL, *retry = NULL;
        bool hashed = false;
        while (key || pattern) {
                size_t len = pattern ? strcspn(pattern, ".") : 0;
                if (pattern && len == 1 && *pattern == '#') {
                        hashed = true;
                        after_hash = pattern = topic_word_next(pattern);
                        retry = key;
                        continue;
                }
                bool same = pattern && key &&
                            ((len == 1 && *pattern == '*') ||
                             (len == strcspn(key, ".") && memcmp(pattern, key, len) == 0));
                if (same) {
                        pattern = topic_word_next(pattern);
                        key = topic_word_next(key);
                        continue;
                }
                if (!hashed || !retry)
                        return false;
                key = retry = topic_word_next(retry); /* the # takes one word more */
                pattern = after_hash;
        }
        return true;
}
