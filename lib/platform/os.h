// What the library wants of the operating system; one .c for each.
//
// Preconditions of all: addresses and sizes are multiples of the page size
// where they concern memory. Results: 0 or a negative errno. Nothing here
// allocates from the process's malloc. Each call that can fail is a fault
// point (platform/fault.h).

#ifndef TLY_PLATFORM_OS_H
#define TLY_PLATFORM_OS_H

#include <pthread.h>

#include <tally/status.h>

#include "base/compiler.h"

// Reserves address space, aligned to [align] (a power of two), without memory
// behind it. Returns NULL when there is none.
void *tly_os_reserve(size_t size, size_t align);

// Gives a reservation back, whole.
void tly_os_unreserve(void *address, size_t size);

// Makes part of a reservation readable and writable; zero on first touch.
tally_status tly_os_commit(void *address, size_t size);

// Puts memory behind committed pages now, so that a pause does not have to;
// does nothing where the system cannot.
void tly_os_populate(void *address, size_t size);

// Gives the memory behind pages back; they read as zero afterwards.
tally_status tly_os_purge(void *address, size_t size);

// Bytes of a page.
size_t tly_os_page_size(void);

// Registers the process for tly_os_barrier: whether the kernel has it.
bool tly_os_barrier_start(void);

// When it returns, each thread of the process has passed a full memory barrier
// since it was called. After tly_os_barrier_start in this process.
void tly_os_barrier(void);

// Bytes of memory that the machine has.
uint64_t tly_os_memory(void);

// Nanoseconds of a clock that only goes forward.
uint64_t tly_os_now(void);
// The same at the system's last tick, some milliseconds ago; cheaper.
uint64_t tly_os_now_coarse(void);
// Nanoseconds that the calling thread has had a processor.
uint64_t tly_os_cpu(void);

// Processors that the process may use, at least 1.
unsigned tly_os_cpus(void);

// Lets another thread run.
void tly_os_yield(void);

// Starts a thread of the library's own, which handles no signals and which
// nobody joins.
tally_status tly_os_thread_start(void *(*fn)(void *arg), void *arg);

// Copies the calling thread's name, at most 15 bytes and a NUL.
void tly_os_thread_name(char name[16]);

// The calling thread's number with the kernel.
uint32_t tly_os_thread_id(void);

// What another thread of the process is at; what the system does not tell is
// zero.
struct tly_os_look {
    bool gone;        // there is no such thread any more
    char state;       // as in /proc: R runs, S sleeps, ...
    bool waits;       // it is in a system call, and waits there
    bool locks;       // in the one that locks and conditions wait in
    bool memory;      // in one that changes the map of memory, or copies it
    uint32_t number;  // of the call
    const char *call; // its name; NULL: one that is seldom met
    char place[64];   // who called, as file+0xoffset; ""
};
void tly_os_thread_look(uint32_t thread, struct tly_os_look *ret);

// A key for thread-local data whose destructor is called last in each round of
// destructors: after those of the keys that the program makes, before and
// later, but for those beyond 31.
int tly_os_key_last(pthread_key_t *ret_key, void (*destroy)(void *value));

// Whether an address is on the stack that the calling thread was started with.
// A thread's first call is slow, and allocates. Keeps errno.
extern TALLY_THREAD uintptr_t tly_os_stack_low; // 0: not asked for yet
extern TALLY_THREAD size_t tly_os_stack_size;
TLY_COLD void tly_os_stack_ask(void);
TLY_INLINE bool tly_os_on_stack(const void *address) {
    if (TLY_UNLIKELY(!tly_os_stack_low))
        tly_os_stack_ask();
    return (uintptr_t)address - tly_os_stack_low < tly_os_stack_size;
}

// Waits while *word == value, until [deadline] (tly_os_now's scale; 0: none).
// May return early. wake: all waiters.
void tly_os_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline);
void tly_os_futex_wake(uint32_t *word);

// Fills memory with random bytes, as good as the system has them now.
void tly_os_random(void *bytes, size_t size);

// Maps a part of a file; [length] 0 is all that follows the offset. The memory
// begins [*ret_before] bytes before it, on a page. TALLY_RANGE: the file ends
// before the part does, or there is nothing.
tally_status tly_os_file_map(int file, uint64_t offset, size_t *length,
                             bool writable, void **ret_data,
                             size_t *ret_before);
void tly_os_file_unmap(void *address, size_t size);

// Memory for one transfer, and the transfer: some bytes or all.
struct tly_os_part {
    void *data;
    size_t length;
};
tally_status tly_os_write_parts(int file, const struct tly_os_part *parts,
                                size_t count, size_t *ret_bytes);
tally_status tly_os_read_parts(int file, const struct tly_os_part *parts,
                               size_t count, size_t *ret_bytes);

// Copies memory that may not be there: TALLY_GONE, and no signal, where some of
// it is not. TALLY_UNSUPPORTED: the system does not do it for this process.
// Parts are no longer than TLY_OS_COPY_MOST together.
#define TLY_OS_COPY_MOST ((size_t)1 << 30)
tally_status tly_os_copy_checked(void *to, const struct tly_os_part *parts,
                                 size_t count);

// An environment variable, NULL in set-user-ID programs.
const char *tly_os_environment(const char *name);

#endif
