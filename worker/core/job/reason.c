#include "core/job/reason.h"

#include <string.h>

static const char *const words[REASON_COUNT] = {[REASON_NONE] = "",
#define X(name, word) [REASON_##name] = (word),
                                                REASON_LIST(X)
#undef X
};

const char *reason_word(enum reason reason)
{
        return words[reason];
}

enum reason reason_parse(const char *word)
{
        for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
                if (strcmp(words[i], word) == 0)
                        return (enum reason)i;
        return REASON_NONE;
}
