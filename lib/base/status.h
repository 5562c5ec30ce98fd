// Statuses and errno.

#ifndef TLY_BASE_STATUS_H
#define TLY_BASE_STATUS_H

#include <tally/status.h>

#include "base/compiler.h"

// What errno is where a function that returns no status fails with one.
int tly_errno_of(tally_status status);

// The rest of the block keeps errno: where the program's code is called, which
// says by a status what it has to say.
#define TLY_KEEPS_ERRNO                                                        \
    const int kept_errno __attribute__((cleanup(tly_errno_back), unused)) =    \
        errno
TLY_INLINE void tly_errno_back(const int *before) { errno = *before; }

#endif
