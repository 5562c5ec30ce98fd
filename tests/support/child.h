// Runs a function in a process of its own: for what ends the process, and for
// what has to come first in it.

#ifndef SUPPORT_CHILD_H
#define SUPPORT_CHILD_H

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "must.h"

// Under ThreadSanitizer a forked child that starts a thread dies otherwise;
// the runtime starts threads of its own. One file of a program includes this.
const char *__tsan_default_options(void);
__attribute__((visibility("default"))) const char *__tsan_default_options(
    void) {
    return "die_after_fork=0";
}

struct child {
    int status;      // as of waitpid
    char text[4096]; // what it wrote to stderr, cut off
};

typedef void (*child_fn)(void *arg);

static inline void child_main(int out, child_fn fn, void *arg) {
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    // A sanitizer's handler would turn an abort into an exit.
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    dup2(out, STDERR_FILENO);
    close(out);
    alarm(60);
    fn(arg);
    _exit(0);
}

// qemu-user tells of its child's signals on the child's stderr.
static inline void child_strip(char *text) {
    char *line = strstr(text, "qemu: uncaught target signal");
    if (line && (line == text || line[-1] == '\n'))
        *line = '\0';
}

static inline struct child child_run(child_fn fn, void *arg) {
    struct child child = {0, ""};
    int pipes[2];
    fflush(NULL);
    must(pipe(pipes) == 0);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        close(pipes[0]);
        child_main(pipes[1], fn, arg);
    }
    close(pipes[1]);
    size_t used = 0;
    for (;;) {
        char drain[512];
        ssize_t n = read(pipes[0], drain, sizeof(drain));
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n && used < sizeof(child.text) - 1; i++)
            child.text[used++] = drain[i];
    }
    child.text[used] = '\0';
    child_strip(child.text);
    close(pipes[0]);
    must(waitpid(pid, &child.status, 0) == pid);
    return child;
}

static inline bool child_aborted(const struct child *child) {
    return WIFSIGNALED(child->status) && WTERMSIG(child->status) == SIGABRT;
}

static inline bool child_passed(const struct child *child) {
    bool passed = WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
    if (!passed)
        fprintf(stderr, "child: status %#x\n%s\n", (unsigned)child->status,
                child->text);
    return passed;
}

#endif
