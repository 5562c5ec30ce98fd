// Registration, and walking an object's references.

#include "object/type.h"

#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/status.h"
#include "epoch/attach.h"
#include "epoch/gate.h"
#include "epoch/rcu.h"
#include "epoch/world.h"
#include "object/made.h"
#include "platform/module.h"
#include "platform/os.h"
#include "pool/class.h"
#include "sync/mutex.h"
#include "sync/rank.h"

#define TABLE_BYTES (TLY_TYPES_MAX * sizeof(tally_type *))
#define TABLE_STEP ((size_t)65536)
#define SIZE_MAX_FIXED ((size_t)1 << 31)

tally_type **tly_types;
static uint32_t types_count; // (a)
static size_t types_committed;
static struct tly_mutex types_lock = TLY_MUTEX_INIT(TLY_RANK_TYPES);

// What stands where a type was.
static tally_type gone = {.name = "(a type that is gone)"};
static uint32_t gone_count; // of them
static uint32_t gone_first; // no index before has it

// No index before it has a type whose module is still to be kept; 0: none has.
static uint32_t unkept; // (a), advanced with the lock

// What a type's traits and its bases' add up to.
struct survey {
    size_t first, end; // of the leading run of references
    size_t fixed;      // references in fields
    tally_status status;
};

tally_status tly_types_start(void) {
    tly_types = tly_os_reserve(TABLE_BYTES, TABLE_STEP);
    return tly_types ? TALLY_OK : TALLY_NO_MEMORY;
}

void tly_types_end(void) {
    for (uint32_t n = 1; n <= types_count; n++) {
        tly_types[n]->index_ = 0;
        tly_types[n]->bin_ = 0;
    }
    tly_os_unreserve(tly_types, TABLE_BYTES);
    tly_types = NULL;
    types_count = 0;
    types_committed = 0;
    gone_count = 0;
    unkept = 0;
    tly_made_end();
}

void tly_types_lock(void) { tly_mutex_lock(&types_lock); }
void tly_types_unlock(void) { tly_mutex_unlock(&types_lock); }

uint32_t tly_types_count(void) {
    // ORDER[types] acquire: the descriptors below are complete.
    return tly_load_acquire(&types_count);
}

void tly_types_hold(bool hold) { tly_mutex_hold(&types_lock, hold); }

static void survey_refs(struct survey *s, const tally_type *type,
                        const tally_trait *trait) {
    if (trait->offset < sizeof(tally_object) || trait->offset > type->size ||
        trait->offset % sizeof(tally_ref) != 0 ||
        trait->count > (type->size - trait->offset) / sizeof(tally_ref)) {
        s->status = TALLY_INVALID;
        return;
    }
    size_t end = trait->offset + trait->count * sizeof(tally_ref);
    if (s->fixed == 0) {
        s->first = trait->offset;
        s->end = end;
    } else if (trait->offset == s->end) {
        s->end = end;
    }
    s->fixed += trait->count;
}

static void survey_items(struct survey *s, tally_type *type,
                         const tally_trait *trait) {
    bool length_fits = trait->length_size == 4 || trait->length_size == 8;
    if (type->item_size_ || trait->offset > type->size || !trait->count ||
        trait->offset < sizeof(tally_object) ||
        trait->length_offset < sizeof(tally_object) ||
        trait->count > SIZE_MAX_FIXED || !length_fits ||
        (trait->kind == TALLY_TRAIT_REF_ITEMS &&
         (trait->count != sizeof(tally_ref) ||
          trait->offset % sizeof(tally_ref) != 0)) ||
        trait->length_offset > type->size - trait->length_size) {
        s->status = TALLY_INVALID;
        return;
    }
    type->item_size_ = trait->count;
    type->items_at_ = trait->offset;
    type->length_at_ = trait->length_offset;
    type->length_size_ = (uint32_t)trait->length_size;
    if (trait->kind != TALLY_TRAIT_ITEMS)
        type->shape_ |= TLY_SHAPE_ITEMS;
}

