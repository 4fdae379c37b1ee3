#include "core/codec/traceparent.h"

/* 00-<32: trace id>-<16: parent id>-<2: flags> */
enum { TRACE_ID_AT = 3, PARENT_ID_AT = 36, FLAGS_AT = 53, LENGTH = TRACEPARENT_SIZE - 1 };

static bool is_hex(const char *text, size_t len)
{
        for (size_t i = 0; i < len; i++)
                if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
                        return false;
        return true;
}

/* Hexadecimal and not all zero. */
static bool is_id(const char *text, size_t len)
{
        bool zero = true;
        for (size_t i = 0; i < len; i++)
                zero = zero && text[i] == '0';
        return !zero && is_hex(text, len);
}

static bool is_valid(struct slice text)
{
        if (text.len < LENGTH || !is_hex(text.data, 2) || memcmp(text.data, "ff", 2) == 0)
                return false;
        bool first_version = memcmp(text.data, "00", 2) == 0;
        if (text.len > LENGTH && (first_version || text.data[LENGTH] != '-'))
                return false;
        return text.data[TRACE_ID_AT - 1] == '-' && text.data[PARENT_ID_AT - 1] == '-' &&
               text.data[FLAGS_AT - 1] == '-' && is_id(text.data + TRACE_ID_AT, 32) &&
               is_id(text.data + PARENT_ID_AT, 16) && is_hex(text.data + FLAGS_AT, 2);
}

bool traceparent_parse(struct slice text, char out[TRACEPARENT_SIZE])
{
        out[0] = '\0';
        if (!is_valid(text))
                return false;
        memcpy(out, text.data, LENGTH);
        out[LENGTH] = '\0';
        if (memcmp(out, "00", 2) == 0)
                return true;
        char low = out[FLAGS_AT + 1];
        bool sampled = (low <= '9' ? low - '0' : low - 'a' + 10) & 1;
        memcpy(out, "00", 2);
        out[FLAGS_AT] = '0';
        out[FLAGS_AT + 1] = sampled ? '1' : '0';
        return true;
}
