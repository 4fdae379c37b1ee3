#include "core/time/zone.h"

#include "core/codec/calendar.h"

#include <string.h>

enum { HEADER_SIZE = 44, OFFSET_MAX_S = 26 * 3600, DAY_S = 86400, TYPE_SIZE = 6, TYPES_MAX = 256 };

/* The counts of one block (RFC 8536 section 3.1), and how long its times are. */
struct block {
        size_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
        size_t time_size;
};

bool zone_name_is_good(struct slice name)
{
        if (name.len == 0 || name.len > ZONE_NAME_MAX || name.data[0] == '/' ||
            name.data[name.len - 1] == '/')
                return false;
        for (size_t i = 0; i < name.len; i++) {
                char c = name.data[i];
                bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                            c == '_' || c == '+' || c == '-';
                if (!word && (c != '/' || name.data[i - 1] == '/'))
                        return false;
        }
        return true;
}

struct zone zone_utc(void)
{
        return (struct zone){0};
}

static uint64_t read_big(const char *at, size_t size)
{
        uint64_t number = 0;
        for (size_t i = 0; i < size; i++)
                number = number << 8 | (unsigned char)at[i];
        return number;
}

static int64_t read_signed(const char *at, size_t size)
{
        uint64_t number = read_big(at, size);
        return size == 4 ? (int32_t)(uint32_t)number : (int64_t)number;
}

static struct block read_block(const char *header, size_t time_size)
{
        struct block block = {.time_size = time_size};
        size_t *counts[] = {&block.isutcnt, &block.isstdcnt, &block.leapcnt,
                            &block.timecnt, &block.typecnt,  &block.charcnt};
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
                *counts[i] = (size_t)read_big(header + 20 + 4 * i, 4);
        return block;
}

/* Below 2^40 whatever the counts are. */
static size_t block_size(const struct block *block)
{
        return block->timecnt * block->time_size + block->timecnt + block->typecnt * TYPE_SIZE +
               block->charcnt + block->leapcnt * (block->time_size + 4) + block->isstdcnt + block->isutcnt;
}

static bool zone_read_offset(const char *types, size_t type, int32_t *offset)
{
        *offset = (int32_t)(uint32_t)read_big(types + type * TYPE_SIZE, 4);
        return *offset >= -OFFSET_MAX_S && *offset <= OFFSET_MAX_S;
}

static const char *read_transitions(struct zone *zone, const struct block *block, const char *data,
                                    struct arena *arena)
{
        const char *indices = data + block->timecnt * block->time_size, *types = indices + block->timecnt;
        zone->transitions = arena_alloc(arena, (block->timecnt + 1) * sizeof(*zone->transitions));
        zone->count = block->timecnt;
        if (!zone_read_offset(types, 0, &zone->first_offset))
                return "an offset is out of range";
        for (size_t i = 0; i < zone->count; i++) {
                struct zone_transition *transition = &zone->transitions[i];
                size_t type = (unsigned char)indices[i];
                transition->at = read_signed(data + i * block->time_size, block->time_size);
                if (type >= block->typecnt || !zone_read_offset(types, type, &transition->offset))
                        return "an offset is out of range";
                if (i > 0 && transition->at <= transition[-1].at)
                        return "its changes are not in order";
        }
        return NULL;
}

/* "\n<rule>\n" behind the block of version 2 and later; an empty rule says nothing. */
static const char *read_rule(struct zone *zone, struct slice rest)
{
        const char *end =
                rest.len > 1 && rest.data[0] == '\n' ? memchr(rest.data + 1, '\n', rest.len - 1) : NULL;
        if (!end)
                return "its end is missing";
        struct slice text = {rest.data + 1, (size_t)(end - rest.data - 1)};
        if (text.len == 0)
                return NULL;
        zone->has_rule = true;
        return zone_rule_parse(&zone->rule, text) ? NULL : "its rule cannot be read";
}

static bool is_header(struct slice file)
{
        return file.len >= HEADER_SIZE && memcmp(file.data, "TZif", 4) == 0;
}

static const char *check_block(const struct block *block, size_t left)
{
        if (block->leapcnt > 0)
                return "it counts leap seconds";
        if (block->typecnt == 0 || block->typecnt > TYPES_MAX || block->timecnt > ZONE_TRANSITIONS_MAX)
                return "its counts are out of range";
        return block_size(block) > left ? "it is cut short" : NULL;
}

const char *zone_parse(struct zone *zone, struct slice file, struct arena *arena)
{
        *zone = (struct zone){0};
        if (!is_header(file))
                return "it is no TZif file";
        bool has_second = file.data[4] >= '2';
        struct block block = read_block(file.data, 4);
        if (has_second) {
                size_t skip = HEADER_SIZE + block_size(&block);
                if (skip > file.len)
                        return "it is cut short";
                file = (struct slice){file.data + skip, file.len - skip};
                if (!is_header(file))
                        return "its second header is missing";
                block = read_block(file.data, 8);
        }
        const char *error = check_block(&block, file.len - HEADER_SIZE);
        if (!error)
                error = read_transitions(zone, &block, file.data + HEADER_SIZE, arena);
        size_t used = HEADER_SIZE + (error ? 0 : block_size(&block));
        if (!error && has_second)
                error = read_rule(zone, (struct slice){file.data + used, file.len - used});
        return error;
}

static int year_of(int64_t t)
{
        int year, month, day;
        calendar_date(t / DAY_S - (t % DAY_S < 0), &year, &month, &day);
        return year;
}

static void narrow(struct zone_span *span, int64_t change, int64_t t, int32_t offset)
{
        if (change <= t && change >= span->from) {
                span->from = change;
                span->offset = offset;
        } else if (change > t && change < span->until) {
                span->until = change;
        }
}

/* By the rule. A change of the years beside may come late or early. */
static struct zone_span span_by_rule(const struct zone_rule *rule, int64_t t, int64_t from)
{
        struct zone_span span = {.from = INT64_MIN, .until = INT64_MAX, .offset = rule->standard};
        int year = year_of(t);
        for (int y = year - 1; rule->changes && y <= year + 1; y++) {
                int64_t begin, end;
                zone_rule_changes(rule, y, &begin, &end);
                narrow(&span, end, t, rule->standard);
                narrow(&span, begin, t, rule->daylight);
        }
        if (span.from < from)
                span.from = from;
        return span;
}

struct zone_span zone_span_at(const struct zone *zone, int64_t t)
{
        size_t low = 0, high = zone->count; /* the first transition after t */
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (zone->transitions[middle].at <= t)
                        low = middle + 1;
                else
                        high = middle;
        }
        int64_t from = low > 0 ? zone->transitions[low - 1].at : INT64_MIN;
        if (low == zone->count && zone->has_rule)
                return span_by_rule(&zone->rule, t, from);
        return (struct zone_span){.from = from,
                                  .until = low < zone->count ? zone->transitions[low].at : INT64_MAX,
                                  .offset = low > 0 ? zone->transitions[low - 1].offset : zone->first_offset};
}

int64_t zone_of_local(const struct zone *zone, int64_t local)
{
        struct zone_span span = zone_span_at(zone, local - OFFSET_MAX_S);
        for (;;) {
                int64_t t = local - span.offset;
                if (t < span.from) /* the clocks were set forward over it */
                        return span.from;
                if (t < span.until)
                        return t;
                span = zone_span_at(zone, span.until);
        }
}
