// What another thread of the process is at, as the kernel tells it in /proc.
//
// The thread is not stopped and takes no part. Nothing here allocates or takes
// a lock, so that it can be asked while anything is held; what the kernel does
// not tell, as in a container without /proc, is left out.
//
// A thread that sleeps in a system call was called from somewhere: the first
// word on its stack that is a return address outside of the system's own
// libraries. Nobody unwinds: frame pointers are missing in those libraries, and
// tables would have to be read under the loader's lock.

#include "platform/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cancel.h"

#define STACK_WORDS 512u
#define CODES 48u

struct call {
    long number;
    const char *name;
};

static const struct call calls[] = {
    {SYS_futex, "futex"},
    {SYS_read, "read"},
    {SYS_write, "write"},
    {SYS_readv, "readv"},
    {SYS_writev, "writev"},
    {SYS_pread64, "pread"},
    {SYS_pwrite64, "pwrite"},
    {SYS_recvfrom, "recv"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_sendto, "send"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_accept, "accept"},
    {SYS_accept4, "accept4"},
    {SYS_connect, "connect"},
    {SYS_epoll_pwait, "epoll_wait"},
    {SYS_ppoll, "poll"},
    {SYS_pselect6, "select"},
#ifdef SYS_epoll_wait // not on aarch64, nor the next three
    {SYS_epoll_wait, "epoll_wait"},
    {SYS_poll, "poll"},
    {SYS_select, "select"},
    {SYS_pause, "pause"},
#endif
    {SYS_nanosleep, "nanosleep"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},
    {SYS_rt_sigsuspend, "sigsuspend"},
    {SYS_rt_sigtimedwait, "sigwait"},
    {SYS_flock, "flock"},
    {SYS_fcntl, "fcntl"},
    {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"},
    {SYS_ioctl, "ioctl"},
    {SYS_openat, "open"},
    {SYS_semtimedop, "semtimedop"},
    {SYS_msgrcv, "msgrcv"},
    {SYS_io_getevents, "io_getevents"},
};

// What malloc, pthread_create and the like do of the kernel: they wait for
// memory, and for who changes the process's map of it.
static const struct call memory_calls[] = {
    {SYS_mmap, "mmap"},
    {SYS_munmap, "munmap"},
    {SYS_mprotect, "mprotect"},
    {SYS_mremap, "mremap"},
    {SYS_madvise, "madvise"},
    {SYS_brk, "brk"},
    {SYS_clone, "clone"},
#ifdef SYS_clone3
    {SYS_clone3, "clone3"},
#endif
    {SYS_membarrier, "membarrier"},
};

static const char *call_name(const struct call *call, size_t count,
                             long number) {
    for (; count > 0; call++, count--)
        if (call->number == number)
            return call->name;
    return NULL;
}
#define CALL_NAME(calls, number)                                               \
    call_name(calls, sizeof(calls) / sizeof((calls)[0]), number)

// The beginning of a file, as text. False: there is nothing.
static bool file_read(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t bytes = read(file, text, size - 1);
    close(file);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

static bool task_read(uint32_t thread, const char *name, char *text,
                      size_t size) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%u/%s", thread, name);
    return file_read(path, text, size);
}

// ---- the place

// A file's part of memory that can be executed.
struct code {
    uintptr_t begin, end, base; // base: where the file begins
    char name[40];              // its last part, cut off
};

struct search {
    struct code code[CODES];
    unsigned count;
    uintptr_t base; // of the file that the last lines were about
};

static bool is_system(const char *name) {
    static const char *const prefixes[] = {"libc.",   "libc-",   "libpthread",
                                           "ld-",     "libasan", "libtsan",
                                           "libubsan"};
    for (size_t n = 0; n < sizeof(prefixes) / sizeof(prefixes[0]); n++)
        if (strncmp(name, prefixes[n], strlen(prefixes[n])) == 0)
            return true;
    return false;
}

// One line of /proc/self/maps.
static void line_read(struct search *search, const char *line) {
    unsigned long begin, end, offset;
    char rights[5];
    int path = 0;
    if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &begin, &end, rights,
               &offset, &path) < 4 ||
        !path || line[path] != '/')
        return;
    if (offset == 0)
        search->base = begin;
    if (rights[2] != 'x' || search->count == CODES)
        return;
    struct code *code = &search->code[search->count++];
    *code = (struct code){.begin = begin, .end = end, .base = search->base};
    snprintf(code->name, sizeof(code->name), "%s", strrchr(line, '/') + 1);
}

