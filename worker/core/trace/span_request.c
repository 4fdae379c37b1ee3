#include "core/address/mask.h"
#include "core/trace/span.h"

#include <inttypes.h>

/* Bits of Span.flags beside those of the traceparent: whether it is known that the parent is remote, and
 * whether it is (opentelemetry.proto.trace.v1.SpanFlags). */
enum { FLAG_REMOTE_KNOWN = 0x100, FLAG_REMOTE = 0x200 };
enum { STATUS_ERROR = 2 };

static void add_text(struct buffer *out, struct slice text, size_t max)
{
        char masked[SPAN_ERROR_MAX + 1];
        size_t len = mask_text(masked, max + 1, text, (struct mask){0});
        buffer_add_json_string(out, (struct slice){.data = masked, .len = len});
}

static void add_text_attribute(struct buffer *out, struct slice name, struct slice value)
{
        buffer_add_text(out, "{\"key\":");
        add_text(out, name, SPAN_TEXT_MAX);
        buffer_add_text(out, ",\"value\":{\"stringValue\":");
        add_text(out, value, SPAN_TEXT_MAX);
        buffer_add_text(out, "}}");
}

static void add_attribute(struct buffer *out, const struct span_attribute *attribute)
{
        if (attribute->text.data) {
                add_text_attribute(out, slice_of(attribute->name), attribute->text);
                return;
        }
        buffer_add_text(out, "{\"key\":\"");
        buffer_add_text(out, attribute->name);
        buffer_printf(out, "\",\"value\":{\"intValue\":\"%" PRId64 "\"}}", attribute->number);
}

static void add_more(struct buffer *out, const char *pair)
{
        const char *end = strchr(pair, '\n');
        if (!end)
                return;
        buffer_add_char(out, ',');
        add_text_attribute(out, (struct slice){.data = pair, .len = (size_t)(end - pair)}, slice_of(end + 1));
}

void span_request_begin(struct buffer *out, const struct span_resource *resource)
{
        buffer_add_text(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
        add_text_attribute(out, SLICE_LITERAL("service.name"), slice_of(resource->service));
        buffer_add_char(out, ',');
        add_text_attribute(out, SLICE_LITERAL("service.instance.id"), slice_of(resource->instance));
        buffer_add_char(out, ',');
        add_text_attribute(out, SLICE_LITERAL("service.version"), slice_of(resource->version));
        for (size_t i = 0; i < resource->more_count; i++)
                add_more(out, resource->more[i]);
        buffer_add_text(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"leveret\",\"version\":");
        buffer_add_json_string(out, slice_of(resource->version));
        buffer_add_text(out, "},\"spans\":[");
}

static void span_add_name(struct buffer *out, const struct span *span)
{
        char masked[SPAN_TEXT_MAX + 1];
        struct buffer name = {0};
        buffer_add_text(&name, span->verb);
        buffer_add_char(&name, ' ');
        buffer_add(&name, masked, mask_text(masked, sizeof(masked), span->object, (struct mask){0}));
        buffer_add_json_string(out, (struct slice){.data = name.data, .len = name.len});
        buffer_fini(&name);
}

static void add_status(struct buffer *out, const struct span *span)
{
        if (!span->failed)
                return;
        buffer_printf(out, ",\"status\":{\"code\":%d", STATUS_ERROR);
        if (span->error.len) {
                buffer_add_text(out, ",\"message\":");
                add_text(out, span->error, SPAN_ERROR_MAX);
        }
        buffer_add_char(out, '}');
}

void span_request_add(struct buffer *out, const struct span *span, bool first)
{
        unsigned flags = span->flags | FLAG_REMOTE_KNOWN | (span->remote ? FLAG_REMOTE : 0u);
        buffer_add_text(out, first ? "{" : ",{");
        buffer_printf(out, "\"traceId\":\"%s\",\"spanId\":\"%s\"", span->trace, span->id);
        if (span->parent[0])
                buffer_printf(out, ",\"parentSpanId\":\"%s\"", span->parent);
        if (span->state.len) { /* as it came: a key may look like an address */
                buffer_add_text(out, ",\"traceState\":");
                buffer_add_json_string(out, span->state);
        }
        buffer_printf(out, ",\"flags\":%u,\"name\":", flags);
        span_add_name(out, span);
        buffer_printf(out,
                      ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64 "\",\"endTimeUnixNano\":\"%" PRId64
                      "\",\"attributes\":[",
                      (int)span->kind, span->start_ns, span->end_ns);
        for (size_t i = 0; i < span->attribute_count; i++) {
                if (i > 0)
                        buffer_add_char(out, ',');
                add_attribute(out, &span->attributes[i]);
        }
        buffer_add_char(out, ']');
        add_status(out, span);
        buffer_add_char(out, '}');
}

void span_request_end(struct buffer *out)
{
        buffer_add_text(out, "]}]}]}");
}
