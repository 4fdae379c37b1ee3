#ifndef LEVERET_IO_MACHINE_HANDLE_H
#define LEVERET_IO_MACHINE_HANDLE_H

#include <uv.h>

/* For uv_close(): frees a handle that has an allocation of its own. */
void handle_free(uv_handle_t *handle);

#endif
