// The wait itself is an event's, in two parts: until there is something to say,
// and on to the deadline.

#include "epoch/wait.h"

#include <stdio.h>
#include <string.h>

#include "epoch/attach.h"
#include "epoch/late.h"
#include "epoch/rcu.h"
#include "epoch/registry.h"
#include "platform/os.h"

#define MS 1000000u
#define TELL_NS 1000000000u // of patience, until something is said

static uint64_t wait_ns = (uint64_t)10000 * MS; // (a) option deadline_ms

void tly_wait_configure(uint64_t deadline_ms) {
    // Relaxed: before threads come.
    tly_store_relaxed(&wait_ns, deadline_ms * MS);
}

struct tly_patience tly_patience_begin(void) {
    // Relaxed: an option.
    uint64_t ns = tly_load_relaxed(&wait_ns);
    return (struct tly_patience){.left = ns, .endless = ns == 0};
}

uint64_t tly_patience_deadline(const struct tly_patience *patience) {
    bool endless = !patience || patience->endless;
    return endless ? 0 : tly_os_now() + patience->left;
}

bool tly_patience_spend(struct tly_patience *patience, uint64_t deadline) {
    if (!patience || !deadline)
        return true;
    uint64_t now = tly_os_now();
    patience->left = now < deadline ? deadline - now : 0;
    return patience->left > 0;
}

struct tly_wait tly_wait_begin(const struct tly_patience *patience) {
    return (struct tly_wait){.began = tly_os_now(),
                             .deadline = tly_patience_deadline(patience),
                             .brief = patience && patience->brief};
}

// ---- what is said

struct tly_who tly_who_is(const struct tly_mutator *mutator) {
    struct tly_who who = {.number = mutator->number};
    // Relaxed, all: for a report; its thread may have come and gone.
    for (unsigned n = 0; n < sizeof(who.name) - 1; n++)
        who.name[n] = tly_load_relaxed(&mutator->name[n]);
    who.thread = tly_load_relaxed(&mutator->thread);
    who.by_itself = tly_load_relaxed(&mutator->by_itself);
    return who;
}

void tly_who_set(struct tly_mutator *self, const char *name, bool by_itself) {
    char copy[sizeof(self->name)] = "";
    if (name)
        strncpy(copy, name, sizeof(copy) - 1);
    else
        tly_os_thread_name(copy);
    // Relaxed, all: for reports.
    for (unsigned n = 0; n < sizeof(copy); n++)
        tly_store_relaxed(&self->name[n], copy[n]);
    tly_store_relaxed(&self->by_itself, by_itself);
    tly_store_relaxed(&self->thread, tly_os_thread_id());
}

// Whether the thread is one of the runtime's services.
static bool is_runtimes(const struct tly_mutator *mutator) {
    static const char prefix[] = "tally-";
    struct tly_who who = tly_who_is(mutator);
    return strncmp(who.name, prefix, sizeof(prefix) - 1) == 0;
}

void (*tly_late_inside)(const struct tly_mutator *late,
                        char text[TLY_LATE_INSIDE_MAX]);

// What the program should do.
static const char *cure_of(const struct tly_mutator *late,
                           const struct tly_os_look *look, bool inside) {
    if (tly_rcu_has_section(late))
        return "a borrow section must neither wait nor last";
    if (inside && look->locks)
        return "it must not need what the thread that it runs on may hold";
    if (look->locks)
        return "wait inside TALLY_BLOCKING { } for what another thread may "
               "hold at a safepoint";
    if (look->memory)
        return "the system keeps it waiting, for memory or a new process; it "
               "goes on by itself";
    if (look->waits)
        return "put TALLY_BLOCKING { } around calls that wait";
    if (!inside && is_runtimes(late))
        return "it is the runtime's own, and may be in a hook";
    return "call tally_safepoint() in loops that do not end soon";
}

