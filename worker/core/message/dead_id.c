#include "core/message/dead_id.h"

#include "core/codec/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_part(struct sha256 *hash, const char *text)
{
        sha256_add(hash, text, strlen(text) + 1); /* with the NUL, so that no two lists of parts look alike */
}

static void dead_id_finish(struct sha256 *hash, char out[DEAD_ID_SIZE])
{
        char hex[SHA256_HEX_SIZE];
        sha256_final_hex(hash, hex);
        memcpy(out, hex, DEAD_ID_SIZE - 1);
        out[DEAD_ID_SIZE - 1] = '\0';
}

void dead_id_of_job(char out[DEAD_ID_SIZE], const struct job_death *death)
{
        char number[16];
        const char *word = reason_word(death->reason);
        struct sha256 hash;
        snprintf(number, sizeof(number), "%" PRIu32, death->redrives);
        sha256_init(&hash);
        add_part(&hash, death->queue);
        add_part(&hash, death->id);
        add_part(&hash, death->fingerprint);
        add_part(&hash, number);
        sha256_add(&hash, word, strlen(word));
        dead_id_finish(&hash, out);
}

bool dead_id_valid(struct slice text)
{
        size_t good = 0;
        while (good < text.len && text.data[good] != '\0' && strchr("0123456789abcdef", text.data[good]))
                good++;
        return text.len == DEAD_ID_SIZE - 1 && good == text.len;
}

void dead_id_of_delivery(char out[DEAD_ID_SIZE], const char *token)
{
        struct sha256 hash;
        sha256_init(&hash);
        sha256_add(&hash, token, strlen(token));
        dead_id_finish(&hash, out);
}
