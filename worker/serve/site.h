#ifndef LEVERET_SERVE_SITE_H
#define LEVERET_SERVE_SITE_H

#include "io/serve/http_server.h"

/* The web page: the files of web/, which lie in the binary. They hold no data, so everybody may read them. */

/* Answers if the path is one of a file; "/" is /index.html. False: it is none. */
bool site_answer(const struct http_request *request, struct http_answer *answer);

#endif
