#include "io/log/libraries.h"

#include "core/codec/json.h"
#include "core/memory/memory.h"
#include "io/log/log.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <uv.h>

static void *crypto_raw(size_t size, const char *file, int line)
{
        (void)file, (void)line;
        return memory_raw(size);
}

static void *crypto_resized(void *memory, size_t size, const char *file, int line)
{
        (void)file, (void)line;
        return memory_resized(memory, size);
}

static void crypto_free(void *memory, const char *file, int line)
{
        (void)file, (void)line;
        free(memory);
}

void libraries_open(void)
{
        memory_out_tell(log_out_of_memory);
        json_use_memory();
        if (uv_replace_allocator(memory_raw, memory_resized, memory_zeroed, free) != 0 ||
            !CRYPTO_set_mem_functions(crypto_raw, crypto_resized, crypto_free) ||
            curl_global_init_mem(CURL_GLOBAL_DEFAULT, memory_raw, free, memory_resized, memory_text,
                                 memory_zeroed) != CURLE_OK)
                abort();
}

void libraries_close(void)
{
        curl_global_cleanup();
}
