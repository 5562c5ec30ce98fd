// UTF-8 as Unicode has it (The Unicode Standard 15, table 3-7): the shortest
// form only, no surrogates, nothing above U+10FFFF.

#ifndef TLY_CONTAINER_UTF8_H
#define TLY_CONTAINER_UTF8_H

#include "base/compiler.h"

bool tly_utf8_valid(const char *text, size_t length);

// Code points of valid text.
size_t tly_utf8_points(const char *text, size_t length);

#endif
