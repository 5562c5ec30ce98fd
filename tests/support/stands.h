// Where each thread of a process stands, told by gdb on stderr.

#ifndef SUPPORT_STANDS_H
#define SUPPORT_STANDS_H

#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// Takes half a minute at most. No fork, whose handlers may be what the process
// hangs in.
static inline bool stands_show(pid_t pid) {
    char number[32];
    snprintf(number, sizeof(number), "%ld", (long)pid);
    fprintf(stderr, "where the threads of process %s stand:\n", number);
    const char *const words[] = {"timeout",
                                 "-s",
                                 "KILL",
                                 "30",
                                 "gdb",
                                 "-batch",
                                 "-nx",
                                 "-ex",
                                 "set debuginfod enabled off",
                                 "-ex",
                                 "thread apply all backtrace 24",
                                 "-p",
                                 number,
                                 NULL};
    posix_spawn_file_actions_t files;
    pid_t gdb;
    if (posix_spawn_file_actions_init(&files) != 0)
        return false;
    bool shown = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO,
                                                  STDOUT_FILENO) == 0 &&
                 posix_spawnp(&gdb, words[0], &files, NULL,
                              (char *const *)(uintptr_t)words, environ) == 0 &&
                 waitpid(gdb, NULL, 0) == gdb;
    posix_spawn_file_actions_destroy(&files);
    return shown;
}

#endif
