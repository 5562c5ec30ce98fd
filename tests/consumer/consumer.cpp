// The C program is a C++17 program too.

#include "consumer.c"
