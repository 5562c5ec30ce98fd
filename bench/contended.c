// What do the slow paths of counting cost, where nothing becomes HOT? See
// work/contended.h.

#include "rival_tally.h"
#include "work/contended.h"

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    struct tally_config config = TALLY_CONFIG_INIT;
    config.hot = 0;
    bench_require(tally_init(&config) == 0, "cannot begin");
    work_contended();
    return 0;
}
