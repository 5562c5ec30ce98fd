// Hashes of bytes and words, keyed by a secret of the process.
//
// XXH3 with a random secret, so that nobody who chooses keys can choose which
// of them meet in a map. It is no code for authentication: who sees hashes may
// learn the secret. Nothing shows a hash but tally_value_hash.

#ifndef TLY_CONTAINER_HASH_H
#define TLY_CONTAINER_HASH_H

#include "base/compiler.h"

// Makes the secret: of the operating system's randomness, or of a seed that is
// not 0. Called before the runtime has started; a forked child keeps it.
void tly_hash_start(uint64_t seed);

// Never 0, which says that an object has not been hashed yet.
uint64_t tly_hash_bytes(const void *data, size_t length);

uint64_t tly_hash_word(uint64_t word);

#endif
