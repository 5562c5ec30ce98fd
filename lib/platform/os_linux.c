// Linux.

#include "platform/os.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cancel.h"
#include "base/check.h"
#include "base/point.h"
#include "base/status.h"
#include "platform/fault.h"

void *tly_os_reserve(size_t size, size_t align) {
    if (tly_fault(TLY_FAULT_RESERVE))
        return NULL;
    size_t room = size + align;
    char *base = mmap(NULL, room, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    char *start = base + (align - (uintptr_t)base % align) % align;
    if (start > base)
        munmap(base, (size_t)(start - base));
    if (start + size < base + room)
        munmap(start + size, (size_t)(base + room - start) - size);
    return start;
}

void tly_os_unreserve(void *address, size_t size) {
    // What cannot be unmapped stays reserved: address space without memory.
    int failed = munmap(address, size);
    tly_check(!failed || errno == ENOMEM); // else it was none
    (void)failed;
}

tally_status tly_os_commit(void *address, size_t size) {
    if (tly_fault(TLY_FAULT_COMMIT))
        return TALLY_NO_MEMORY;
    if (mprotect(address, size, PROT_READ | PROT_WRITE) != 0)
        return TALLY_NO_MEMORY;
    return TALLY_OK;
}

void tly_os_populate(void *address, size_t size) {
#ifdef MADV_POPULATE_WRITE
    // Linux 5.14; an older kernel refuses.
    (void)madvise(address, size, MADV_POPULATE_WRITE);
#else
    (void)address, (void)size;
#endif
}

tally_status tly_os_purge(void *address, size_t size) {
    if (tly_fault(TLY_FAULT_PURGE))
        return TALLY_NO_MEMORY;
    if (madvise(address, size, MADV_DONTNEED) != 0)
        return -errno;
    return TALLY_OK;
}

size_t tly_os_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

bool tly_os_barrier_start(void) {
#ifdef SYS_membarrier
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                   0) == 0;
#else
    return false;
#endif
}

void tly_os_barrier(void) {
#ifdef SYS_membarrier
    long done = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    tly_require(done == 0); // it was registered
#endif
}

uint64_t tly_os_memory(void) {
    struct sysinfo info;
    if (sysinfo(&info) != 0)
        return (uint64_t)1 << 34;
    return (uint64_t)info.totalram * info.mem_unit;
}

static uint64_t clock_read(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t tly_os_now(void) { return clock_read(CLOCK_MONOTONIC); }

uint64_t tly_os_now_coarse(void) { return clock_read(CLOCK_MONOTONIC_COARSE); }

uint64_t tly_os_cpu(void) { return clock_read(CLOCK_THREAD_CPUTIME_ID); }

unsigned tly_os_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : (unsigned)n;
}

void tly_os_yield(void) {
    if (TLY_EXPLORED)
        tly_point_yield();
    else
        sched_yield();
}

tally_status tly_os_thread_start(void *(*fn)(void *arg), void *arg) {
    if (tly_fault(TLY_FAULT_THREAD))
        return TALLY_LIMIT;
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int status = pthread_attr_init(&attributes);
    if (status != 0)
        return -status;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&thread, &attributes, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -status;
}

TALLY_THREAD uintptr_t tly_os_stack_low;
TALLY_THREAD size_t tly_os_stack_size;

void tly_os_stack_ask(void) {
    int error = errno;
    pthread_attr_t attributes;
    void *low = NULL;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &low, &tly_os_stack_size);
        pthread_attr_destroy(&attributes);
    }
    tly_os_stack_low = (uintptr_t)low;
    errno = error;
}

// The C library (glibc, musl) calls a round's destructors in the order of their
// keys, and after PTHREAD_DESTRUCTOR_ITERATIONS rounds none. A key's number is
// the least that is free: those below are made and given back, and so are the
// program's to come. They end where glibc needs memory for a key's values (32
// lie in the thread itself): for a higher one pthread_setspecific calls calloc,
// which may fail, may be a program's own that uses the heap, and may hang in a
// forked child under clang 14's ThreadSanitizer.
#define KEYS_BELOW 31u

