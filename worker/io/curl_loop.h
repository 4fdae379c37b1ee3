#ifndef LEVERET_IO_CURL_LOOP_H
#define LEVERET_IO_CURL_LOOP_H

#include <curl/curl.h>
#include <uv.h>

/* Runs libcurl's multi interface on a libuv loop (https://curl.se/libcurl/c/libcurl-multi.html,
 * "multi_socket"). */
struct curl_loop;

/* A transfer ended. The handle was taken out already and may be added again, also from inside this call.
 * `owner` is its CURLOPT_PRIVATE. */
typedef void curl_loop_ended(CURL *easy, void *owner, CURLcode code);

/* `connections`: how many are kept open. */
struct curl_loop *curl_loop_open(uv_loop_t *loop, long connections, curl_loop_ended *ended);
/* Makes the handle one whose sockets this loop watches; once for each handle, before it is added. */
void curl_loop_adopt(struct curl_loop *curl_loop, CURL *easy);
/* Starts the transfer; nothing happens before the loop turns. */
void curl_loop_add(struct curl_loop *curl_loop, CURL *easy);
/* Breaks the transfer off without a word. */
void curl_loop_remove(struct curl_loop *curl_loop, CURL *easy);
/* Closes all connections; every handle must be out and freed. The memory goes when the loop has turned. */
void curl_loop_close(struct curl_loop *curl_loop);

#endif