static void maps_read(struct search *search) {
    char text[2048];
    size_t used = 0;
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    for (;;) {
        ssize_t bytes = read(file, text + used, sizeof(text) - 1 - used);
        if (bytes <= 0)
            break;
        used += (size_t)bytes;
        text[used] = '\0';
        char *line = text, *end;
        while ((end = strchr(line, '\n'))) {
            *end = '\0';
            line_read(search, line);
            line = end + 1;
        }
        used = strlen(line);
        if (used == sizeof(text) - 1)
            used = 0; // a line longer than that is of no use
        memmove(text, line, used);
    }
    close(file);
}

// Whether the instruction before an address is a call.
static bool is_after_call(int memory, uintptr_t address) {
    unsigned char code[8];
    if (pread(memory, code, sizeof(code), (off_t)(address - 8)) != 8)
        return false;
#if defined(__x86_64__)
    // call relative; call of a register or of memory, with its forms' lengths.
    return code[3] == 0xe8 || (code[6] == 0xff && (code[7] & 0x38) == 0x10) ||
           (code[5] == 0xff && (code[6] & 0x38) == 0x10) ||
           (code[2] == 0xff && (code[3] & 0x38) == 0x10) ||
           (code[1] == 0xff && (code[2] & 0x38) == 0x10);
#else
    // bl, blr.
    return (code[7] & 0xfc) == 0x94 ||
           (code[7] == 0xd6 && (code[6] & 0xfe) == 0x3e);
#endif
}

static const struct code *code_at(const struct search *search,
                                  uintptr_t address) {
    for (unsigned n = 0; n < search->count; n++)
        if (address > search->code[n].begin && address < search->code[n].end)
            return &search->code[n];
    return NULL;
}

static void place_find(uintptr_t stack, char *place, size_t size) {
    struct search search = {.count = 0};
    uintptr_t words[STACK_WORDS];
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return;
    maps_read(&search);
    // Less where the stack ends.
    ssize_t bytes = pread(memory, words, sizeof(words), (off_t)stack);
    for (ssize_t n = 0; n < bytes / (ssize_t)sizeof(words[0]); n++) {
        const struct code *code = code_at(&search, words[n]);
        if (code && !is_system(code->name) && is_after_call(memory, words[n])) {
            snprintf(place, size, "%s+0x%lx", code->name,
                     (unsigned long)(words[n] - code->base));
            break;
        }
    }
    close(memory);
}

// ---- all of it

void tly_os_thread_look(uint32_t thread, struct tly_os_look *ret) {
    TLY_NO_CANCEL;
    char text[512];
    *ret = (struct tly_os_look){.state = '\0', .call = NULL};
    ret->gone = thread && syscall(SYS_tgkill, getpid(), thread, 0) != 0 &&
                errno == ESRCH;
    if (!task_read(thread, "stat", text, sizeof(text)))
        return;
    const char *name_end = strrchr(text, ')');
    if (name_end && name_end[1] == ' ')
        ret->state = name_end[2];
    // The first thread of a process is there until the last has ended.
    ret->gone |= ret->state == 'Z' || ret->state == 'X';
    if (!task_read(thread, "syscall", text, sizeof(text)))
        return;
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || number < 0)
        return; // it runs
    unsigned long stack;
    ret->call = CALL_NAME(calls, number);
    if (!ret->call) {
        ret->call = CALL_NAME(memory_calls, number);
        ret->memory = ret->call != NULL;
    }
    ret->number = (uint32_t)number;
    ret->waits = true;
    ret->locks = number == SYS_futex;
    if (sscanf(end, " %*x %*x %*x %*x %*x %*x %lx", &stack) == 1)
        place_find((uintptr_t)stack, ret->place, sizeof(ret->place));
}
