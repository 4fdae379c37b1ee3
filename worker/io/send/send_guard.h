#ifndef LEVERET_IO_SEND_GUARD_H
#define LEVERET_IO_SEND_GUARD_H

#include <curl/curl.h>
#include <stdbool.h>

/*
 * Keeps transfers whose URL somebody else wrote away from addresses that are not public
 * (core/send/address_guard.h). The address is judged where libcurl opens the socket, on every connection, so
 * that a name that leads elsewhere by then changes nothing. Goes with CURLOPT_FOLLOWLOCATION 0 and
 * CURLOPT_PROXY "" of send_curl_easy.
 */
struct send_guard {
        bool allow_private;
        bool blocked; /* a connection was refused; for the caller to reset */
};

/* A curl_loop_guard; `context` is a struct send_guard. */
bool send_guard_allows(void *context, const struct curl_sockaddr *address);

#endif
