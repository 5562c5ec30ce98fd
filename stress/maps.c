// Stress: threads read, change and go over one map at once.
//
// ORACLE  what each operation on a few keys answered fits one order of all
//         (tests/support/linear.h), with what the map has at the end. Who goes
//         over a map that grows sees each writer's entries at most once, in
//         order, and those for sure that were there before and stay. Values are
//         whole when they are found, and each is destroyed once, by the time
//         that all have met and collections have run.
// USE     maps [--threads N] [--seconds N] [--seed N]; the seed decides what is
//         done with which keys, whose types have hooks in every third round.
// FAILS   when a look that could not count a value gives up (find in
//         lib/container/hashed.c: LOOK_AGAIN taken for LOOK_MISSING); when a
//         table is moved that an iterator holds (table_replace); when a change
//         does not look what it replaces (change_found).

#include "linear.h"
#include "rounds.h"

#define KEYS 4u
#define KINDS 3u
#define STORM_KEYS 300u

struct token {
    tally_object head;
    uint64_t number, again;
};
static atomic_ulong made, destroyed, histories, storms, seen_by_iterators;

static void token_gone(void *object) {
    struct token *token = object;
    expect(token->again == ~token->number, "a token is destroyed again");
    token->again = 0;
    atomic_fetch_add_explicit(&destroyed, 1, memory_order_relaxed);
}
TALLY_TYPE(token, TALLY_DESTROY(token_gone));

static struct token *token_new(uint64_t number) {
    struct token *token = tally_new(token);
    must(token);
    token->number = number;
    token->again = ~number;
    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    return token;
}

// The number of a token, which goes; -1 for none.
static int64_t token_number(tally_value value) {
    struct token *token = tally_object_of(value);
    if (!token)
        return -1;
    expect(token->again == ~token->number, "a token is not whole");
    int64_t number = (int64_t)token->number;
    tally_decref(token);
    return number;
}

// ---- keys with hooks, and one hash for two of them

struct name {
    tally_object head;
    uint64_t number;
};
TALLY_TYPE_DECLARE(name);

static tally_status name_equal(void *object, tally_value other,
                               bool *ret_equal) {
    if (!tally_is_instance(tally_object_of(other), TALLY_TYPE_OF(name)))
        return TALLY_WRONG_TYPE;
    struct name *a = object, *b = tally_object_of(other);
    *ret_equal = a->number == b->number;
    tally_safepoint();
    return TALLY_OK;
}

static tally_status name_hash(void *object, uint64_t *ret_hash) {
    *ret_hash = ((struct name *)object)->number / 2;
    return TALLY_OK;
}
static const tally_protocol name_protocol = {.equal = name_equal,
                                             .hash = name_hash};
TALLY_TYPE(name, TALLY_PROTOCOL(name_protocol));

// An owned key of a kind: equal to others with its number, and another object.
static tally_value key_new(uint32_t kind, uint64_t number) {
    char letters[2] = {(char)('a' + number % 26), 0};
    struct name *name;
    switch (kind) {
    case 0:
        return tally_small((int64_t)number);
    case 1:
        return tally_of(tally_text_of(letters));
    default:
        name = tally_new(name);
        must(name);
        name->number = number;
        return tally_of(name);
    }
}

// ---- histories

enum what { GET, SET, DELETE, POP, GET_OR_SET, UPDATE, WHATS };

struct operation {
    enum what what;
    uint32_t key;
    int64_t given; // number of the token that it would store
    int64_t answer;
};

struct state {
    int64_t token[KEYS]; // -1: missing
};

static tally_map *map;
static struct operation ops[LINEAR_MAX];
static struct linear_span spans[LINEAR_MAX];
static uint32_t kind;

// Does it to the model.
static bool apply(void *model, const void *operation) {
    const struct operation *op = operation;
    int64_t *token = &((struct state *)model)->token[op->key];
    int64_t before = *token;
    switch (op->what) {
    case GET:
        return op->answer == before;
    case SET:
        *token = op->given;
        return true;
    case DELETE:
        *token = -1;
        return op->answer == (before >= 0);
    case POP:
        *token = -1;
        return op->answer == before;
    case GET_OR_SET:
        if (before < 0)
            *token = op->given;
        return op->answer == *token;
    default: // as fetch_it has it
        *token = op->given;
        return op->answer == before;
    }
}

static tally_status fetch_it(void *arg, tally_value old, tally_value *ret_new) {
    struct operation *op = arg;
    op->answer = token_number(tally_value_incref(old));
    *ret_new = tally_of(token_new((uint64_t)op->given));
    return TALLY_OK;
}

static void fits(tally_status status) {
    expect(status == TALLY_OK, "a change fails: %s", tally_strerror(status));
}

static void operate(struct operation *op, tally_value key) {
    tally_value token = tally_absent(), got = tally_absent();
    if (op->what == SET || op->what == GET_OR_SET)
        token = tally_of(token_new((uint64_t)op->given));
    switch (op->what) {
    case GET:
        op->answer = token_number(tally_map_get(map, key));
        break;
    case SET:
        fits(tally_map_set(map, key, token));
        break;
    case DELETE:
        op->answer = tally_map_delete(map, key) == TALLY_OK;
        break;
    case POP:
        (void)tally_map_pop(map, key, &got);
        op->answer = token_number(got);
        break;
    case GET_OR_SET:
        fits(tally_map_get_or_set(map, key, token, &got));
        op->answer = token_number(got);
        break;
    default:
        fits(tally_map_update(map, key, fetch_it, op));
    }
    tally_value_decref(token);
}

// Goes over the rest, and ends.
static void look_around(struct tally_map_iterator *it) {
    tally_value key, value;
    while (tally_map_next(it, &key, &value)) {
        (void)token_number(value);
        tally_value_decref(key);
    }
    tally_map_end(it);
}

