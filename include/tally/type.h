// Run-time types: what an object is, where its references lie, and what to do
// at its end.
//
//     struct session {
//         tally_object head;
//         tally_ref table;
//         uint32_t n;
//         tally_ref items[];
//     };
//     TALLY_TYPE(session, TALLY_REF(table), TALLY_REF_ITEMS(items, n),
//                TALLY_FINALIZE(session_close));
//
// A type registers itself when its first object is made, and lives as long as
// the process.

#ifndef TALLY_TYPE_H
#define TALLY_TYPE_H

#include <tally/inline/layout.h>
#include <tally/status.h>

TALLY_BEGIN

struct tally_visitor;
struct tally_protocol;
struct tly_made;
typedef struct tally_type tally_type;

// Called at most once for each object, when nothing refers to it any more or
// only a garbage cycle does. The object is whole; a finalizer may use all that
// it refers to, and may bring it back by storing a reference to it.
// A destroy hook is called when the object is really gone: its references
// are dropped already; it frees what the runtime does not know of (files,
// tally_alloc'ed memory) and uses no other object.
typedef void (*tally_hook)(void *object);

// Who calls the finalizers of a type (finalize.h).
typedef enum tally_executor {
    TALLY_EXECUTOR_INLINE, // the thread that finds that it is time
    TALLY_EXECUTOR_THREAD, // a thread of the runtime's
    TALLY_EXECUTOR_PUMPED  // whoever calls tally_finalize_pending
} tally_executor;

// Calls tally_visit for each counted field that the declared traits of the
// type do not name. Of a type with TALLY_VISIT it is called while the world
// stands still, by several threads at once for different objects (option
// workers), and concurrent collections leave its objects alone: cycles
// through them end by tally_collect, or when what collections leave has
// doubled, at the cost of a pause (docs/pacing.md). One that may be called on
// any thread while others change the object is declared with TALLY_VISIT_LIVE:
// what it reads on the way to the fields (lengths, pointers to arrays) must be
// atomic or constant, and outlive the object.
typedef void (*tally_visit_hook)(void *object, struct tally_visitor *visitor);

// What a trait says.
enum tally_trait_kind {
    TALLY_TRAIT_END,
    TALLY_TRAIT_REFS,      // count tally_ref at offset, one or a fixed array
    TALLY_TRAIT_CELLS,     // the same of tally_cell
    TALLY_TRAIT_REF_ITEMS, // as many as the object was made with
    TALLY_TRAIT_ITEMS,     // items of count bytes each that hold no references
    TALLY_TRAIT_FINALIZE,
    TALLY_TRAIT_DESTROY,
    TALLY_TRAIT_VISIT,
    TALLY_TRAIT_BASE,
    TALLY_TRAIT_EXECUTOR, // count: enum tally_executor
    TALLY_TRAIT_PROTOCOL  // what values of the type can do (protocol.h)
};

// One line of a type's declaration. Programs write the macros below.
typedef struct tally_trait {
    enum tally_trait_kind kind;
    const char *name;     // of the field, for reports
    size_t offset;        // of the field, in bytes
    size_t count;         // of references, or the size of an item in bytes
    size_t length_offset; // of the field that holds the number of items
    size_t length_size;   // of that field: 4 or 8 bytes
    tally_hook hook;
    tally_visit_hook visit;
    tally_type *base;
    const struct tally_protocol *protocol;
} tally_trait;

// A type. The first three members are the program's, the rest the runtime's.
struct tally_type {
    const char *name;
    size_t size; // of the fixed part, head included, in bytes
    const tally_trait *traits;
    uint64_t header_;  // template of a new object's first word ...
    uint64_t shared_;  // ... and of its second
    uint32_t index_;   // 0 until registered
    uint32_t bin_;     // size class of a fixed-size object
    uint32_t words_;   // payload words to clear in a fixed-size object
    uint32_t refs_;    // references that lie in one run ...
    size_t refs_at_;   // ... from this offset
    size_t item_size_; // bytes; 0 when the type has no items
    size_t items_at_;  // offset of the items
    size_t length_at_; // offset of their number
    uint32_t length_size_;
    uint32_t shape_; // how the rest of the references are found
    tally_hook finalize_;
    tally_hook destroy_;
    tally_visit_hook visit_;
    tally_type *base_;
    const struct tally_protocol *protocol_; // its own, or the nearest base's
    struct tly_made *made_;                 // NULL: it is of the program's text
    uint32_t executor_; // 1 + that of its finalizer; 0: the option's
};

// The type of struct [T], declared by TALLY_TYPE(T, ...).
#define TALLY_TYPE_OF(T) (&tally_type_##T)

