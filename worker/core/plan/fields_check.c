#include "core/plan/fields.h"

#include <stdio.h>

static size_t member_size(enum field_kind kind)
{
        switch (kind) {
        case FIELD_KIND_INT:
                return sizeof(int64_t);
        case FIELD_KIND_NUMBER:
                return sizeof(double);
        case FIELD_KIND_BOOL:
                return sizeof(bool);
        case FIELD_KIND_STRING:
        case FIELD_KIND_EMAIL:
        case FIELD_KIND_OBJECT:
        case FIELD_KIND_LIST:
        case FIELD_KIND_MAILBOX:
        case FIELD_KIND_MAILBOXES:
        case FIELD_KIND_STRINGS:
        case FIELD_KIND_PAIRS:
        case FIELD_KIND_BASE64:
                return sizeof(void *);
        case FIELD_KIND_END:
                break;
        }
        return 0;
}

static bool named_before(const struct field *fields, const struct field *field)
{
        for (; fields < field; fields++)
                if (strcmp(fields->name, field->name) == 0)
                        return true;
        return false;
}

/* What is wrong with one field, or NULL. */
static const char *fields_mistake_in(const struct field *fields, const struct field *field, size_t size)
{
        if (field->offset + member_size(field->kind) > size)
                return "lies outside the struct";
        if ((field->kind == FIELD_KIND_LIST || field->kind == FIELD_KIND_BASE64) &&
            field->count_offset + sizeof(size_t) > size)
                return "has its count outside the struct";
        if (field->flag > size || field->null_flag > size)
                return "has its flag outside the struct";
        if (named_before(fields, field))
                return "is named twice";
        if (field->min > field->max || field->min_length > field->max_length ||
            field->min_items > field->max_items)
                return "has limits that nothing can meet";
        if (field->one_of && !field->one_of[0])
                return "allows no value";
        return NULL;
}

bool fields_check(const struct field *fields, size_t size, char error[FIELDS_ERROR_MAX])
{
        for (const struct field *field = fields; field->kind != FIELD_KIND_END; field++) {
                const char *mistake = fields_mistake_in(fields, field, size);
                if (mistake) {
                        snprintf(error, FIELDS_ERROR_MAX, "%s %s", field->name, mistake);
                        return false;
                }
                if (field->fields && !fields_check(field->fields, field->size, error))
                        return false;
        }
        return true;
}
