// Each thread looks at all that is declared, and keeps what points into its
// own share of the names. To read everything a few times is cheaper than to
// take a lock for each edge, and the lists come out sorted.

#include "users.h"

#define SHARES_MAX 8u // threads beyond have nothing to do here

// The share of one thread.
struct share {
    struct worker *worker;
    const struct links *catalogue;
    uint32_t first;
    uint32_t end;
    uint32_t (*at)[KINDS]; // by name: how many, then where the next one goes
};

typedef void (*edge_fn)(struct share *share, struct name *from, struct name *to,
                        int kind);

// Calls fn for each edge into the share: by kind, then by who declares it.
static void each_edge(struct share *share, edge_fn fn) {
    const struct links *all = share->catalogue;
    for (int kind = 0; kind < KINDS; kind++)
        for (uint32_t i = 0; i < all->n; i++) {
            struct name *from = tally_ref_get(&all->to[i]);
            const struct links *declared = tally_get(from, declared);
            for (uint32_t j = declared ? list_begin(declared, (enum kind)kind)
                                       : 0;
                 declared && j < declared->end[kind]; j++) {
                struct name *to = tally_ref_get(&declared->to[j]);
                if (to->id >= share->first && to->id < share->end)
                    fn(share, from, to, kind);
            }
            if (i % 256 == 0)
                tally_safepoint();
        }
}

static void count_edge(struct share *share, struct name *from, struct name *to,
                       int kind) {
    (void)from;
    share->at[to->id - share->first][kind]++;
}

static void add_edge(struct share *share, struct name *from, struct name *to,
                     int kind) {
    struct links *users = tally_get(to, users);
    tally_set(users, to[share->at[to->id - share->first][kind]++], from);
}

// Makes the empty lists, of the right lengths.
static bool make_lists(struct share *share) {
    for (uint32_t id = share->first; id < share->end; id++) {
        uint32_t *at = share->at[id - share->first];
        uint32_t n = 0;
        uint32_t end[KINDS];
        for (int kind = 0; kind < KINDS; kind++) {
            uint32_t more = at[kind];
            at[kind] = n;
            end[kind] = n += more;
        }
        if (!n)
            continue;
        struct links *users = list_new(n);
        if (!users)
            return false;
        memcpy(users->end, end, sizeof end);
        struct name *name = tally_ref_get(&share->catalogue->to[id]);
        // No other thread touches this name's [users] in this phase.
        tally_set_steal(name, users, users);
    }
    return true;
}

void find_users(struct worker *worker) {
    const struct run *run = worker->run;
    uint64_t n = run->catalogue->n;
    unsigned shares = run->options.threads;
    if (shares > SHARES_MAX)
        shares = SHARES_MAX;
    if (worker->index >= shares)
        return;
    struct share share = {worker, run->catalogue, 0, 0, NULL};
    share.first = (uint32_t)(n * worker->index / shares);
    share.end = (uint32_t)(n * (worker->index + 1) / shares);
    share.at = tally_calloc(share.end - share.first, sizeof *share.at);
    if (share.at) {
        each_edge(&share, count_edge);
        if (make_lists(&share)) {
            each_edge(&share, add_edge);
            tally_free(share.at);
            return;
        }
    }
    tally_free(share.at);
    failure_no_memory(&worker->run->failure);
}
