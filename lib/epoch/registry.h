// Where mutators' records are: one reserved range, indexed by number.

#ifndef TLY_EPOCH_REGISTRY_H
#define TLY_EPOCH_REGISTRY_H

#include "epoch/mutator.h"

extern union tly_record *tly_records;
extern char *tly_colds;

// Reserves the range, and makes the record that is kept back.
tally_status tly_registry_start(void);

// Releases the range. No thread is attached.
void tly_registry_end(void);

// Mutators registered: their numbers are 1 .. count.
uint32_t tly_registry_count(void);

// The record with a number, 1 .. TALLY_OWNER_MAX_.
TLY_INLINE struct tly_mutator *tly_mutator_of(uint32_t number) {
    return &tly_records[number].mutator;
}

// The cold part of a record: what few threads ever use, zero until then.
TLY_INLINE void *tly_cold_of(const struct tly_mutator *mutator) {
    return tly_colds + (size_t)mutator->number * TLY_COLD_SIZE;
}

// A VACANT mutator, made ATTACHED; NULL when there is none.
struct tly_mutator *tly_registry_adopt(void);

// A new record, ATTACHED; NULL with errno when there can be none.
struct tly_mutator *tly_registry_create(void);

// Notes that a mutator is VACANT now.
void tly_registry_vacate(struct tly_mutator *mutator);

// Around fork: nobody makes a record.
void tly_registry_hold(bool hold);
// In a forked child: every mutator is VACANT that is not the calling thread's.
void tly_registry_forked(bool (*is_mine)(const struct tly_mutator *mutator));

// Bytes of memory that the records in use take.
size_t tly_registry_bytes(void);

#endif