static void history_turn(uint64_t me, uint64_t *random) {
    uint64_t each = LINEAR_MAX / stress.threads;
    struct tally_map_iterator it = {NULL, 0};
    if (stress_below(random, 4) == 0)
        tally_map_begin(map, &it);
    for (uint64_t n = me * each; n < (me + 1) * each; n++) {
        struct operation *op = &ops[n];
        op->what = (enum what)stress_below(random, WHATS);
        op->key = stress_below(random, KEYS);
        op->given = (int64_t)n;
        tally_value key = key_new(kind, op->key);
        spans[n].call = linear_now();
        operate(op, key);
        spans[n].answer = linear_now();
        tally_value_decref(key);
        if (stress_below(random, 16) == 0)
            sched_yield();
        if (stress_below(random, 64) == 0)
            look_around(&it), tally_map_begin(map, &it);
        tally_safepoint();
    }
    look_around(&it);
}

static void history_check(void) {
    struct state begin, end;
    for (uint32_t k = 0; k < KEYS; k++) {
        tally_value key = key_new(kind, k);
        begin.token[k] = -1;
        end.token[k] = token_number(tally_map_get(map, key));
        tally_value_decref(key);
    }
    const struct linear history = {.state_bytes = sizeof(struct state),
                                   .begin = &begin,
                                   .end = &end,
                                   .apply = apply,
                                   .op_bytes = sizeof(*ops),
                                   .ops = ops,
                                   .spans = spans,
                                   .count = LINEAR_MAX / stress.threads *
                                            stress.threads};
    expect(linear_check(&history), "no order of %zu operations fits",
           history.count);
    histories++;
}

// ---- storms: each writer's keys are its number and a growing count, of which
// every eighth stays

static atomic_ullong written[STRESS_THREADS_MAX];

static void storm_write(uint64_t me, uint64_t *random) {
    for (uint64_t n = 0; n < STORM_KEYS; n++) {
        struct token *token = token_new(n);
        fits(tally_map_set(map, tally_small((int64_t)(me << 32 | n)),
                           tally_of(token)));
        tally_decref(token);
        atomic_store(&written[me], n + 1);
        uint64_t old = stress_below(random, (uint32_t)n + 1);
        if (old % 8)
            (void)tally_map_delete(map, tally_small((int64_t)(me << 32 | old)));
        tally_safepoint();
    }
}

// What an iteration has seen of a writer.
struct seen {
    uint64_t must; // that stay, and were written before
    uint64_t stay;
    int64_t last;
};

static void storm_see(struct seen *seen, tally_value key, tally_value value) {
    int64_t me = tally_small_of(key) >> 32, n = (uint32_t)tally_small_of(key);
    expect(n > seen[me].last, "%lld of writer %lld after %lld", (long long)n,
           (long long)me, (long long)seen[me].last);
    seen[me].last = n;
    seen[me].stay += n % 8 == 0;
    expect(token_number(value) == n, "another key's value");
    seen_by_iterators++;
}

static void storm_read(uint64_t *random) {
    struct seen seen[STRESS_THREADS_MAX];
    struct tally_map_iterator it;
    tally_value key, value;
    for (uint64_t n = 0; n < stress.threads; n++)
        seen[n] = (struct seen){(atomic_load(&written[n]) + 7) / 8, 0, -1};
    tally_map_begin(map, &it);
    while (tally_map_next(&it, &key, &value)) {
        storm_see(seen, key, value);
        if (stress_below(random, 64) == 0)
            sched_yield();
        tally_safepoint();
    }
    tally_map_end(&it);
    for (uint64_t n = 0; n < stress.threads; n++)
        expect(seen[n].stay >= seen[n].must,
               "only %llu of %llu that stay were seen of writer %llu",
               (unsigned long long)seen[n].stay,
               (unsigned long long)seen[n].must, (unsigned long long)n);
}

static void storm_turn(uint64_t me, uint64_t *random) {
    if (me % 2 == 0)
        storm_write(me, random);
    for (int n = 0; n < 8; n++)
        storm_read(random);
    storms++;
}

// ---- rounds

static meeting team;
static bool over;

static void round_begin(uint64_t round) {
    if (map)
        tally_decref(map);
    kind = (uint32_t)(round % KINDS);
    for (uint64_t n = 0; n < stress.threads; n++)
        atomic_store(&written[n], 0);
    map = tally_map_new(0);
    must(map);
}

// Between rounds: everything that was made is destroyed but what the map has.
static void round_check(uint64_t round) {
    if (round % 16)
        history_check();
    if (round % 256 == 0) {
        tally_map_clear(map);
        stress_settle();
        expect(atomic_load(&made) == atomic_load(&destroyed),
               "%lu tokens were made, and %lu are destroyed",
               atomic_load(&made), atomic_load(&destroyed));
    }
    stress_tick();
    over = stress_over();
    round_begin(round + 1);
}

static void *work(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, random = stress_stream(1, me);
    for (uint64_t round = 1; !over; round++) {
        if (round % 16)
            history_turn(me, &random);
        else
            storm_turn(me, &random);
        meeting_wait(&team);
        if (me == 0)
            round_check(round);
        meeting_wait(&team);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv, "maps", 4);
    meeting_init(&team, stress.threads);
    round_begin(1);
    team_run(work);
    tally_decref(map);
    stress_settle();
    expect(atomic_load(&made) == atomic_load(&destroyed),
           "%lu tokens were made, and %lu are destroyed", atomic_load(&made),
           atomic_load(&destroyed));
    printf("maps: %lu histories, %lu turns of storms, %lu entries gone over\n",
           atomic_load(&histories), atomic_load(&storms),
           atomic_load(&seen_by_iterators));
    return stress_end();
}
