// Raw memory from the same pools as objects: no header, no count.
//
// Sizes, zero and overflow mean what they mean to C's own functions; blocks
// are aligned to 16 bytes. What one thread allocates any thread may free.

#ifndef TALLY_ALLOC_H
#define TALLY_ALLOC_H

#include <tally/api.h>

TALLY_BEGIN

// Allocates memory; its content is indeterminate.
//
// size:     in bytes; 0 gives a block of its own that must not be accessed.
// Returns:  a block for tally_free, or NULL with errno set.
// Errors:   ENOMEM, also at the option limit_bytes; EAGAIN when the thread
//           cannot attach.
// Threads:  any.
// Blocks:   no; at limit_bytes up to limit_wait_ms for a collection of another
//           thread's, as in a blocking region (docs/pacing.md).
// Cost:     some instructions for up to 32 KiB (bench/alloc_pair); above, a
//           search of the arenas.
TALLY_API TALLY_MUST_USE void *tally_alloc(size_t size);

// Allocates memory for an array, all bytes zero.
//
// count, size: of the elements, in bytes; their product may not overflow.
// Returns:  a block for tally_free, or NULL with errno set.
// Errors:   ENOMEM, also for a product beyond SIZE_MAX; EAGAIN as above.
// Threads:  any.
// Blocks:   as tally_alloc.
// Cost:     tally_alloc and clearing.
TALLY_API TALLY_MUST_USE void *tally_calloc(size_t count, size_t size);

// Changes the size of a block, keeping what fits of its content.
//
// block:    from this family, or NULL: then it is tally_alloc.
// size:     in bytes; 0 gives a block of its own, as tally_alloc does.
// Returns:  the block, moved or not; NULL with errno set leaves it as it was.
// Errors:   ENOMEM; EAGAIN as above.
// Threads:  any that may use the block.
// Blocks:   as tally_alloc.
// Cost:     nothing within a size class, else an allocation and a copy.
TALLY_API TALLY_MUST_USE void *tally_realloc(void *block, size_t size);

// As tally_realloc for an array.
//
// count, size: of the elements, in bytes; their product may not overflow.
// Returns:  as tally_realloc.
// Errors:   ENOMEM, also for a product beyond SIZE_MAX; EAGAIN as above.
// Threads:  any that may use the block.
// Blocks:   as tally_alloc.
// Cost:     as tally_realloc.
TALLY_API TALLY_MUST_USE void *tally_reallocarray(void *block, size_t count,
                                                  size_t size);

// Gives a block back. Keeps errno.
//
// block:    from this family, or NULL, which does nothing.
// Returns:  nothing; cannot fail and never takes a lock.
// Threads:  any that may use the block; it need not have allocated it.
// Blocks:   no; but a thread that is not attached may wait for the world to
//           start, once in many frees.
// Cost:     a bit in a bitmap; from another thread a bit in a cache, told in
//           batches (bench/remote_free).
TALLY_API void tally_free(void *block);

// Returns:  how many bytes the block has room for; at least what was asked
//           for; 0 for NULL.
// Threads:  any that may use the block.
// Blocks:   no.
// Cost:     two loads.
TALLY_API size_t tally_usable_size(const void *block);

TALLY_END

#endif