static void survey_trait(struct survey *s, tally_type *type,
                         const tally_trait *trait) {
    switch (trait->kind) {
    case TALLY_TRAIT_CELLS:
        // What ends simply does not ask whether a field holds an object.
        type->shape_ |= TLY_SHAPE_MORE;
        survey_refs(s, type, trait);
        break;
    case TALLY_TRAIT_REFS:
        survey_refs(s, type, trait);
        break;
    case TALLY_TRAIT_REF_ITEMS:
    case TALLY_TRAIT_ITEMS:
        survey_items(s, type, trait);
        break;
    case TALLY_TRAIT_FINALIZE:
        type->finalize_ = type->finalize_ ? type->finalize_ : trait->hook;
        break;
    case TALLY_TRAIT_DESTROY:
        type->destroy_ = type->destroy_ ? type->destroy_ : trait->hook;
        break;
    case TALLY_TRAIT_VISIT:
        if (!trait->visit)
            s->status = TALLY_INVALID;
        // The hook of a derived type stands for its base's.
        if (!type->visit_ && trait->count)
            type->shape_ |= TLY_SHAPE_ATOMIC;
        type->visit_ = type->visit_ ? type->visit_ : trait->visit;
        type->shape_ |= TLY_SHAPE_VISIT;
        // Of the library's own types, which nothing derives from.
        if (trait->hook)
            type->shape_ |= TLY_SHAPE_EARLY;
        break;
    case TALLY_TRAIT_BASE:
        type->base_ = trait->base;
        break;
    case TALLY_TRAIT_EXECUTOR:
        if (trait->count > TALLY_EXECUTOR_PUMPED)
            s->status = TALLY_INVALID;
        if (!type->executor_)
            type->executor_ = (uint32_t)trait->count + 1;
        break;
    case TALLY_TRAIT_PROTOCOL:
        // The nearest one; what it leaves out, its bases are asked for.
        if (!type->protocol_)
            type->protocol_ = trait->protocol;
        break;
    case TALLY_TRAIT_END:
    default:
        s->status = TALLY_INVALID;
    }
}

static tally_type *survey_base(const tally_type *type) {
    for (const tally_trait *t = type->traits; t->kind != TALLY_TRAIT_END; t++)
        if (t->kind == TALLY_TRAIT_BASE)
            return t->base;
    return NULL;
}

// A derived type's structure begins with its base's: it has the base's
// references, and its hooks unless it has its own.
static tally_status survey_type(struct survey *s, tally_type *type) {
    for (const tally_type *t = type; t; t = survey_base(t)) {
        if (t->size > type->size || t->size < sizeof(tally_object))
            return TALLY_INVALID;
        for (const tally_trait *n = t->traits; n->kind != TALLY_TRAIT_END; n++)
            if (t == type || n->kind != TALLY_TRAIT_BASE)
                survey_trait(s, type, n);
    }
    return s->status;
}

// The header's first word of new objects, and how simple their end is.
// Returns the bin, which publishes the rest.
static unsigned template_make(tally_type *type, const struct survey *s) {
    size_t refs = (s->end - s->first) / sizeof(tally_ref);
    type->refs_ = (uint32_t)refs;
    type->refs_at_ = s->first;
    if (refs != s->fixed)
        type->shape_ |= TLY_SHAPE_MORE;
    bool simple = !type->made_ && !type->shape_ && !type->finalize_ &&
                  !type->destroy_ && refs < TLY_TF_ASK &&
                  (refs == 0 || s->first == sizeof(tally_object));
    unsigned bin = 0;
    size_t bytes = tly_type_bytes(type, 0);
    if (!type->made_ && !type->item_size_ && bytes <= TLY_CLASS_MAX)
        bin = tly_class_of(bytes) + 1;
    uint64_t tf = simple ? refs : TLY_TF_ASK;
    if (bin <= TLY_TF_BIN_MAX)
        tf |= bin << TLY_TF_BIN_SHIFT;
    type->words_ = (uint32_t)((bytes - sizeof(tally_object) + 15) / 16);
    uint64_t gc = TLY_GC_LIVE;
    if (type->refs_ || type->shape_)
        gc |= TLY_GC_TRACKED;
    type->header_ = 1 | gc << 48 | tf << 56;
    return bin;
}

// The index of a type that is gone, or the next.
static uint32_t index_find(void) {
    for (uint32_t n = gone_first; gone_count && n <= types_count; n++)
        if (tly_types[n] == &gone) {
            gone_count--;
            gone_first = n + 1;
            return n;
        }
    return types_count + 1;
}

