// Make in one thread, drop in another. See work/pass.h.

#include "rival_tally.h"
#include "work/pass.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_pass();
    return 0;
}
