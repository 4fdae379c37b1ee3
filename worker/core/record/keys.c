#include "core/record/keys.h"

static const struct record_key_parts parts[RECORD_KEY_COUNT] = {
        [KEY_JOB] = {.before = ":job:{", .after = "}"},
        [KEY_EVENTS] = {.before = ":events:{", .after = "}"},
        [KEY_PAYLOAD] = {.before = ":payload:{", .after = "}"},
        [KEY_PLAN] = {.before = ":plan:{", .after = "}"},
        [KEY_LETTER] = {.before = ":deadletter:{", .after = "}"},
        [KEY_DEAD] = {.before = ":dead:", .after = ""},
        [KEY_JOBS] = {.before = ":jobs:", .after = ""},
        [KEY_LATER] = {.before = ":later:", .after = ""},
        [KEY_SUBJECT] = {.before = ":subject:", .after = ""},
        [KEY_WORKER] = {.before = ":worker:", .after = ""},
        [KEY_AUDIT] = {.before = ":audit", .after = ""},
        [KEY_PAUSED] = {.before = ":paused", .after = ""},
        [KEY_NEWER_THAN] = {.before = ":newer-than", .after = ""},
        [KEY_LOCK] = {.before = ":lock:dlq:", .after = ""},
        [KEY_TYPES] = {.before = ":types", .after = ""},
        [KEY_SCHEDULE] = {.before = ":schedule:{", .after = "}"},
        [KEY_PROBE] = {.before = ":probe:", .after = ""},
        [KEY_OPERATION] = {.before = ":operation:", .after = ""},
        [KEY_OPERATIONS] = {.before = ":operations", .after = ""},
        [KEY_DROPPED] = {.before = ":dropped:", .after = ""},
        [KEY_SAMPLES] = {.before = ":samples", .after = ""},
        [KEY_SAMPLING] = {.before = ":sampling", .after = ""},
        [KEY_WORKERS] = {.before = ":workers", .after = ""},
        [KEY_RATE] = {.before = ":rate:", .after = ""},
        [KEY_RATE_DOMAIN] = {.before = ":rate-domain:", .after = ""},
};

struct record_key_parts record_key_parts(enum record_key kind)
{
        return parts[kind];
}

static bool is_single(enum record_key kind)
{
        return kind == KEY_PAUSED || kind == KEY_NEWER_THAN || kind == KEY_AUDIT || kind == KEY_OPERATIONS ||
               kind == KEY_SAMPLES || kind == KEY_SAMPLING || kind == KEY_TYPES || kind == KEY_WORKERS;
}

void record_key_add(struct buffer *out, const char *prefix, enum record_key kind, struct slice name)
{
        buffer_add_text(out, prefix);
        buffer_add_text(out, parts[kind].before);
        if (!is_single(kind))
                buffer_add_slice(out, name);
        buffer_add_text(out, parts[kind].after);
}

const char *record_key(struct arena *arena, const char *prefix, enum record_key kind, const char *name)
{
        return arena_printf(arena, "%s%s%s%s", prefix, parts[kind].before,
                            name && !is_single(kind) ? name : "", parts[kind].after);
}
