// Status codes: 0, or a negative errno with a sentence.

#ifndef TALLY_STATUS_H
#define TALLY_STATUS_H

#include <errno.h>

#include <tally/api.h>

TALLY_BEGIN

// 0 for success, otherwise one of the negative values below, or what a hook of
// the program's has failed with. A function that returns a status leaves its
// results untouched when it fails.
//
// A hook may fail with any number but 0, which is given on unchanged: a negated
// errno (-1 .. -4095), or a number of the program's own, positive or from
// TALLY_OWN down, which the library never makes. What containers answer rather
// than fail with has numbers that no errno has: a hook that fails with -ENOENT
// is not taken for TALLY_NOT_FOUND.
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
#define TALLY_WRONG_TYPE TALLY_ANSWER_(EPROTOTYPE)
#define TALLY_UNSUPPORTED (-ENOSYS)
#define TALLY_RANGE (-ERANGE)
#define TALLY_OVERFLOW (-EOVERFLOW)
#define TALLY_NOT_FOUND TALLY_ANSWER_(ENOENT)
#define TALLY_ENCODING (-EILSEQ)
#define TALLY_FORMAT (-EBADMSG)
#define TALLY_READ_ONLY (-EROFS)
#define TALLY_RELEASED (-ESTALE)
#define TALLY_EXPORTED (-ETXTBSY)
#define TALLY_NOT_CONTIGUOUS (-EXDEV)
#define TALLY_GONE (-EFAULT)
// In the place of TALLY_NOT_FOUND that a hook has failed with.
#define TALLY_HOOK_FAILED (-ECANCELED)

// An answer; where a function tells it by errno, errno is [error].
#define TALLY_ANSWER_(error) (-4096 - (error))

// The first of a program's own negative statuses.
#define TALLY_OWN (-65536)

// Names a status in a sentence.
//
// status:   any int. After a function that says by errno how it failed, -errno.
//           Of another negated errno the C library's text is given; a status of
//           the program's own is named as unknown.
// Returns:  a string that is never NULL, and is good until the thread's next
//           call of this or of strerror.
// Threads:  any.
// Blocks:   no.
// Cost:     a table lookup.
TALLY_API const char *tally_strerror(tally_status status);

TALLY_END

#endif
