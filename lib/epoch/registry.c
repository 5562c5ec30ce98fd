// Records lie in one reserved range, and behind them their cold parts, which
// take no memory until they are used. Both are committed as they are needed
// and never given back, so that a number is always the address of a mutator.
// Registration stops nobody: the count is advanced after the record is complete
// and ATTACHED, and whoever walks the records after raising a goal reads the
// count after it.

#include "epoch/registry.h"

#include "epoch/attach.h"

#include <string.h>

#include "base/bits.h"
#include "platform/fault.h"
#include "platform/os.h"
#include "sync/mutex.h"

#define RECORDS (TALLY_OWNER_MAX_ + 1)
#define COMMIT_STEP ((size_t)65536)
#define HOT_BYTES TLY_ROUND_UP(RECORDS * sizeof(union tly_record), COMMIT_STEP)
#define COLD_BYTES TLY_ROUND_UP(RECORDS *TLY_COLD_SIZE, COMMIT_STEP)
#define RESERVED (HOT_BYTES + COLD_BYTES)

union tly_record tly_nobody TLY_ALIGNED(TLY_LINE) = {
    .mutator = {.state = TLY_VACANT, .breaker.reader_ = &tly_no_reader},
};
unsigned long tly_no_reader = ~0ul;

TALLY_THREAD struct tally_breaker_ *tally_breaker_ =
    &tly_nobody.mutator.breaker;
TALLY_THREAD uint16_t tally_number_ = TALLY_OWNER_NOBODY_;

union tly_record *tly_records;
char *tly_colds;

static struct tly_mutex registry_lock = TLY_MUTEX_INIT(TLY_RANK_REGISTRY);
static uint32_t registry_count;
static size_t registry_committed, registry_cold_committed;

// Which mutators are VACANT, as a hint for who looks for one: the state word
// decides.
static CK_BITMAP_INSTANCE(TALLY_OWNER_MAX_ + 1) registry_vacant;

tally_status tly_registry_start(void) {
    tly_records = tly_os_reserve(RESERVED, COMMIT_STEP);
    if (!tly_records)
        return TALLY_NO_MEMORY;
    registry_count = 0;
    registry_committed = registry_cold_committed = 0;
    tly_colds = (char *)tly_records + HOT_BYTES;
    CK_BITMAP_INIT(&registry_vacant, RECORDS, false);
    return TALLY_OK;
}

void tly_registry_end(void) {
    tly_os_unreserve(tly_records, RESERVED);
    tly_records = NULL;
    tly_colds = NULL;
    registry_count = 0;
    registry_committed = registry_cold_committed = 0;
}

uint32_t tly_registry_count(void) {
    // ORDER[registered] seq_cst: records below the count are complete, and
    // whoever raised a goal before sees every record that has not seen the
    // goal. Pairs with the addition in tly_registry_create.
    return tly_load_seq_cst(&registry_count);
}

size_t tly_registry_bytes(void) {
    // Relaxed: a statistic. Records beyond the count are not touched.
    return tly_load_relaxed(&registry_count) * sizeof(union tly_record);
}

struct tly_mutator *tly_registry_adopt(void) {
    ck_bitmap_iterator_t iterator;
    ck_bitmap_iterator_init(&iterator, CK_BITMAP(&registry_vacant));
    unsigned number;
    while (ck_bitmap_next(CK_BITMAP(&registry_vacant), &iterator, &number)) {
        struct tly_mutator *m = tly_mutator_of(number);
        uint32_t state = TLY_VACANT;
        // ORDER[state] seq_cst: takes over what the mutator's last thread, or
        // the last that acted for it, left. Pairs with the store of VACANT.
        if (tly_cas_seq_cst(&m->state, &state, TLY_ATTACHED)) {
            ck_bitmap_reset(CK_BITMAP(&registry_vacant), number);
            return m;
        }
    }
    return NULL;
}

static bool commit(char *range, size_t *committed, size_t end) {
    if (end <= *committed)
        return true;
    if (tly_os_commit(range + *committed, COMMIT_STEP))
        return false;
    *committed += COMMIT_STEP;
    return true;
}

static bool record_commit(size_t number) {
    return commit((char *)tly_records, &registry_committed,
                  (number + 1) * sizeof(union tly_record)) &&
           commit(tly_colds, &registry_cold_committed,
                  (number + 1) * TLY_COLD_SIZE);
}

struct tly_mutator *tly_registry_create(void) {
    struct tly_mutator *m = NULL;
    tly_mutex_lock(&registry_lock);
    uint32_t number = registry_count + 1;
    if (number > TALLY_OWNER_MAX_) {
        errno = EAGAIN;
    } else if (tly_fault(TLY_FAULT_MUTATOR) || !record_commit(number)) {
        errno = ENOMEM;
    } else {
        m = tly_mutator_of(number);
        m->number = (uint16_t)number;
        m->header = (uint64_t)number << 32; // and its colour (cycle.h)
        m->breaker.reader_ = &tly_no_reader;
        // Relaxed: published by the addition below.
        tly_store_relaxed(&m->state, TLY_ATTACHED);
        // ORDER[registered] seq_cst: the record is complete and ATTACHED
        // before it is counted; its thread reads the goal after it.
        tly_add_seq_cst(&registry_count, 1);
    }
    tly_mutex_unlock(&registry_lock);
    return m;
}

void tly_registry_vacate(struct tly_mutator *mutator) {
    ck_bitmap_set(CK_BITMAP(&registry_vacant), mutator->number);
}

void tly_registry_hold(bool hold) { tly_mutex_hold(&registry_lock, hold); }

void tly_registry_forked(bool (*is_mine)(const struct tly_mutator *mutator)) {
    for (uint32_t n = 1; n <= registry_count; n++) {
        struct tly_mutator *m = tly_mutator_of(n);
        if (is_mine(m))
            continue;
        m->state = TLY_VACANT;
        m->blocking = 0;
        m->returning = 0;
        m->stopped_world = false;
        m->rcu_ours = false;
        m->rcu_reader = NULL;
        if (n > 1)
            ck_bitmap_set(CK_BITMAP(&registry_vacant), n);
    }
}

// ---- acting for one that does not run

bool tly_mutator_suspend(struct tly_mutator *mutator, uint32_t *ret_idle) {
    // ORDER[state] seq_cst: the other half of Dekker's pair with state_leave.
    uint32_t state = tly_load_seq_cst(&mutator->state);
    *ret_idle = state;
    // ORDER[state] seq_cst: takes over what the mutator's last user left.
    return tly_is_idle(state) &&
           tly_cas_seq_cst(&mutator->state, &state, TLY_SUSPENDED);
}

void tly_mutator_resume(struct tly_mutator *mutator, uint32_t idle) {
    // ORDER[state] seq_cst: what was done for the mutator is its next user's;
    // and whoever resumes reads the breaker after.
    tly_store_seq_cst(&mutator->state, idle);
    tly_event_signal(&mutator->resumed);
}
