#include "core/send/post_request.h"
#include "core/codec/rfc3339.h"

static struct slice body_make(struct arena *arena, const struct post *post, const struct post_origin *origin)
{
        struct buffer body = {0};
        char time[RFC3339_SIZE];
        rfc3339_format(origin->date_ms, time);
        buffer_add_text(&body, "{\"type\":");
        buffer_add_json_string(&body, slice_of(post->type ? post->type : origin->type));
        buffer_printf(&body, ",\"timestamp\":\"%s\",\"data\":", time);
        buffer_add_text(&body, post->data);
        buffer_add_char(&body, '}');
        struct slice copy = arena_slice(arena, (struct slice){.data = body.data, .len = body.len});
        buffer_fini(&body);
        return copy;
}

struct post_request post_request_make(struct arena *arena, const struct post *post,
                                      const struct post_origin *origin)
{
        char *key = arena_alloc(arena, MAIL_KEY_BYTES + 1);
        mail_key(key, slice_of(origin->prefix), slice_of(origin->job_id), slice_of(post->key));
        return (struct post_request){.url = post->url,
                                     .key = key,
                                     .body = body_make(arena, post, origin),
                                     .traceparent = origin->traceparent,
                                     .tracestate = origin->tracestate};
}
