#include "core/text/percent.h"

#include <string.h>

void percent_add(struct buffer *out, const char *text)
{
        static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        for (; *text; text++)
                if (strchr(unreserved, *text))
                        buffer_add_char(out, *text);
                else
                        buffer_printf(out, "%%%02X", (unsigned char)*text);
}
