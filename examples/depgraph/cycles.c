// Without recursion: a chain of dependencies may be longer than a stack.
// Names are numbers here.

#include "cycles.h"

#define NONE UINT32_MAX

struct search {
    const struct links *catalogue;
    struct cycles *found;
    uint32_t *memory; // all the arrays below
    uint32_t *order;  // when a name was reached; NONE: not yet
    uint32_t *low;    // the earliest reached that it leads back to
    uint32_t *next;   // which of its edges to follow next
    uint32_t *path;   // the names from the root to here
    uint32_t *open;   // the names whose component is not known yet
    uint32_t n_path;
    uint32_t n_open;
    uint32_t reached;
};

static struct name *name_at(const struct links *catalogue, uint32_t id) {
    return tally_ref_get(&catalogue->to[id]);
}

// Returns the target of an edge, NONE beyond the last.
static uint32_t target(const struct search *search, uint32_t id,
                       uint32_t edge) {
    const struct links *list =
        tally_get(name_at(search->catalogue, id), declared);
    if (!list || edge >= list->n)
        return NONE;
    const struct name *name = tally_ref_get(&list->to[edge]);
    return name->id;
}

static void enter(struct search *search, uint32_t id) {
    search->order[id] = search->low[id] = search->reached++;
    search->next[id] = 0;
    search->path[search->n_path++] = id;
    search->open[search->n_open++] = id;
}

// Takes the component of [id], which lies on top of the open names.
static void close_component(struct search *search, uint32_t id) {
    struct cycles *found = search->found;
    uint32_t first = search->n_open;
    while (search->open[--first] != id)
        ;
    uint32_t size = search->n_open - first;
    if (size > 1) {
        found->count++;
        found->members += size;
        if (size > found->largest)
            found->largest = size;
    }
    for (uint32_t i = first; i < search->n_open; i++) {
        // A closed name looks as if reached last: it is never led back to.
        search->order[search->open[i]] = NONE - 1;
        name_at(search->catalogue, search->open[i])->cycle =
            size > 1 ? found->count : 0;
    }
    search->n_open = first;
}

// Follows one edge of the last name on the path, or leaves that name.
static void step(struct search *search) {
    uint32_t id = search->path[search->n_path - 1];
    uint32_t to = target(search, id, search->next[id]++);
    uint32_t *low = search->low;
    if (to != NONE) {
        if (search->order[to] == NONE)
            enter(search, to);
        else if (search->order[to] < low[id])
            low[id] = search->order[to];
        return;
    }
    search->n_path--;
    if (search->n_path) {
        uint32_t above = search->path[search->n_path - 1];
        if (low[id] < low[above])
            low[above] = low[id];
    }
    if (low[id] == search->order[id])
        close_component(search, id);
}

static bool search_init(struct search *search, struct cycles *found,
                        const struct links *catalogue) {
    size_t n = catalogue->n;
    uint32_t *memory = tally_calloc(n * 5, sizeof *memory);
    if (!memory)
        return false;
    *search = (struct search){.catalogue = catalogue,
                              .found = found,
                              .memory = memory,
                              .order = memory,
                              .low = memory + n,
                              .next = memory + n * 2,
                              .path = memory + n * 3,
                              .open = memory + n * 4};
    memset(search->order, 0xff, n * sizeof *search->order);
    return true;
}

// Lists the members of all cycles.
static bool list_members(struct cycles *found, const struct links *catalogue) {
    found->ids = tally_calloc(found->members + 1, sizeof *found->ids);
    if (!found->ids)
        return false;
    uint32_t n = 0;
    for (uint32_t id = 0; id < catalogue->n; id++)
        if (name_at(catalogue, id)->cycle)
            found->ids[n++] = id;
    return true;
}

// Finds the shortest way from a name back to itself, breadth first, and
// writes it down.
static void describe(struct search *search, uint32_t start) {
    uint32_t *from = search->order;
    uint32_t *queue = search->open;
    uint32_t n = 0;
    uint32_t cycle = name_at(search->catalogue, start)->cycle;
    memset(from, 0xff, search->catalogue->n * sizeof *from);
    queue[n++] = start;
    for (uint32_t i = 0; from[start] == NONE && i < n; i++)
        for (uint32_t to, edge = 0;
             (to = target(search, queue[i], edge)) != NONE; edge++)
            if (from[to] == NONE &&
                name_at(search->catalogue, to)->cycle == cycle) {
                from[to] = queue[i];
                queue[n++] = to;
            }

    // Backwards from the start to the start, then read the other way.
    uint32_t length = 0;
    uint32_t *way = search->path;
    uint32_t id = start;
    do
        way[length++] = id = from[id];
    while (id != start);
    char *text = search->found->example;
    size_t size = sizeof search->found->example;
    size_t used = 0;
    while (length-- && used < size)
        used +=
            (size_t)snprintf(text + used, size - used, "%s -> ",
                             name_at(search->catalogue, way[length])->bytes);
    if (used < size)
        snprintf(text + used, size - used, "%s",
                 name_at(search->catalogue, start)->bytes);
}

// The best known example: the cycle through the name that most others use.
static void find_example(struct search *search) {
    const struct cycles *found = search->found;
    uint32_t best = NONE;
    uint32_t most = 0;
    for (uint32_t i = 0; i < found->members; i++) {
        const struct links *users =
            tally_get(name_at(search->catalogue, found->ids[i]), users);
        if (users && users->n > most) {
            most = users->n;
            best = found->ids[i];
        }
    }
    if (best != NONE)
        describe(search, best);
}

bool cycles_find(struct cycles *ret_cycles, const struct links *catalogue) {
    struct search search;
    memset(ret_cycles, 0, sizeof *ret_cycles);
    if (!search_init(&search, ret_cycles, catalogue))
        return false;
    for (uint32_t id = 0; id < catalogue->n; id++) {
        if (search.order[id] == NONE)
            enter(&search, id);
        while (search.n_path) {
            step(&search);
            tally_safepoint();
        }
    }
    bool listed = list_members(ret_cycles, catalogue);
    if (listed)
        find_example(&search);
    tally_free(search.memory);
    return listed;
}

void cycles_fini(struct cycles *cycles) {
    tally_free(cycles->ids);
    cycles->ids = NULL;
}
