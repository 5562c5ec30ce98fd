#include "interrupt.h"

#include "common.h"

#include <signal.h>

static atomic_bool interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    atomic_store(&interrupted, true);
}

void interrupt_catch(void) {
    struct sigaction action = {0};
    action.sa_handler = interrupt;
    // Without SA_RESTART: a read that waits for a slow file returns.
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool is_interrupted(void) {
    return atomic_load_explicit(&interrupted, memory_order_relaxed);
}
