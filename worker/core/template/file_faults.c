#include "core/template/file_faults.h"
#include "core/text/plain_text.h"

#include <stdio.h>

void file_faults_fini(struct file_faults *faults)
{
        buffer_fini(&faults->lines);
}

void place_write(struct buffer *text, struct place_in_file place)
{
        buffer_add_text(text, place.file);
        if (place.line)
                buffer_printf(text, ":%u:%u", place.line, place.column);
        buffer_add_text(text, ": ");
}

static void add_printable(struct buffer *out, const char *text, size_t len)
{
        for (size_t at = 0, width; at < len; at += width ? width : 1) {
                width = plain_text_width(text + at, len - at);
                if (width)
                        buffer_add(out, text + at, width);
                else
                        buffer_add_char(out, '?');
        }
}

bool file_faults_add(struct file_faults *faults, struct place_in_file place, const char *format, ...)
{
        if (faults->count++ >= FILE_FAULTS_MAX)
                return false;
        char message[FILE_FAULT_MAX];
        va_list args;
        va_start(args, format);
        vsnprintf(message, sizeof(message), format, args);
        va_end(args);
        place_write(&faults->lines, place);
        add_printable(&faults->lines, message, strlen(message));
        buffer_add_char(&faults->lines, '\n');
        return false;
}