static tally_status table_add(tally_type *type, unsigned bin) {
    uint32_t index = index_find();
    if (index >= TLY_TYPES_MAX)
        return TALLY_LIMIT;
    if ((index + 1) * sizeof(tally_type *) > types_committed) {
        tally_status status =
            tly_os_commit((char *)tly_types + types_committed, TABLE_STEP);
        if (status != TALLY_OK)
            return status;
        types_committed += TABLE_STEP;
    }
    tly_types[index] = type;
    type->shared_ = (uint64_t)index << TLY_TYPE_SHIFT;
    // ORDER[types] release: the descriptor is complete before it is found.
    if (index > types_count)
        tly_store_release(&types_count, index);
    tly_store_release(&type->index_, index);
    tly_store_release(&type->bin_, bin);
    return TALLY_OK;
}

// A base is registered before what derives from it; how deep that goes is the
// program's text.
tally_status tly_type_enter_locked(tally_type *type) {
    if (type->index_)
        return TALLY_OK;
    if (!type->name || !type->traits || type->size > SIZE_MAX_FIXED)
        return TALLY_INVALID;
    tally_type *base = survey_base(type);
    tally_status status = base ? tly_type_enter_locked(base) : TALLY_OK;
    if (status != TALLY_OK)
        return status;
    struct survey s = {sizeof(tally_object), sizeof(tally_object), 0, TALLY_OK};
    type->shape_ = 0;
    type->item_size_ = 0;
    type->finalize_ = type->destroy_ = NULL;
    type->visit_ = NULL;
    type->base_ = NULL;
    type->protocol_ = NULL;
    type->executor_ = 0;
    status = survey_type(&s, type);
    if (status != TALLY_OK)
        return status;
    return table_add(type, template_make(type, &s));
}

void tly_type_remove_locked(tally_type *type) {
    tly_types[type->index_] = &gone;
    if (gone_count++ == 0 || type->index_ < gone_first)
        gone_first = type->index_;
}

tally_type *tly_type_at_locked(uint32_t index) {
    return tly_types[index] == &gone ? NULL : tly_types[index];
}

size_t tly_type_bytes(const tally_type *type, size_t items) {
    size_t bytes = type->size;
    if (type->item_size_ && items) {
        size_t end = type->items_at_ + items * type->item_size_;
        bytes = end > bytes ? end : bytes;
    }
    if (type->finalize_)
        bytes = TLY_ROUND_UP(bytes, sizeof(void *)) + sizeof(void *);
    return bytes;
}

size_t tly_items_of(const tally_object *object, const tally_type *type) {
    const char *length = (const char *)object + type->length_at_;
    if (!type->item_size_)
        return 0;
    if (type->length_size_ == 8)
        return *(const uint64_t *)(const void *)length;
    return *(const uint32_t *)(const void *)length;
}

size_t tly_object_size(const tally_object *object, const tally_type *type) {
    return tly_type_bytes(type, tly_items_of(object, type));
}

tally_object **tly_finalize_link(tally_object *object, const tally_type *type) {
    size_t end = tly_object_size(object, type);
    return (tally_object **)(void *)((char *)object + end - sizeof(void *));
}

static tally_ref *field_at(tally_object *object, size_t offset) {
    return (tally_ref *)(void *)((char *)object + offset);
}

struct tally_visitor {
    tly_refs_fn fn;
    void *arg;
};

void tally_visit(struct tally_visitor *visitor, tally_ref *field) {
    visitor->fn(visitor->arg, field, 1);
}

void tally_visit_cells(struct tally_visitor *visitor, tally_cell *first,
                       size_t count) {
    visitor->fn(visitor->arg, &first->ref_, count);
}

void tly_refs_each(tally_object *object, const tally_type *type, tly_refs_fn fn,
                   void *arg) {
    if (!(type->shape_ & TLY_SHAPE_MORE)) {
        if (type->refs_)
            fn(arg, field_at(object, type->refs_at_), type->refs_);
    } else {
        for (const tally_type *t = type; t; t = t->base_)
            for (const tally_trait *n = t->traits; n->kind != TALLY_TRAIT_END;
                 n++)
                if (n->kind == TALLY_TRAIT_REFS || n->kind == TALLY_TRAIT_CELLS)
                    fn(arg, field_at(object, n->offset), n->count);
    }
    if (type->shape_ & TLY_SHAPE_ITEMS) {
        size_t items = tly_items_of(object, type);
        if (items)
            fn(arg, field_at(object, type->items_at_), items);
    }
    if (type->shape_ & TLY_SHAPE_VISIT) {
        struct tally_visitor visitor = {fn, arg};
        tly_locks_none("a visit hook");
        TLY_KEEPS_ERRNO;
        type->visit_(object, &visitor);
    }
}

