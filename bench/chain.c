// Destroy a list of 10 million nodes on a small stack. See work/chain.h.

#include "rival_tally.h"
#include "work/chain.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    chain_case("owner=own", false);
    chain_case("owner=none", true);
    return 0;
}
