// Forks, from any place; each child uses all that it has from its parent.

#ifndef STRESS_HOOKS_FORKS_H
#define STRESS_HOOKS_FORKS_H

#include <sys/wait.h>
#include <unistd.h>

#include "shared.h"

#define CHILD_PATIENCE_S 20u
static atomic_ulong forks;
static atomic_uint children; // at a time
#define CHILDREN_MOST 4u

__attribute__((noreturn)) static void child_main(void) {
    self.forking = false;
    atomic_store(&in_child, true);
    atomic_store(&closing, true);
    signal(SIGABRT, SIG_DFL);
    alarm(CHILD_PATIENCE_S);
    for (unsigned n = 0; n < 20; n++)
        drop(node_new(n % 2 ? NODE : FINAL));
    for (unsigned n = 0; n < LISTS; n++)
        (void)tally_list_append(lists[n], tally_small(n));
    (void)tally_list_append(longs[0], tally_nil());
    (void)tally_list_append(longs[1], tally_nil());
    (void)tally_map_set(map, tally_small(1), tally_small(2));
    (void)tally_weakmap_set(cache, tally_small(1), tally_small(2));
    for (unsigned n = 0; n < ROOTS; n++) {
        struct node *node = tally_aref_dup(&roots[n]);
        if (node)
            drop(node);
    }
    if (!self.stopped)
        tally_collect();
    _exit(tally_verify(2) == TALLY_CORRUPT ? 3 : 0);
}

static void fork_once(void) {
    if (atomic_fetch_add(&children, 1) < CHILDREN_MOST) {
        const char *before = doing("forks");
        self.forking = true;
        pid_t child = fork();
        if (child == 0)
            child_main();
        self.forking = false;
        doing(before);
        int status = 0;
        if (child > 0) {
            atomic_fetch_add(&forks, 1);
            TALLY_BLOCKING {
                while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
                }
            }
            expect(status == 0, "a child ends with %s %d, forked in %s",
                   WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                   self.doing);
        }
    }
    atomic_fetch_sub(&children, 1);
}

#endif