int tly_os_key_last(pthread_key_t *ret_key, void (*destroy)(void *value)) {
    pthread_key_t below[KEYS_BELOW];
    unsigned count = 0;
    int error = pthread_key_create(ret_key, destroy);
    while (!error && *ret_key < KEYS_BELOW && count < KEYS_BELOW) {
        below[count++] = *ret_key;
        error = pthread_key_create(ret_key, destroy);
    }
    // Where no key is that high, the highest that there is.
    if (error && count > 0) {
        *ret_key = below[--count];
        error = 0;
    }
    while (count > 0)
        pthread_key_delete(below[--count]);
    return -error;
}

void tly_os_thread_name(char name[16]) {
    if (pthread_getname_np(pthread_self(), name, 16) != 0)
        name[0] = '\0';
}

uint32_t tly_os_thread_id(void) { return (uint32_t)syscall(SYS_gettid); }

void tly_os_futex_wait(uint32_t *word, uint32_t value, uint64_t deadline) {
    struct timespec until = {(time_t)(deadline / 1000000000u),
                             (long)(deadline % 1000000000u)};
    TLY_KEEPS_ERRNO;
    // The bitset form takes an absolute time of the monotonic clock.
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
            deadline ? &until : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

void tly_os_futex_wake(uint32_t *word) {
    TLY_KEEPS_ERRNO;
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL,
            NULL, 0);
}

// What the kernel gave the process at its start, where it gives no more: early
// at boot, or to a process that may not ask.
static void random_stretch(unsigned char *bytes, size_t size) {
    uint64_t seed[2], state = tly_os_now();
    const void *given = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    memcpy(seed, given, sizeof(seed));
    for (size_t n = 0; n < size; n++) {
        state += seed[n % 2];
        bytes[n] = (unsigned char)(tly_mix_next(&state) >> 56);
    }
}

void tly_os_random(void *bytes, size_t size) {
    TLY_NO_CANCEL;
    // Up to 256 bytes are given whole.
    if (getrandom(bytes, size, GRND_NONBLOCK) != (ssize_t)size)
        random_stretch(bytes, size);
}

tally_status tly_os_file_map(int file, uint64_t offset, size_t *length,
                             bool writable, void **ret_data,
                             size_t *ret_before) {
    struct stat stat;
    if (fstat(file, &stat) != 0)
        return -errno;
    uint64_t size = (uint64_t)stat.st_size;
    if (offset >= size || *length > size - offset)
        return TALLY_RANGE;
    size_t before = offset % tly_os_page_size();
    size_t bytes = *length ? *length : (size_t)(size - offset);
    if (tly_fault(TLY_FAULT_RESERVE))
        return TALLY_NO_MEMORY;
    char *base = mmap(NULL, bytes + before,
                      writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
                      file, (off_t)(offset - before));
    if (base == MAP_FAILED)
        return -errno;
    *length = bytes;
    *ret_data = base + before;
    *ret_before = before;
    return TALLY_OK;
}

void tly_os_file_unmap(void *address, size_t size) { munmap(address, size); }

_Static_assert(sizeof(struct tly_os_part) == sizeof(struct iovec) &&
                   offsetof(struct tly_os_part, length) ==
                       offsetof(struct iovec, iov_len),
               "a part is what the system takes");

tally_status tly_os_write_parts(int file, const struct tly_os_part *parts,
                                size_t count, size_t *ret_bytes) {
    ssize_t bytes = writev(file, (const struct iovec *)parts, (int)count);
    if (bytes < 0)
        return -errno;
    *ret_bytes = (size_t)bytes;
    return TALLY_OK;
}

tally_status tly_os_read_parts(int file, const struct tly_os_part *parts,
                               size_t count, size_t *ret_bytes) {
    ssize_t bytes = readv(file, (const struct iovec *)parts, (int)count);
    if (bytes < 0)
        return -errno;
    *ret_bytes = (size_t)bytes;
    return TALLY_OK;
}

tally_status tly_os_copy_checked(void *to, const struct tly_os_part *parts,
                                 size_t count) {
    struct iovec local = {to, 0};
    for (size_t n = 0; n < count; n++)
        local.iov_len += parts[n].length;
    // As if from another process: the kernel stops at what is not there.
    ssize_t bytes = process_vm_readv(getpid(), &local, 1,
                                     (const struct iovec *)parts, count, 0);
    if (bytes < 0 && errno != EFAULT)
        return errno == ENOMEM ? TALLY_NO_MEMORY : TALLY_UNSUPPORTED;
    return bytes >= 0 && (size_t)bytes == local.iov_len ? TALLY_OK : TALLY_GONE;
}

const char *tly_os_environment(const char *name) { return secure_getenv(name); }
