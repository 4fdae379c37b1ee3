#include "core/codec/bearer.h"

#include <strings.h>

struct slice bearer_token(const char *authorization)
{
        static const char scheme[] = "Bearer ";
        if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
                return (struct slice){0};
        return slice_trimmed(slice_of(authorization + sizeof scheme - 1), " \t");
}
