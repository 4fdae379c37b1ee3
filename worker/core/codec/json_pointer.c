#include "core/codec/json_pointer.h"

#include <stdlib.h>

bool json_pointer_valid(const char *pointer)
{
        if (pointer[0] && pointer[0] != '/')
                return false;
        for (const char *at = pointer; (at = strchr(at, '~')); at++)
                if (at[1] != '0' && at[1] != '1')
                        return false;
        return true;
}

const json_t *json_pointer_member(const json_t *value, const char *name)
{
        if (!json_is_array(value))
                return json_object_get(value, name);
        size_t len = strspn(name, "0123456789");
        bool index = len > 0 && len < 10 && !name[len] && (name[0] != '0' || len == 1);
        return index ? json_array_get(value, (size_t)strtoul(name, NULL, 10)) : NULL;
}

const json_t *json_pointer_get(const json_t *value, const char *pointer)
{
        struct buffer name = {0};
        while (value && *pointer == '/') {
                buffer_clear(&name);
                for (pointer++; *pointer && *pointer != '/'; pointer++) {
                        bool escaped = *pointer == '~' && pointer[1];
                        pointer += escaped;
                        buffer_add_char(&name, *pointer);
                        if (escaped)
                                name.data[name.len - 1] = *pointer == '1' ? '/' : '~';
                }
                value = json_pointer_member(value, name.data ? name.data : "");
        }
        buffer_fini(&name);
        return value;
}

void json_pointer_escape(struct buffer *out, const char *name)
{
        for (const char *c = name; *c; c++) {
                if (*c == '~' || *c == '/')
                        buffer_add_text(out, *c == '~' ? "~0" : "~1");
                else
                        buffer_add_char(out, *c);
        }
}
