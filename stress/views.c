// Stress: threads cut, read, release and drop views of growable bytes that are
// written anew whenever nobody has a view of them.
//
// ORACLE  an item of a view is what its place in the bytes says, as long as
//         reading succeeds: bytes change only when they could be emptied, and
//         that is refused while there is a view. After a release nothing is
//         read. In the end all bytes can be emptied.
// USE     views [--threads N] [--seconds N] [--seed N]
// FAILS   when a slice does not count in the view that it is made of, when who
//         reads does not, when a view that is dropped keeps the bytes lent, or
//         bytes that are lent change their size.

#include "stress.h"

#define ARRAYS 32u
#define SLOTS 24u
#define LONGEST 300u

static struct {
    tally_bytearray *array;
    atomic_flag written; // one thread at a time
} desks[ARRAYS];

// A view, and what it has: [count] bytes, each [step] more than the last.
struct sight {
    tally_object head;
    tally_ref view;
    uint32_t count;
    uint8_t first, step;
};
TALLY_TYPE(sight, TALLY_REF(view));

static tally_aref slots[SLOTS];
static atomic_ulong reads, cuts, releases, writes, refusals;

static void count(atomic_ulong *counter) {
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

// ---- bytes

// Bytes from a number on, each one more, if nobody looks at the old ones.
static void desk_write(uint64_t *random) {
    uint32_t n = stress_below(random, ARRAYS);
    uint8_t bytes[LONGEST], first = (uint8_t)stress_random(random);
    uint32_t length = 1 + stress_below(random, LONGEST);
    if (atomic_flag_test_and_set(&desks[n].written))
        return;
    tally_status status = tally_bytearray_resize(desks[n].array, 0);
    expect(status == TALLY_OK || status == TALLY_EXPORTED, "emptying: %s",
           tally_strerror(status));
    if (status == TALLY_OK) {
        for (uint32_t k = 0; k < length; k++)
            bytes[k] = (uint8_t)(first + k);
        // Somebody may look at no bytes by now.
        status = tally_bytearray_append(desks[n].array, bytes, length);
        expect(status == TALLY_OK || status == TALLY_EXPORTED, "filling: %s",
               tally_strerror(status));
    }
    count(status == TALLY_OK ? &writes : &refusals);
    atomic_flag_clear(&desks[n].written);
}

// ---- views

static void sight_put(uint64_t *random, tally_view *view, uint8_t first,
                      uint8_t step, size_t length) {
    struct sight *sight = tally_new(sight);
    must(sight);
    sight->count = (uint32_t)length;
    sight->first = first;
    sight->step = step;
    tally_set_steal(sight, view, view);
    tally_aref_set(NULL, &slots[stress_below(random, SLOTS)], sight);
    tally_decref(sight);
}

static void desk_look(uint64_t *random) {
    uint32_t n = stress_below(random, ARRAYS);
    tally_view *view = tally_view_new(desks[n].array, 0);
    tally_value value = tally_small(0);
    size_t length = 0;
    must(view && tally_view_length(view, &length) == TALLY_OK);
    if (length)
        must(tally_view_get(view, (int64_t[]){0}, 1, &value) == TALLY_OK);
    sight_put(random, view, (uint8_t)tally_small_of(value), 1, length);
}

static void sight_read(const struct sight *sight, uint64_t *random) {
    tally_view *view = tally_get(sight, view);
    int64_t at = stress_below(random, sight->count + 1);
    uint8_t expected = (uint8_t)(sight->first + sight->step * at);
    tally_value value;
    tally_status status = tally_view_get(view, &at, 1, &value);
    count(&reads);
    if (status == TALLY_RELEASED)
        return;
    if (at == sight->count) {
        expect(status == TALLY_RANGE, "beyond the end: %s",
               tally_strerror(status));
        return;
    }
    expect(status == TALLY_OK, "reading: %s", tally_strerror(status));
    expect(tally_small_of(value) == expected, "item %d of %u is %d, not %u",
           (int)at, sight->count, (int)tally_small_of(value), expected);
}

static void sight_copy(const struct sight *sight) {
    uint8_t bytes[LONGEST];
    tally_status status =
        tally_view_copy(tally_get(sight, view), 'C', bytes, sizeof(bytes));
    expect(status == TALLY_OK || status == TALLY_RELEASED, "copying: %s",
           tally_strerror(status));
    for (uint32_t n = 0; n < sight->count && status == TALLY_OK; n++)
        expect(bytes[n] == (uint8_t)(sight->first + sight->step * n),
               "byte %u of %u is %u", n, sight->count, bytes[n]);
}

static void sight_cut(const struct sight *sight, uint64_t *random) {
    static const int64_t steps[] = {1, 2, 7, -1, -3};
    int64_t step = steps[stress_below(random, 5)];
    int64_t start = stress_below(random, LONGEST), length = sight->count;
    tally_view *part = tally_view_slice(tally_get(sight, view), start,
                                        step > 0 ? INT64_MAX : INT64_MIN, step);
    expect(part || errno == ESTALE, "cutting: %s", strerror(errno));
    if (!part)
        return;
    if (step < 0 && start >= length)
        start = length - 1;
    int64_t rest = step > 0 ? length - start : start + 1;
    int64_t by = step > 0 ? step : -step;
    rest = rest > 0 ? (rest + by - 1) / by : 0;
    count(&cuts);
    sight_put(random, part, (uint8_t)(sight->first + sight->step * start),
              (uint8_t)(sight->step * step), (size_t)rest);
}

static void sight_release(const struct sight *sight) {
    tally_view *view = tally_get(sight, view);
    tally_status status = tally_view_release(view);
    expect(status == TALLY_OK || status == TALLY_EXPORTED ||
               status == TALLY_BUSY,
           "releasing: %s", tally_strerror(status));
    if (status != TALLY_OK)
        return;
    tally_value value;
    count(&releases);
    status = tally_view_get(view, (int64_t[]){0}, 1, &value);
    expect(status == TALLY_RELEASED, "reading what is released: %s",
           tally_strerror(status));
    must(!tally_view_slice(view, 0, 1, 1) && errno == ESTALE);
}

// ---- threads

static void turn(uint64_t *random) {
    uint32_t what = stress_below(random, 32);
    tally_aref *slot = &slots[stress_below(random, SLOTS)];
    if (what < 2) {
        desk_write(random);
        return;
    }
    if (what < 4) {
        desk_look(random);
        return;
    }
    if (what < 7) {
        tally_aref_set(NULL, slot, NULL);
        return;
    }
    struct sight *sight = tally_aref_dup(slot);
    if (!sight)
        return;
    if (what < 10)
        sight_release(sight);
    else if (what < 16)
        sight_cut(sight, random);
    else if (what < 20)
        sight_copy(sight);
    else
        sight_read(sight, random);
    tally_decref(sight);
}

static void *run(void *arg) {
    uint64_t random = stress_stream((uintptr_t)arg, 0);
    must(tally_attach("views") == TALLY_OK);
    for (unsigned n = 0; !stress_over(); n++) {
        turn(&random);
        // Else nobody would ever be without a view.
        if ((uintptr_t)arg == 0 && n % 4096 == 0)
            for (uint32_t k = 0; k < SLOTS; k++)
                tally_aref_set(NULL, &slots[k], NULL);
        if ((uintptr_t)arg == 1 && n % 2048 == 0)
            tally_collect();
        tally_safepoint();
        stress_tick();
    }
    tally_detach();
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "views", 6);
    for (uint32_t n = 0; n < ARRAYS; n++) {
        desks[n].array = tally_bytearray_new(NULL, 0);
        must(desks[n].array);
        atomic_flag_clear(&desks[n].written);
    }
    team_run(run);
    for (uint32_t n = 0; n < SLOTS; n++)
        tally_aref_set(NULL, &slots[n], NULL);
    stress_settle();
    for (uint32_t n = 0; n < ARRAYS; n++) {
        tally_status status = tally_bytearray_resize(desks[n].array, 0);
        expect(status == TALLY_OK, "bytes %u in the end: %s", n,
               tally_strerror(status));
        tally_decref(desks[n].array);
    }
    printf("views: %lu items read, %lu slices, %lu released; bytes written %lu "
           "times, kept %lu times\n",
           atomic_load(&reads), atomic_load(&cuts), atomic_load(&releases),
           atomic_load(&writes), atomic_load(&refusals));
    stress_settle();
    return stress_end();
}
