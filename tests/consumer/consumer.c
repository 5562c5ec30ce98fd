// The program that the README shows: two nodes refer to each other, nobody
// else refers to them, and a collection gets them back.

#include <stddef.h>
#include <stdio.h>

#include <tally/tally.h>

struct node {
    tally_object head;
    tally_ref left, right;
    long key;
};
TALLY_TYPE(node, TALLY_REF(left), TALLY_REF(right));

int main(void) {
    struct node *a = tally_new(node);
    struct node *b = tally_new(node);
    if (!a || !b)
        return 1;
    tally_set(a, left, b);
    tally_set(b, left, a);
    tally_decref(a);
    tally_decref(b);

    size_t freed = tally_collect();
    printf("%zu freed\n", freed);
    return freed == 2 ? 0 : 1;
}