// Declares one of the library's own; a program that defines a type of the name
// is told so by the compiler.
#define TALLY_TYPE_OWN_(T)                                                     \
    extern TALLY_API tally_type tally_type_##T;                                \
    enum { tally_type_##T##_is_of_the_library_ }

// Defines the type of struct T in one source file, from up to 16 traits. Like a
// structure it belongs to the program or shared library that it is compiled
// into: another may have a struct T of its own. The names of the library's own
// types (text, list, map ...) are taken.
#define TALLY_TYPE(...)                                                        \
    TALLY_DEFINE_(TALLY_HIDDEN_, TALLY_CHECK_NOT_, TALLY_FIRST_(__VA_ARGS__),  \
                  TALLY_TRAITS_OF_(__VA_ARGS__))

// Declares it in a header, for the other source files.
#define TALLY_TYPE_DECLARE(T) extern TALLY_HIDDEN_ tally_type tally_type_##T

// The same for a type that a shared library has for others too. Its name is one
// of the whole process: a second library that exports a type of this name ends
// the process as it is loaded, with a line that says so.
#define TALLY_TYPE_EXPORTED(...)                                               \
    TALLY_DEFINE_(TALLY_API, TALLY_CHECK_EXPORT_, TALLY_FIRST_(__VA_ARGS__),   \
                  TALLY_TRAITS_OF_(__VA_ARGS__))
#define TALLY_TYPE_DECLARE_EXPORTED(T)                                         \
    extern TALLY_API tally_type tally_type_##T

// The traits. A named field is checked to be a tally_ref (array), a tally_aref
// (array), or a tally_cell (array).
#define TALLY_REF(field) (REF, field, 0)
#define TALLY_REF_ARRAY(field) (REF_ARRAY, field, 0)
#define TALLY_REF_ITEMS(field, length) (REF_ITEMS, field, length)
#define TALLY_AREF(field) (AREF, field, 0)
#define TALLY_AREF_ARRAY(field) (AREF_ARRAY, field, 0)
#define TALLY_AREF_ITEMS(field, length) (AREF_ITEMS, field, length)
#define TALLY_CELL(field) (CELL, field, 0)
#define TALLY_CELL_ARRAY(field) (CELL_ARRAY, field, 0)
#define TALLY_CELL_ITEMS(field, length) (CELL_ITEMS, field, length)
#define TALLY_ITEMS(field, length) (ITEMS, field, length)
#define TALLY_FINALIZE(function) (FINALIZE, function, 0)
#define TALLY_FINALIZE_BY(executor) (EXECUTOR, executor, 0)
#define TALLY_DESTROY(function) (DESTROY, function, 0)
#define TALLY_VISIT(function) (VISIT, function, 0)
#define TALLY_VISIT_LIVE(function) (VISIT_LIVE, function, 0)
#define TALLY_PROTOCOL(hooks) (PROTOCOL, hooks, 0)
#define TALLY_BASE(T) (BASE, T, 0)

// Registers a type, which its first object would do otherwise.
//
// type:     name, size and traits filled in, the rest zero; it must live as
//           long as the process.
// Returns:  0 or a status; registering twice is 0.
// Errors:   TALLY_INVALID (size under 16 bytes or over 2^31, a reference
//           outside the object, items of references that are not 8 bytes, two
//           item fields, a base that is larger, a visit trait without a hook,
//           a trait or an executor that there is not),
//           TALLY_LIMIT (2^22 types), TALLY_NO_MEMORY.
// Threads:  any.
// Blocks:   for other registrations.
// Cost:     a lock; some microseconds.
TALLY_API tally_status tally_type_register(tally_type *type);

// Whether the type that a library has defined is the one that its code finds
// under the name, for TALLY_TYPE_EXPORTED: ends the process if it is not.
//
// Returns:  nothing.
// Threads:  the one that loads the library.
// Blocks:   no.
// Cost:     two compares.
TALLY_API void tally_type_exported_(const tally_type *type,
                                    const tally_trait *traits, size_t size);

// Tells the visitor about one counted field, inside a visit hook.
//
// field:    a counted field of the object that is visited; may be empty.
// Returns:  nothing.
// Threads:  the one that the visit hook was called on.
// Blocks:   no; a visit hook may run while the world is stopped and must not
//           take locks, allocate or count.
// Cost:     an indirect call.
TALLY_API void tally_visit(struct tally_visitor *visitor, tally_ref *field);

// Tells the visitor about an array of cells, inside a visit hook.
//
// first:    the first of [count] cells of the object that is visited.
// count:    at least 1.
// Returns:  nothing.
// Threads:  as tally_visit.
// Blocks:   as tally_visit.
// Cost:     an indirect call.
TALLY_API void tally_visit_cells(struct tally_visitor *visitor,
                                 tally_cell *first, size_t count);

TALLY_END

#include <tally/inline/traits.h>

#endif
