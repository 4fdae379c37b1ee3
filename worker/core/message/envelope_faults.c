#include "core/message/envelope.h"

#include "core/text/plain_text.h"

#include <stdarg.h>

static bool is_id_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != '\0' && strchr("._:/-", c));
}

size_t envelope_id_run(struct slice text)
{
        size_t good = 0;
        while (good < text.len && is_id_char(text.data[good]))
                good++;
        return good;
}

bool envelope_id_valid(struct slice id)
{
        return id.len > 0 && id.len <= ENVELOPE_ID_MAX && envelope_id_run(id) == id.len;
}

void envelope_refuse(struct arena *arena, struct envelope *envelope, enum reason reason, const char *format,
                     ...)
{
        va_list args;
        va_start(args, format);
        char *text = arena_vprintf(arena, format, args);
        va_end(args);
        if (envelope->reason == REASON_NONE)
                envelope->reason = reason;
        envelope->faults.arena = arena;
        faults_add(&envelope->faults, "%s", plain_text(arena, slice_of(text), ERROR_TEXT_MAX));
        char *joined = arena_alloc(arena, ERROR_TEXT_MAX + 1);
        faults_join(&envelope->faults, joined, ERROR_TEXT_MAX + 1);
        envelope->error = joined;
}
