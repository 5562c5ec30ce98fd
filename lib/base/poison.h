// Freed memory, made poisonous: the bait that turns a late reader into a
// report. Test builds fill it; AddressSanitizer builds forbid it.

#ifndef TLY_BASE_POISON_H
#define TLY_BASE_POISON_H

#include <string.h>

#include "base/compiler.h"

#define TLY_POISON_BYTE 0xDD

#if defined(__SANITIZE_ADDRESS__)
#define TLY_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TLY_ASAN 1
#endif
#endif
#ifndef TLY_ASAN
#define TLY_ASAN 0
#endif

#if TLY_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define __asan_address_is_poisoned(p) ((void)(p), 0)
#define __lsan_register_root_region(p, n) ((void)(p), (void)(n))
#define __lsan_unregister_root_region(p, n) ((void)(p), (void)(n))
#endif

// Forbids [size] bytes.
TLY_INLINE void tly_poison(void *p, size_t size) {
    ASAN_UNPOISON_MEMORY_REGION(p, size);
    if (TLY_POISON && size)
        memset(p, TLY_POISON_BYTE, size);
    ASAN_POISON_MEMORY_REGION(p, size);
}

// Allows them again; their content is indeterminate.
TLY_INLINE void tly_unpoison(void *p, size_t size) {
    ASAN_UNPOISON_MEMORY_REGION(p, size);
}

// Whether AddressSanitizer forbids the byte.
TLY_INLINE bool tly_is_poisoned(const void *p) {
    return __asan_address_is_poisoned(p);
}

// Lets leak checkers look for pointers in memory that malloc did not give.
TLY_INLINE void tly_scan_begin(void *p, size_t size) {
    __lsan_register_root_region(p, size);
}
TLY_INLINE void tly_scan_end(void *p, size_t size) {
    __lsan_unregister_root_region(p, size);
}

#endif
