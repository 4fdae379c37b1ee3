#ifndef LEVERET_IO_CURL_LOOP_H
#define LEVERET_IO_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

/* Runs libcurl's multi interface on a libuv loop (https://curl.se/libcurl/c/libcurl-multi.html,
 * "multi_socket"). */
struct curl_loop;

/* A transfer ended. The handle was taken out already, unless its connection is kept (curl_loop_open), and may
 * be added again, also from inside this call. `owner` is its CURLOPT_PRIVATE. */
typedef void curl_loop_ended(CURL *easy, void *owner, CURLcode code);

/* There is something to read on a watched connection, or room to write, or it was closed. */
typedef void curl_loop_ready(void *owner);

/* A new transfer looks through the connections of its multi handle, the busy ones too, one after the other:
 * so places 0 to 63 have a multi handle and its connections, 64 to 127 the next. */
enum { CURL_LOOP_SHARE = 64 };

/* For so many transfers at once, numbered by their places from 0; as many connections are kept open.
 * With `ready` the transfers only connect (CURLOPT_CONNECT_ONLY): one that has ended well stays in until
 * curl_loop_remove, and its connection is its owner's to talk on. */
struct curl_loop *curl_loop_open(uv_loop_t *loop, size_t places, curl_loop_ended *ended,
                                 curl_loop_ready *ready);
/* Whether a connection to this address may be opened; asked for each, before it is. */
typedef bool curl_loop_guard(void *context, const struct curl_sockaddr *address);
/* From now on `guard` is asked. */
void curl_loop_set_guard(struct curl_loop *curl_loop, curl_loop_guard *guard, void *context);
/* Makes the handle one whose sockets this loop watches, at that place for good; once for each handle, before
 * it is added. */
void curl_loop_adopt(struct curl_loop *curl_loop, CURL *easy, size_t place);
/* Starts the transfer; nothing happens before the loop turns. */
void curl_loop_add(struct curl_loop *curl_loop, CURL *easy, size_t place);
/* Tells `owner` when that connection of its can be read, and written if `writable`, until it is closed. False
 * if the system has no room for that. */
bool curl_loop_watch(struct curl_loop *curl_loop, curl_socket_t fd, void *owner, bool writable);
/* Breaks the transfer off without a word; a connection that was its owner's is closed. */
void curl_loop_remove(struct curl_loop *curl_loop, CURL *easy, size_t place);
/* Closes all connections; every handle must be out and freed. The memory goes when the loop has turned. */
void curl_loop_close(struct curl_loop *curl_loop);

#endif
