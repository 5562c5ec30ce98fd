// Free raw memory in another thread. See work/remote_free.h.

#include "rival_tally.h"
#include "work/remote_free.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_remote_free();
    return 0;
}
