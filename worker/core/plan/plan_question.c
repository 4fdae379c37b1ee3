#include "core/codec/rfc3339.h"
#include "core/plan/plan_answer.h"

/* A line end is white space in JSON, for strings hold none: the text means the same without. */
static void add_payload(struct buffer *out, struct slice data)
{
        for (size_t i = 0; i < data.len; i++)
                buffer_add_char(out, data.data[i] == '\n' || data.data[i] == '\r' ? ' ' : data.data[i]);
}

static void question_add_member(struct buffer *out, const char *name, const char *text)
{
        buffer_printf(out, ",\"%s\":", name);
        buffer_add_json_string(out, slice_of(text));
}

static void question_add_members(struct buffer *out, const struct plan_question *question)
{
        char time[RFC3339_SIZE];
        rfc3339_format(question->time_ms, time);
        buffer_add_text(out, "\"id\":");
        buffer_add_json_string(out, slice_of(question->id));
        question_add_member(out, "type", question->type);
        if (question->subject)
                question_add_member(out, "subject", question->subject);
        question_add_member(out, "time", time);
        buffer_add_text(out, ",\"data\":");
        add_payload(out, question->data);
        buffer_add_char(out, '}');
}

void plan_question_line(struct buffer *out, const struct plan_question *question)
{
        buffer_add_char(out, '{');
        question_add_members(out, question);
        buffer_add_char(out, '\n');
}

void plan_question_event(struct buffer *out, const struct plan_question *question, const char *source)
{
        buffer_add_text(out, "{\"specversion\":\"1.0\",\"datacontenttype\":\"application/json\",\"source\":");
        buffer_add_json_string(out, slice_of(source));
        buffer_add_char(out, ',');
        question_add_members(out, question);
}
