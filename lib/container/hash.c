// Hashes. The only file that includes xxHash, whole: nothing is linked.

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "container/hash.h"

#include "base/bits.h"
#include "platform/os.h"

#define SECRET_WORDS (XXH_SECRET_DEFAULT_SIZE / sizeof(uint64_t))

// Written once, before anything is hashed.
static uint64_t secret[SECRET_WORDS];

void tly_hash_start(uint64_t seed) {
    if (!seed) {
        tly_os_random(secret, sizeof(secret));
        return;
    }
    for (size_t n = 0; n < SECRET_WORDS; n++)
        secret[n] = tly_mix_next(&seed);
}

uint64_t tly_hash_bytes(const void *data, size_t length) {
    uint64_t hash =
        XXH3_64bits_withSecret(data, length, secret, sizeof(secret));
    return hash ? hash : 1;
}

uint64_t tly_hash_word(uint64_t word) {
    return tly_hash_bytes(&word, sizeof(word));
}