void tly_late_tell(const struct tly_mutator *late, char text[TLY_LATE_MAX]) {
    char call[64] = "which runs", inside[TLY_LATE_INSIDE_MAX] = "";
    struct tly_os_look look;
    // Relaxed: for a report; its thread may have come and gone.
    tly_os_thread_look(tly_load_relaxed(&late->thread), &look);
    if (look.gone) {
        snprintf(text, TLY_LATE_MAX,
                 "which has ended, attached: by a system call of its own, or "
                 "after a destructor later than the library's used the heap");
        return;
    }
    if (!look.state) {
        snprintf(text, TLY_LATE_MAX, "which passes none");
        return;
    }
    if (look.waits && look.call)
        snprintf(call, sizeof(call), "which sleeps in %s", look.call);
    else if (look.waits)
        snprintf(call, sizeof(call), "which sleeps in system call %u",
                 look.number);
    if (tly_late_inside)
        tly_late_inside(late, inside);
    snprintf(text, TLY_LATE_MAX, "%s%s%s%s%s; %s", call, inside[0] ? " " : "",
             inside, look.place[0] ? ", called from " : "", look.place,
             cure_of(late, &look, inside[0]));
}

static void tell(const struct tly_wait *wait, const struct tly_mutator *late,
                 uint64_t now) {
    struct tly_who who = tly_who_is(late);
    char text[TLY_LATE_MAX];
    tly_late_tell(late, text);
    uint64_t tenths = (now - wait->began) / (100 * MS);
    tly_report(
        "thread %u (%s) has waited %llu.%llu s for a safepoint of thread "
        "%u (%s, mutator %u%s), %s",
        tly_os_thread_id(), tly_mine() ? tly_mine()->name : "",
        (unsigned long long)tenths / 10, (unsigned long long)tenths % 10,
        who.thread, who.name, who.number,
        who.by_itself ? ", attached by its first use" : "", text);
}

static void tell_end(const struct tly_wait *wait,
                     const struct tly_mutator *late, uint64_t now) {
    struct tly_who who = tly_who_is(late);
    tly_report("thread %u gives up after %llu ms: no safepoint of thread %u "
               "(%s); nothing is lost (option deadline_ms)",
               tly_os_thread_id(), (unsigned long long)(now - wait->began) / MS,
               who.thread, who.name);
}

// Waits that are too short to say anything, in vain for the same mutator.
static struct {
    uint32_t number; // (a) 0: none
    uint32_t told;   // (a)
    uint64_t since;  // (a)
} in_row;

static void in_row_add(const struct tly_wait *wait,
                       const struct tly_mutator *late, uint64_t now) {
    // Relaxed, all: for a report.
    if (tly_load_relaxed(&in_row.number) != late->number) {
        tly_store_relaxed(&in_row.since, wait->began);
        tly_store_relaxed(&in_row.told, 0);
        tly_store_relaxed(&in_row.number, late->number);
    }
    struct tly_wait row = {.began = tly_load_relaxed(&in_row.since)};
    if (!tly_load_relaxed(&in_row.told) && now - row.began >= TELL_NS) {
        tly_store_relaxed(&in_row.told, 1);
        tell(&row, late, now);
    }
}

void tly_wait_end(void) {
    // Relaxed: for a report.
    if (tly_load_relaxed(&in_row.number))
        tly_store_relaxed(&in_row.number, 0);
}

// ---- the waits

bool tly_wait_for(struct tly_wait *wait, struct tly_event *event, uint32_t seen,
                  const struct tly_mutator *late) {
    bool tells = !wait->told && !wait->quiet;
    uint64_t patience = tells ? wait->began + TELL_NS : 0;
    uint64_t deadline = wait->deadline;
    if (patience && (!deadline || patience < deadline)) {
        if (tly_event_wait(event, seen, patience))
            return true;
        tell(wait, late, tly_os_now());
        wait->told = late->number;
    }
    if (tly_event_wait(event, seen, deadline))
        return true;
    uint64_t now = tly_os_now();
    if (wait->quiet)
        return false;
    if (!wait->told && wait->brief) {
        in_row_add(wait, late, now);
        return false;
    }
    if (!wait->told)
        tell(wait, late, now);
    tell_end(wait, late, now);
    return false;
}

bool tly_wait_world(struct tly_wait *wait, struct tly_event *event,
                    uint32_t seen, const uint32_t *stopper) {
    if (tly_event_wait(event, seen, wait->began + TELL_NS))
        return true;
    // Relaxed: for a report. Only now: who stands still is often before the
    // stop has come to its end.
    uint32_t number = tly_load_relaxed(stopper);
    if (!number) {
        wait->began = tly_os_now();
        return true;
    }
    struct tly_who who = tly_who_is(tly_mutator_of(number));
    wait->told = number;
    tly_report("thread %u has stood still for over 1 s, for thread %u (%s) has "
               "stopped the world: call tally_start_world there",
               tly_os_thread_id(), who.thread, who.name);
    return false;
}
