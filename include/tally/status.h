// Status codes: 0, or a negative errno with a sentence.

#ifndef TALLY_STATUS_H
#define TALLY_STATUS_H

#include <errno.h>

#include <tally/api.h>

TALLY_BEGIN

// 0 for success, otherwise one of the negative values below. A function that
// returns a status leaves its results untouched when it fails.
typedef int tally_status;

#define TALLY_OK 0
#define TALLY_NO_MEMORY (-ENOMEM)
#define TALLY_INVALID (-EINVAL)
#define TALLY_LIMIT (-EAGAIN)
#define TALLY_DEADLOCK (-EDEADLK)
#define TALLY_NOT_OWNER (-EPERM)
#define TALLY_BUSY (-EBUSY)
#define TALLY_TIMED_OUT (-ETIMEDOUT)
#define TALLY_CORRUPT (-EUCLEAN)
#define TALLY_WRONG_TYPE (-EPROTOTYPE)
#define TALLY_UNSUPPORTED (-ENOSYS)
#define TALLY_RANGE (-ERANGE)
#define TALLY_OVERFLOW (-EOVERFLOW)
#define TALLY_NOT_FOUND (-ENOENT)
#define TALLY_ENCODING (-EILSEQ)
#define TALLY_FORMAT (-EBADMSG)
#define TALLY_READ_ONLY (-EROFS)
#define TALLY_RELEASED (-ESTALE)
#define TALLY_EXPORTED (-ETXTBSY)
#define TALLY_NOT_CONTIGUOUS (-EXDEV)

// Names a status in a sentence.
//
// status:   any int; what the library never returns is named as unknown.
// Returns:  a constant string, never NULL.
// Threads:  any.
// Blocks:   no.
// Cost:     a table lookup.
TALLY_API const char *tally_strerror(tally_status status);

TALLY_END

#endif
