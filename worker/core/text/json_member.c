#include "core/text/json_member.h"
#include "core/text/word.h"

void json_member(struct buffer *out, const char *name)
{
        bool first = out->len > 0 && out->data[out->len - 1] == '{';
        buffer_printf(out, "%s\"%s\":", text_if(!first, ","), name);
}

void json_member_text(struct buffer *out, const char *name, const char *text)
{
        json_member(out, name);
        if (text)
                buffer_add_json_string(out, slice_of(text));
        else
                buffer_add_text(out, "null");
}

void json_member_given(struct buffer *out, const char *name, struct slice text)
{
        json_member(out, name);
        if (text.len > 0)
                buffer_add_json_string(out, text);
        else
                buffer_add_text(out, "null");
}

void json_member_count(struct buffer *out, const char *name, int64_t count)
{
        json_member(out, name);
        if (count >= 0)
                buffer_add_integer(out, count);
        else
                buffer_add_text(out, "null");
}

void json_member_bool(struct buffer *out, const char *name, bool value)
{
        json_member(out, name);
        buffer_add_text(out, bool_word(value));
}
