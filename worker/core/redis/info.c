#include "core/redis/info.h"

#include <stdio.h>

struct slice redis_info_field(struct slice info, const char *name)
{
        size_t len = strlen(name);
        for (size_t at = 0; at < info.len;) {
                const char *line = info.data + at, *end = memchr(line, '\n', info.len - at);
                size_t line_len = end ? (size_t)(end - line) : info.len - at;
                at += line_len + 1;
                if (line_len > 0 && line[line_len - 1] == '\r')
                        line_len--;
                if (line_len > len && memcmp(line, name, len) == 0 && line[len] == ':')
                        return (struct slice){.data = line + len + 1, .len = line_len - len - 1};
        }
        return (struct slice){0};
}

int64_t redis_info_number(struct slice info, const char *name, int64_t otherwise)
{
        struct slice text = redis_info_field(info, name);
        int64_t value = 0;
        if (text.len == 0 || text.len > 18)
                return otherwise;
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return otherwise;
                value = value * 10 + (text.data[i] - '0');
        }
        return value;
}

void redis_info_server(struct slice info, char *text, size_t size)
{
        struct slice valkey = redis_info_field(info, "valkey_version");
        struct slice redis = redis_info_field(info, "redis_version");
        struct slice version = valkey.len > 0 ? valkey : redis;
        if (version.len > 0)
                snprintf(text, size, "%s %.*s", valkey.len > 0 ? "Valkey" : "Redis", SLICE_PRINT(version));
        else
                snprintf(text, size, "Redis");
}

struct slice redis_info_eviction(struct slice info)
{
        struct slice policy = redis_info_field(info, "maxmemory_policy");
        bool limited = redis_info_number(info, "maxmemory", 0) > 0;
        return limited && !slice_is(policy, "noeviction") ? policy : (struct slice){0};
}
