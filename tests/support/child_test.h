// Tests of the public interface that are a process of their own each.

#ifndef SUPPORT_CHILD_TEST_H
#define SUPPORT_CHILD_TEST_H

#include "api.h"
#include "child.h"

// A test that is a function in a child; it passes if the child does.
#define CHILD_TEST(name)                                                       \
    static void name##_in_child(void *arg);                                    \
    static void name(void **state) {                                           \
        (void)state;                                                           \
        struct child child = child_run(name##_in_child, NULL);                 \
        assert_true(child_passed(&child));                                     \
    }                                                                          \
    static void name##_in_child(void *arg __attribute__((unused)))

#endif
