#include "core/record/try_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const doubt_words[] = {"-", "ambiguous"};

void try_record_format(const struct try_record *try, char *text)
{
        snprintf(text, TRY_RECORD_SIZE, "%s %" PRIu32 " %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64,
                 doubt_words[try->ambiguous], try->refusals, try->redrives, try->from_ms, try->since_ms,
                 try->cleared_ms);
}

bool try_record_parse(struct slice text, struct try_record *try)
{
        char copy[TRY_RECORD_SIZE], word[12] = "", rest;
        *try = (struct try_record){0};
        if (text.len >= sizeof(copy))
                return false;
        snprintf(copy, sizeof(copy), "%.*s", SLICE_PRINT(text));
        struct try_record read = {0};
        int count = sscanf(copy, "%11s %" SCNu32 " %" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %c", word,
                           &read.refusals, &read.redrives, &read.from_ms, &read.since_ms, &read.cleared_ms,
                           &rest);
        read.ambiguous = strcmp(word, doubt_words[1]) == 0;
        if (count != 6 || strcmp(word, doubt_words[read.ambiguous]) != 0)
                return false;
        *try = read;
        return true;
}

static bool parse_two(struct slice text, uint32_t *first, uint32_t *second)
{
        char copy[TRY_RECORD_SIZE], rest;
        *first = *second = 0;
        if (text.len == 0 || text.len >= sizeof(copy))
                return false;
        snprintf(copy, sizeof(copy), "%.*s", SLICE_PRINT(text));
        if (sscanf(copy, "%" SCNu32 " %" SCNu32 " %c", first, second, &rest) == 2)
                return true;
        *first = *second = 0;
        return false;
}

void spent_record_format(uint32_t tries, uint32_t redrives, char *text)
{
        snprintf(text, TRY_RECORD_SIZE, "%" PRIu32 " %" PRIu32, tries, redrives);
}

void spent_record_parse(struct slice text, uint32_t *tries, uint32_t *redrives)
{
        parse_two(text, tries, redrives);
}

void plan_deaths_format(uint32_t deaths, uint32_t redrives, char *text)
{
        snprintf(text, TRY_RECORD_SIZE, "%" PRIu32 " %" PRIu32, deaths, redrives);
}

uint32_t plan_deaths_parse(struct slice text, uint32_t redrives)
{
        uint32_t deaths, known;
        return parse_two(text, &deaths, &known) && known == redrives ? deaths : 0;
}
