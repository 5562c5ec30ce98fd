// Types: the table of descriptors, and how references of an object are found.

#ifndef TLY_OBJECT_TYPE_H
#define TLY_OBJECT_TYPE_H

#include <tally/type.h>

#include "object/header.h"

struct tly_mutator;

#define TLY_TYPES_MAX ((uint32_t)1 << TLY_TYPE_BITS)

// shape_ of a type: how references beyond the run [refs_] are found.
#define TLY_SHAPE_MORE 0x1u   // walk the traits of the type and its bases
#define TLY_SHAPE_ITEMS 0x2u  // the items are references
#define TLY_SHAPE_VISIT 0x4u  // call the visit hook
#define TLY_SHAPE_ATOMIC 0x8u // which may be called while threads run
#define TLY_SHAPE_EARLY 0x10u // drops its references when it dies (limbo.c)

extern tally_type **tly_types;

TLY_INLINE tally_type *tly_type_of(const tally_object *object) {
    // Relaxed: whoever holds a reference has been handed the type with it.
    return tly_types[tly_type_index(tly_load_relaxed(&object->shared_))];
}

// The lock of the table, with which a type is entered and taken out: the block
// that names it by mistake finds one that is called so.
void tly_types_lock(void);
void tly_types_unlock(void);
tally_status tly_type_enter_locked(tally_type *type);
void tly_type_remove_locked(tally_type *type);
// The type of an index up to tly_types_count(), or NULL.
tally_type *tly_type_at_locked(uint32_t index);

tally_status tly_types_start(void);
void tly_types_end(void);
uint32_t tly_types_count(void);
// Around fork.
void tly_types_hold(bool hold);

// Keeps the modules of types that were entered where the loader's lock may not
// be waited for; at a safepoint where it may.
void tly_types_keep(struct tly_mutator *self);

// Called with a run of [count] fields.
typedef void (*tly_refs_fn)(void *arg, tally_ref *first, size_t count);

// Visits every counted field of an object whose references are not all in the
// leading run that its tf_ counts.
void tly_refs_each(tally_object *object, const tally_type *type, tly_refs_fn fn,
                   void *arg);

// Of an object whose type has the shape EARLY, after they were dropped: its
// references are counted no more. The hook of the trait VISIT does that.
void tly_refs_forget(tally_object *object, const tally_type *type);

// The number of items an object was made with.
size_t tly_items_of(const tally_object *object, const tally_type *type);

// Bytes of the object, and of the word behind it that links objects which
// wait for their finalizer.
size_t tly_object_size(const tally_object *object, const tally_type *type);
tally_object **tly_finalize_link(tally_object *object, const tally_type *type);
size_t tly_type_bytes(const tally_type *type, size_t items);

#endif
