// Statuses and errno.

#ifndef TLY_BASE_STATUS_H
#define TLY_BASE_STATUS_H

#include <tally/status.h>

// What errno is where a function that returns no status fails with one.
int tly_errno_of(tally_status status);

#endif
