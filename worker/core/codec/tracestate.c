#include "core/codec/tracestate.h"
#include "core/text/buffer.h"

enum { KEY_MAX = 256, VALUE_MAX = 256, LARGE = 128 };

struct members {
        struct slice list[TRACESTATE_MEMBERS_MAX]; /* key=value */
        size_t count;
};

static bool is_low(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_key(struct slice key)
{
        for (size_t i = 0; i < key.len; i++)
                if (!is_low(key.data[i]) && (!key.data[i] || !strchr("_-*/@", key.data[i])))
                        return false;
        return key.len > 0 && key.len <= KEY_MAX && is_low(key.data[0]);
}

/* Printable ASCII; a comma cannot be in it, for it ends the member. */
static bool is_value(struct slice value)
{
        for (size_t i = 0; i < value.len; i++)
                if (value.data[i] < ' ' || value.data[i] > '~' || value.data[i] == '=')
                        return false;
        return value.len > 0 && value.len <= VALUE_MAX;
}

static bool is_member(struct slice member)
{
        const char *equals = memchr(member.data, '=', member.len);
        if (!equals)
                return false;
        size_t len = (size_t)(equals - member.data);
        return is_key((struct slice){.data = member.data, .len = len}) &&
               is_value((struct slice){.data = equals + 1, .len = member.len - len - 1});
}

/* False: one is invalid, or there are too many. An empty one is none. */
static bool tracestate_split(struct slice text, struct members *members)
{
        while (text.len > 0) {
                const char *comma = memchr(text.data, ',', text.len);
                size_t len = comma ? (size_t)(comma - text.data) : text.len;
                struct slice member = slice_trimmed((struct slice){.data = text.data, .len = len}, " \t");
                size_t taken = comma ? len + 1 : len;
                text = (struct slice){.data = text.data + taken, .len = text.len - taken};
                if (member.len == 0)
                        continue;
                if (members->count == TRACESTATE_MEMBERS_MAX || !is_member(member))
                        return false;
                members->list[members->count++] = member;
        }
        return true;
}

static size_t joined_len(const struct members *members)
{
        size_t len = members->count > 0 ? members->count - 1 : 0;
        for (size_t i = 0; i < members->count; i++)
                len += members->list[i].len;
        return len;
}

static void leave_out(struct members *members, size_t index)
{
        members->count--;
        for (size_t i = index; i < members->count; i++)
                members->list[i] = members->list[i + 1];
}

static void fit(struct members *members)
{
        for (size_t i = members->count; i-- > 0 && joined_len(members) > TRACESTATE_MAX;)
                if (members->list[i].len > LARGE)
                        leave_out(members, i);
        while (joined_len(members) > TRACESTATE_MAX)
                members->count--;
}

const char *tracestate_read(struct arena *arena, struct slice text)
{
        struct members members = {0};
        if (!tracestate_split(text, &members))
                return NULL;
        fit(&members);
        if (members.count == 0)
                return NULL;
        struct buffer joined = {0};
        for (size_t i = 0; i < members.count; i++) {
                if (i > 0)
                        buffer_add_char(&joined, ',');
                buffer_add(&joined, members.list[i].data, members.list[i].len);
        }
        const char *copy = arena_copy(arena, joined.data, joined.len);
        buffer_fini(&joined);
        return copy;
}

bool tracestate_valid(struct slice text)
{
        struct members members = {0};
        return text.len <= TRACESTATE_MAX && tracestate_split(text, &members) && members.count > 0;
}