void tally_type_exported_(const tally_type *type, const tally_trait *traits,
                          size_t size) {
    if (type->traits == traits && type->size == size)
        return;
    tly_misuse("two libraries export a type %s: of %zu bytes by %s, of %zu "
               "bytes by %s; call one otherwise, or define it by TALLY_TYPE",
               type->name, type->size, tly_module_of(type->traits), size,
               tly_module_of(traits));
}

// ---- registering

static void keep(const tally_type *type) {
    if (!tly_module_keep(type))
        tly_report("%s, which defines the type %s, cannot be kept loaded: it "
                   "must not be unloaded",
                   tly_module_of(type), type->name);
}

// The loader's lock may be held by a thread that waits for this one, in a
// constructor: it is waited for as the end of a stop is.
static void wait_end(struct tly_mutator *self) {
    tly_mutator_unpark(self);
    tly_world_pass(self);
    tly_poll(self, false);
}

// The descriptor is looked at for as long as the runtime lives, and so the
// library that it lies in stays loaded. In a section or a world that it has
// stopped the thread does not wait for the loader, whose lock the one may have
// that waits for it. Returns false if a library is still to be kept: no later
// than the thread ends the section or the stop. Until then it runs in that
// library, or for one that does and has to come back: no correct program
// unloads it before.
static bool keep_all(const tally_type *type) {
    struct tly_mutator *self = tly_self();
    bool waits = !tly_rcu_ongoing() && !self->stopped_world, all = true;
    bool parks = waits && tly_is_attached(self);
    if (parks)
        tly_mutator_park(self);
    // ORDER[types] acquire: it has been kept.
    for (; type && !tly_load_acquire(&type->index_); type = survey_base(type)) {
        if (type->made_)
            continue;
        if (waits)
            keep(type);
        else
            all &= tly_module_stays(type);
    }
    if (parks)
        wait_end(self);
    return all;
}

// With the lock: of a type that has been entered, and its bases.
static void unkept_add(const tally_type *type) {
    // Relaxed, all: with the lock.
    uint32_t first = tly_load_relaxed(&unkept);
    for (; type; type = survey_base(type))
        if (!first || type->index_ < first)
            first = type->index_;
    tly_store_relaxed(&unkept, first);
}

// The next whose module is to be kept, perhaps; NULL: there is none.
static const tally_type *unkept_next(void) {
    const tally_type *next = NULL;
    tly_mutex_lock(&types_lock);
    // Relaxed, all: with the lock.
    uint32_t n = tly_load_relaxed(&unkept);
    for (; n && !next; n = n < types_count ? n + 1 : 0)
        if (tly_types[n] != &gone && !tly_types[n]->made_)
            next = tly_types[n];
    tly_store_relaxed(&unkept, n);
    tly_mutex_unlock(&types_lock);
    return next;
}

void tly_types_keep(struct tly_mutator *self) {
    // Relaxed: the thread's own, or another's that keeps it itself.
    if (!tly_load_relaxed(&unkept))
        return;
    tly_mutator_park(self);
    for (const tally_type *type; (type = unkept_next()) != NULL;)
        keep(type);
    wait_end(self);
}

void tly_refs_forget(tally_object *object, const tally_type *type) {
    for (const tally_trait *n = type->traits; n->kind != TALLY_TRAIT_END; n++)
        if (n->kind == TALLY_TRAIT_VISIT)
            n->hook(object);
}

tally_status tally_type_register(tally_type *type) {
    if (!type || !type->name || !type->traits)
        return TALLY_INVALID;
    bool kept = keep_all(type);
    tally_status status = tly_gate_pass();
    if (status != TALLY_OK)
        return status;
    tly_mutex_lock(&types_lock);
    status = tly_type_enter_locked(type);
    if (!kept && status == TALLY_OK)
        unkept_add(type);
    tly_mutex_unlock(&types_lock);
    tly_gate_leave();
    if (!kept && tly_is_attached(tly_self()))
        tly_break_self(tly_self(), TLY_BREAK_KEEP);
    return status;
}
