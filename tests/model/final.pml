// Finalizers of a garbage cycle run while its members still refer to each
// other, on any thread, and may do anything.  This model exists because what
// was garbage when they were queued may be in use when they have run.
//
// QUESTION    Does each finalizer run once, on a complete object; is nothing
//             cleared that anything refers to, the queue of finalizers
//             included; and is all freed in the end that nothing refers to?
// THREADS     one that runs finalizers and works on what it reaches from them;
//             one that works on what it finds in a shared field; a collector,
//             COLLECTIONS collections at any time and three at the end.
// ABSTRACTED  Three objects with a field each, and a second field for the
//             first; any garbage shape at the start; any of the first two has
//             a finalizer.  A collection's pause and a thread's operation
//             between two safepoints are one step each.  The pause finds what
//             counts say (trial deletion); that the tables do so is no
//             question of threads.  A collection looks at all, or again at
//             what the last one found.  Blocks are not used again.  Weak
//             references are weak.pml's.
// IN C        pause           find, clear; tly_garbage_list, tly_claims_add
//             clear           tly_garbage_clear; here a part of the pause, for
//                             nobody can look at what is cleared
//             again           look_again: LOOK_LISTED
//             drop            tly_count_drop_shared, finalizer_claim
//             destroy         tly_destroy_family
//             finalize_begin  tly_finalize_take
//             finalize_end    tly_finalize_run
//             Edges: [finalized]; [last-use]; the stop of the world.
//
// THE RULE    A collection that finds garbage with finalizers which have not
//             run claims them, takes a counted unit of each such object for
//             the queue, and ends.  They run with no lock held; the unit is
//             dropped after.  A later collection counts again: it clears what
//             is garbage then.
//
// INVARIANTS
//   a  What a collection clears is not reachable from the shared field, a
//      thread's hands, the queue, or a finalizer that runs: so all finalizers
//      run before any object that they reach is cleared.
//   b  A finalizer runs at most once, and on an object that is not cleared.
//   c  What is destroyed by its count is not reachable either, nor destroyed
//      twice.
//   d  After the last collection, all that is not reachable is freed.
//
// NOT AN ERROR
//   LATECLAIM=1  a collection queues without claiming, and who runs the
//                finalizer claims: the unit keeps all others away till then
//
// MUTANTS (each must be refuted)
//   NOUNIT     the queue holds no unit
//   EARLYDROP  the unit is dropped before the finalizer runs
//   NOCLAIM    finalizers of garbage are not claimed at all: a later death by
//              count runs them again
//   TRUST      the second collection clears what the first one found
//   CLEARREST  a collection clears the garbage that has no finalizer at once
//   NODROP     the unit of what was resurrected is not dropped

mtype:mutant = { NONE, NOUNIT, EARLYDROP, NOCLAIM, TRUST, CLEARREST, NODROP };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef LATECLAIM
#define LATECLAIM 0
#endif
#ifndef COLLECTIONS
#define COLLECTIONS 2
#endif

// Objects are 1, 2 and 4: a set is their sum.  Field 0 is the shared one.
#define FIELDS   5
#define ALL      7
#define OWNER(f) ((f) == 0 -> 0 : ((f) == 4 -> 1 : 1 << ((f) - 1)))
byte field[FIELDS];
byte count[5];
byte has_finalizer;
byte finalized;
byte queued;                    // finalizers to run
byte units;                     // held by the queue
byte found;                     // by the last collection

// Ghosts.
byte hand[2];                   // the reference that a thread holds
byte running;                   // the object whose finalizer runs
byte ran;
byte freed;                     // destroyed or cleared

// Scratch, of one step.
hidden byte dead;
hidden byte set;
hidden byte x;
hidden byte f;
hidden byte n;

// To the set, all that its members refer to.
inline close() {
    n = 0;
    do
    :: n < 3 ->
        f = 1;
        do
        :: f < FIELDS ->
            set = set | (set & OWNER(f) -> field[f] : 0);
            f++
        :: else ->
            break
        od;
        n++
    :: else ->
        break
    od
}

inline check() {
    set = field[0] | hand[0] | hand[1] | queued | running;
    close();
    assert(!(set & freed))
}

// Drops a reference; what dies of it is destroyed by settle.
inline drop(object) {
    assert(count[object]);
    count[object]--;
    if
    :: count[object] == 0 && (object & has_finalizer & ~finalized) ->
        count[object] = 1;      // keeps the unit
        finalized = finalized | object;
        queued = queued | object;
        units = units | object
    :: count[object] == 0 && !(object & has_finalizer & ~finalized) ->
        dead = dead | object
    :: else
    fi
}

inline destroy() {
    do
    :: dead ->
        x = (dead & 1 -> 1 : (dead & 2 -> 2 : 4));
        assert(!(freed & x));
        dead = dead & ~x;
        freed = freed | x;
        f = 1;
        do
        :: f < FIELDS ->
            if
            :: OWNER(f) == x && field[f] ->
                drop(field[f]);
                field[f] = 0
            :: else
            fi;
            f++
        :: else ->
            break
        od
    :: else ->
        break
    od;
    check()
}

