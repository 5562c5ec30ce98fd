// Runs a test under limits, so that a test that goes wrong ends by itself and
// not with the machine.
//
//   limited MEGABYTES SECONDS COMMAND [ARGUMENT]...
//
// The memory counted is what the command and its children have in RAM, pages of
// files left out: limits of the kernel's count addresses (RLIMIT_AS,
// RLIMIT_DATA), of which the library and the sanitizers reserve terabytes. They
// are one session, and a command that is over a limit is killed with all of it;
// the status is 124 for the time, as of timeout(1), and 125 for the memory.

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stands.h"

#define PERIOD_MS 100 // a test can fill some 200 MB in this time
#define SHOWN 6       // processes whose threads are shown

enum { TOO_LONG = 124, TOO_LARGE = 125 }; // status

static pid_t command; // and its session

static int command_run(char **argv) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], argv);
    fprintf(stderr, "limited: %s: %s\n", argv[0], strerror(errno));
    return 127;
}

// The kB that a line of /proc/PID/status names.
static long field(const char *status, const char *name) {
    const char *at = strstr(status, name);
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

// The kB that a process has in RAM.
static long process_kb(pid_t pid) {
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file) // it has ended
        return 0;
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    return field(text, "RssAnon:") + field(text, "RssShmem:");
}

static long process_kill(pid_t pid) { return kill(pid, SIGKILL) == 0; }

// Sums up what a function answers for each process of the session.
static long session_sum(long (*of)(pid_t pid)) {
    long sum = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && getsid(pid) == command)
            sum += of(pid);
    }
    if (processes)
        closedir(processes);
    return sum;
}

// More than once, for they may have children meanwhile; not until there are
// none, for it is not this process that waits for them.
static void session_end(void) {
    for (int n = 0; n < 10 && session_sum(process_kill) > 0; n++)
        usleep(1000);
}

// Answers how many processes it was.
static long process_show(pid_t pid) {
    static int shown;
    return shown++ < SHOWN && stands_show(pid);
}

static void command_end(void) {
    kill(command, SIGKILL); // it may not have its session yet
    session_end();
    waitpid(command, NULL, 0);
}

static void end(int sig) {
    command_end();
    signal(sig, SIG_DFL);
    raise(sig);
}

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Waits for the next look, or the end of the command if that comes before.
static void nap(const sigset_t *child_ends) {
    struct timespec period = {0, PERIOD_MS * 1000000L};
    sigtimedwait(child_ends, NULL, &period);
}

static int over(const char *what, long limit, const char *unit, int status) {
    if (status == TOO_LONG)
        session_sum(process_show);
    command_end();
    fprintf(stderr, "limited: killed, for it takes more %s than %ld %s\n", what,
            limit, unit);
    return status;
}

// Watches the command to its end. Returns its status.
static int watch(long megabytes, long seconds, const sigset_t *child_ends) {
    double began = now_s();
    long most = 0;
    int status = 0;
    for (;;) {
        long kb = session_sum(process_kb);
        most = kb > most ? kb : most;
        if (kb / 1024 > megabytes)
            return over("memory", megabytes, "MB", TOO_LARGE);
        if (now_s() - began > (double)seconds)
            return over("time", seconds, "s", TOO_LONG);
        if (waitpid(command, &status, WNOHANG) == command)
            break;
        nap(child_ends);
    }
    session_end(); // what it has left behind
    printf("limited: %.1f s, %ld MB seen\n", now_s() - began, most / 1024);
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "limited: ended by signal %d (%s)\n", WTERMSIG(status),
            strsignal(WTERMSIG(status)));
    return 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
    long megabytes = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
    long seconds = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
    if (megabytes <= 0 || seconds <= 0) {
        fprintf(stderr, "usage: limited MEGABYTES SECONDS COMMAND...\n");
        return 2;
    }
    sigset_t child_ends, before;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ends, &before);
    command = fork();
    if (command == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return command_run(argv + 3);
    }
    if (command < 0) {
        perror("limited: fork");
        return 2;
    }
    signal(SIGINT, end);
    signal(SIGTERM, end);
    signal(SIGHUP, end);
    return watch(megabytes, seconds, &child_ends);
}
