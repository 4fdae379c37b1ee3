#include "io/machine/handle.h"

#include <stdlib.h>

void handle_free(uv_handle_t *handle)
{
        free(handle);
}
