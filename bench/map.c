// Maps: looking up, beside a writer, and bytes an entry. See work/map.h.
//
// of=rss: growth of the process's resident memory by maps of word keys and
// values that have grown to so many entries, for each of them.

#include "rival_tally.h"
#include "rss.h"

#define MAP_RIVAL "../rival_map.h"
#include "work/map.h"

// What maps of so many entries of words take, of the OS.
static void *bytes_thread(void *unused) {
    (void)unused;
    rival_begin();
    static const unsigned sizes[] = {1000, 10000, 100000, 1000000};
    for (unsigned s = 0; s < 4; s++) {
        char label[64];
        double most = 0;
        snprintf(label, sizeof label, "of=rss entries=%u", sizes[s]);
        unsigned maps = 2000000 / sizes[s];
        tally_map **all = (tally_map **)calloc(maps, sizeof *all);
        bench_require(all, "no memory");
        tally_trim();
        double before = bench_rss();
        for (unsigned m = 0; m < maps; m++) {
            all[m] = tally_map_new(0);
            for (int64_t n = 0; n < (int64_t)sizes[s]; n++)
                bench_require(
                    tally_map_set(all[m], tally_small(n), tally_small(n)) == 0,
                    "no memory");
            tally_safepoint();
        }
        tally_collect();
        tally_trim();
        most = (bench_rss() - before) / maps / sizes[s];
        bench_print_bytes("map", label, most);
        for (unsigned m = 0; m < maps; m++)
            tally_decref(all[m]);
        free(all);
        tally_collect();
    }
    rival_end();
    return NULL;
}

int main(int argc, char **argv) {
    bench_parse(argc, argv, 1);
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, bytes_thread, NULL);
    bench_require(!failed, "cannot make a thread");
    pthread_join(thread, NULL);
    work_map();
    return 0;
}
