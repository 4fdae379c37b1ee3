#ifndef LEVERET_CORE_CONTENT_TYPE_H
#define LEVERET_CORE_CONTENT_TYPE_H

#include "core/memory/slice.h"

enum content_type {
        CONTENT_JSON,        /* application/json, or nothing said */
        CONTENT_CLOUDEVENT,  /* application/cloudevents+json: one event in JSON format */
        CONTENT_OTHER,       /* any other media type, or no media type at all */
        CONTENT_BAD_CHARSET, /* one of the two in another charset than UTF-8 */
};

/* Reads a media type with its parameters (RFC 9110 section 8.3.1); parameters other than charset do not
 * matter. */
enum content_type content_type_parse(struct slice text);

enum content_encoding { ENCODING_PLAIN, ENCODING_GZIP, ENCODING_OTHER };

/* Nothing said, `identity`, and `utf-8` (which some clients put there) are plain; a list counts as what else
 * is in it (Spring's GZipPostProcessor: `gzip, UTF-8`, before 2.3 `gzip:UTF-8`). What was encoded twice is
 * ENCODING_OTHER. In any case of letters. */
enum content_encoding content_encoding_parse(struct slice text);

#endif
