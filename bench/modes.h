// The collector's modes, one after the other: what a program measures in each
// it measures in processes of its own, because a runtime has one mode.

#ifndef BENCH_MODES_H
#define BENCH_MODES_H

#include <sys/wait.h>
#include <unistd.h>

#include "rival_tally.h"

// Runs [work] in a process of its own. Returns its status.
static inline int modes_apart(void (*work)(const void *arg), const void *arg) {
    fflush(stdout);
    pid_t child = fork();
    bench_require(child >= 0, "cannot fork");
    if (child == 0) {
        work(arg);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    bench_require(waitpid(child, &status, 0) == child, "cannot wait");
    return status;
}

static inline void modes_probe(const void *unused) {
    (void)unused;
    if (!freopen("/dev/null", "w", stderr) || tally_attach("bench") != 0)
        _exit(1);
}

// Sets an option beside those that the environment gives.
static inline void modes_set(const char *given, const char *option) {
    char conf[1024];
    snprintf(conf, sizeof conf, "%s%s%s", given ? given : "", given ? "," : "",
             option);
    setenv("TALLY_CONF", conf, 1);
}

// Calls [each] with a mode's name, in an environment that chooses it. A library
// that has one mode only is asked once: "only".
static inline void modes_each(void (*each)(const char *mode)) {
    static const struct {
        const char *name, *option;
    } modes[] = {{"concurrent", "mode:0"}, {"stop", "mode:1"}};
    char *given = getenv("TALLY_CONF");
    given = given ? strdup(given) : NULL;
    unsigned known = 0;
    for (unsigned n = 0; n < sizeof modes / sizeof *modes; n++) {
        modes_set(given, modes[n].option);
        if (modes_apart(modes_probe, NULL) != 0)
            continue;
        known++;
        each(modes[n].name);
    }
    if (given)
        setenv("TALLY_CONF", given, 1);
    else
        unsetenv("TALLY_CONF");
    if (!known)
        each("only");
    free(given);
}

#endif