// Garbage's references to garbage are not counted down.
inline clear(garbage) {
    f = 1;
    do
    :: f < FIELDS ->
        if
        :: OWNER(f) & garbage ->
            if
            :: field[f] & ~garbage ->
                drop(field[f])
            :: else
            fi;
            field[f] = 0
        :: else
        fi;
        f++
    :: else ->
        break
    od;
    freed = freed | garbage;
    destroy()
}

inline add_unit(object) {
    if
    :: queued & object & ~units & ~running ->
        units = units | object;
        count[object]++
    :: else
    fi
}

// What is counted from outside of [among], and what that refers to, is live.
inline live_of(among) {
    set = 0;
    x = 1;
    do
    :: x <= 4 ->
        n = 0;
        f = 1;
        do
        :: f < FIELDS ->
            n = n + (field[f] == x && (OWNER(f) & among));
            f++
        :: else ->
            break
        od;
        set = set | (count[x] > n -> x : 0);
        x = x * 2
    :: else ->
        break
    od;
    close()
}

// A collection of all, or [again] of what the last one found.
inline pause(again) {
    d_step {
        among = (again -> found : ALL) & ~freed;
        live_of(among);
        among = among & ~(again && MUTANT == TRUST -> 0 : set);
        found = among;
        set = among & has_finalizer & ~finalized & ~queued;
        if
        :: set ->
            queued = queued | set;
            finalized = finalized |
                (LATECLAIM || MUTANT == NOCLAIM -> 0 : set);
            if
            :: MUTANT != NOUNIT ->
                add_unit(1);
                add_unit(2)
            :: else
            fi;
            if
            :: MUTANT == CLEARREST ->
                clear((among & ~queued))
            :: else ->
                check()
            fi
        :: else ->
            clear(among)
        fi;
        among = 0
    }
}

inline finalize_begin() {
    running = (queued & 1 -> 1 : 2);
    queued = queued & ~running;
    finalized = finalized | (MUTANT == NOCLAIM -> 0 : running);
    assert(!((freed | ran) & running));
    ran = ran | running;
    if
    :: MUTANT == EARLYDROP && (units & running) ->
        units = units & ~running;
        drop(running);
        destroy()
    :: else
    fi
}

inline finalize_end() {
    x = running;
    running = 0;
    if
    :: (units & x) && !(MUTANT == NODROP && count[x] > 1) ->
        units = units & ~x;
        drop(x);
        destroy()
    :: else ->
        units = units & ~x
    fi
}

#define HELD(o) ((o) == 0 || (o) == hand[me] || (me == 1 && (o) == running))

// One operation on a field that the thread may use: chosen, then done.
inline operation(me) {
    atomic {
        select(i : 0 .. 4);
        if
        :: HELD(OWNER(i)) ->
            if
            :: field[i] ->      // loads; drops what it held
                d_step {
                    x = hand[me];
                    hand[me] = field[i];
                    count[field[i]]++;
                    if
                    :: x ->
                        drop(x)
                    :: else
                    fi;
                    destroy()
                }
            :: hand[me] || field[i] ->
                d_step {        // exchanges
                    x = hand[me];
                    hand[me] = field[i];
                    field[i] = x;
                    check()
                }
            :: hand[me] ->
                d_step {
                    x = hand[me];
                    hand[me] = 0;
                    drop(x);
                    destroy()
                }
            :: else
            fi
        :: else
        fi;
        i = 0
    }
}

proctype Other() {
    byte i;

    do
    :: operation(0)
    :: hand[0] == 0 ->
        break
    od
}

proctype Executor() {
    byte i;

    do
    :: operation(1)
    :: atomic {
           queued && !running -> d_step {
               finalize_begin()
           }
       }
    :: atomic {
           running -> d_step {
               finalize_end()
           }
       }
    :: hand[1] == 0 && !running ->
        break
    od
}

proctype Collector() {
    byte n_;
    byte among;

    do
    :: n_ < COLLECTIONS ->
        n_++;
        pause(0);
        if
        :: pause(1)
        :: skip
        fi
    :: break
    od
}

init {
    byte i;
    byte o;
    byte among;

    atomic {
        i = 1;
        do
        :: i < FIELDS ->        // any shape
            if
            :: o = 0
            :: o = 1
            :: o = 2
            :: o = 4
            fi;
            field[i] = o;
            count[o]++;
            i++
        :: else ->
            break
        od;
        select(has_finalizer : 0 .. 3);
        count[0] = 0;
        o = 0;
        i = 0;
        d_step {
            count[1]++;         // while it is made
            count[2]++;
            count[4]++;
            drop(1);
            drop(2);
            drop(4);
            destroy()
        };
        run Other();
        run Executor();
        run Collector()
    };
    _nr_pr == 1;
    do
    :: i < 3 ->
        pause(0);
        do
        :: queued ->
            d_step {
                finalize_begin();
                finalize_end()
            }
        :: else ->
            break
        od;
        i++
    :: else ->
        break
    od;
    i = 0;
    d_step {
        set = field[0];
        close();
        assert((set | freed) == ALL)
    }
}
