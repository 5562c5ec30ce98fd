// Make and drop a small object in a window. See work/churn.h.

#include "rival_tally.h"
#include "work/churn.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    work_churn();
    return 0;
}
