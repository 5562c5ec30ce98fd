// Tally: memory for threaded C programs, managed as CPython manages it, with
// no global lock and no interpreter.
//
//     struct node { tally_object head; tally_ref next; long key; };
//     TALLY_TYPE(node, TALLY_REF(next));
//
//     struct node *n = tally_new(node);      // owned; NULL and errno
//     tally_set(n, next, n);                 // a cycle
//     tally_decref(n);
//     printf("%zu freed\n", tally_collect());     // 1
//
// Ownership is in the name: _new gives an owned reference, _get a borrowed
// one, _dup counts what it reads, _steal consumes, _set counts.

#ifndef TALLY_H
#define TALLY_H

#include <tally/alloc.h>
#include <tally/api.h>
#include <tally/aref.h>
#include <tally/borrow.h>
#include <tally/buffer.h>
#include <tally/bytearray.h>
#include <tally/bytes.h>
#include <tally/cell.h>
#include <tally/collect.h>
#include <tally/control.h>
#include <tally/debug.h>
#include <tally/defer.h>
#include <tally/dynamic.h>
#include <tally/finalize.h>
#include <tally/hot.h>
#include <tally/inspect.h>
#include <tally/list.h>
#include <tally/list_whole.h>
#include <tally/map.h>
#include <tally/mutator.h>
#include <tally/number.h>
#include <tally/object.h>
#include <tally/protocol.h>
#include <tally/ref.h>
#include <tally/runtime.h>
#include <tally/set.h>
#include <tally/set_whole.h>
#include <tally/stats.h>
#include <tally/status.h>
#include <tally/text.h>
#include <tally/track.h>
#include <tally/type.h>
#include <tally/types.h>
#include <tally/value.h>
#include <tally/view.h>
#include <tally/view_items.h>
#include <tally/watch.h>
#include <tally/weak.h>
#include <tally/weakmap.h>

#endif
