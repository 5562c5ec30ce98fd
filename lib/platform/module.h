// What the process is made of: the program and the shared libraries that it has
// loaded, here called modules; one .c for each system.
//
// The loader has a lock of its own, which a thread holds while constructors of
// a library that it loads run. So what says "waits" is called by no attached
// thread that others wait for, and with no lock held.

#ifndef TLY_PLATFORM_MODULE_H
#define TLY_PLATFORM_MODULE_H

#include "base/compiler.h"

// The file that the code or data at an address was loaded from, as long as it
// is loaded. Looks. Never NULL: "the program", or "memory" of no file.
const char *tly_module_of(const void *address);

// Whether an address is in a module at all: in its code or its data, not in
// threads' storage. Looks.
bool tly_module_has(const void *address);

// Whether the module of an address stays loaded for good as it is: the program
// itself, one that is linked so, memory of no file. Never waits; false where
// that is not to be told.
bool tly_module_stays(const void *address);

// Has the module of an address stay loaded for good. Waits. Does nothing for
// the program itself and for memory of no file. False: it cannot be kept.
bool tly_module_keep(const void *address);

// Copies of this library may be in several modules, whose runtimes know
// nothing of each other. Each has a word that says whether its runtime runs,
// which all copies find.

// From now on this copy's runtime runs. False, and it does not: that of another
// copy runs; *ret_other is its module's file.
bool tly_module_claim(const char **ret_other);
// The same, whatever other copies do.
void tly_module_claim_beside(void);
// It runs no more.
void tly_module_unclaim(void);

#endif
