// A type that was made at run time is freed when nobody holds it and none of
// its objects is left.  This model exists because an object's block names its
// type, and threads read that name that have no count of the object: in a
// borrow section, in a walk of the heap, or while they end the object.
//
// QUESTION    Is a type read by nobody after it was freed, and is it freed in
//             the end?
// THREADS     two makers, each with a stripe: they hold the type, make an
//             object, leave it in a shared field, drop what was there by its
//             count, and drop the type; a reader, in sections; a finder, who
//             holds the type once more if it is still listed; the collector,
//             which clears an object that nothing refers to, and retires; a
//             walker of the heap.
// ABSTRACTED  Counts of objects: the field has the only reference, and who
//             takes it out ends the object, a grace period later.  A section
//             is a flag; a grace period waits until it was down once. From
//             its destroy hook on an object's end passes no safepoint, so a
//             stop, or the handshake that begins a collection, waits for it.
//             Sequentially consistent memory.
// IN C        make        tally_object_new, tally_type_drop
//             end         end_typed in destroy.c, after the grace period
//             Collector   clear_typed, tly_garbage_clear, tly_types_retire
//             Reader      tally_type_of in a borrow section
//             Walker      tally_walk
//
// INVARIANT   Whoever reads a type reads one that was not freed.
//
// MUTANTS (each must be refuted)
//   EARLYCOUNT  an end counts before the destroy hook is called
//   NOGRACE     what a collection clears is counted, and its type retired,
//               without a wait for the readers
//   NOLOCK      the heap is walked beside the one who retires
//   HELD        who retires does not ask whether the type is held
//   ONESTRIPE   who retires reads one stripe only
//   NOSTOP      the heap is walked while an object ends, whose header still
//               names the type

mtype:mutant = { NONE, EARLYCOUNT, NOGRACE, NOLOCK, HELD, ONESTRIPE,
                 NOSTOP };
#ifndef MUTANT
#define MUTANT NONE
#endif

#define OBJECTS 2
#define NOTHING 2

byte holds = 2;
short stripe[2];
bool freed;                     // the type
bool exists[OBJECTS];           // the block names the type
byte field = NOTHING;           // what readers find
bool section;                   // the reader is in one
byte sections;                  // how many have ended, modulo
bool collecting;                // the collector's lock
bool types;                     // the lock of types
bool stopped;                   // the world, by who walks
bool busy[2];                   // a maker ends an object: no safepoint
byte running = 2;               // makers

inline read_type() { assert(!freed) }

// Until a section that was open has ended.
inline grace(seen) {
    seen = sections;
    (!section || sections != seen)
}

inline count(n, more) { stripe[n] = stripe[n] + more }

inline end(o, me, seen) {
    grace(seen);
    atomic {
        !stopped -> busy[me] = 1
    };
    if
    :: MUTANT == EARLYCOUNT ->
        count(me, -1);
        read_type()
    :: else ->
        read_type();            // its references, and the destroy hook
        count(me, -1)
    fi;
    atomic {
        exists[o] = 0;
        busy[me] = 0
    }
}

proctype Maker(byte me) {
    byte old = NOTHING;
    byte seen;

    read_type();
    count(me, 1);
    exists[me] = 1;
    atomic {
        old = field;
        field = me
    };
    atomic {
        !types -> holds--
    };
    if
    :: old != NOTHING ->
        end(old, me, seen)
    :: else
    fi;
    running--
}

proctype Reader() {
    byte o = NOTHING;

    do
    :: running == 0 && field == NOTHING ->
        break
    :: else ->
        section = 1;
        o = field;
        if
        :: o != NOTHING ->
            read_type()
        :: else
        fi;
        o = NOTHING;
        atomic {
            section = 0;
            sections = (sections + 1) % 4
        }
    od
}

proctype Finder() {
    bool found;

    atomic {
        !types;
        found = !freed && holds == 0;
        if
        :: found ->
            holds++
        :: else
        fi
    };
    if
    :: found ->
        read_type();
        atomic {
            !types -> holds--
        }
    :: else
    fi
}

proctype Walker() {
    byte o;

    if
    :: MUTANT != NOLOCK ->
        atomic {
            !collecting -> collecting = 1
        }
    :: else
    fi;
    if
    :: MUTANT != NOSTOP ->
        stopped = 1;
        (!busy[0] && !busy[1])
    :: else
    fi;
    do
    :: o < OBJECTS ->
        if
        :: exists[o] ->
            read_type()
        :: else
        fi;
        o++
    :: else ->
        break
    od;
    stopped = 0;
    if
    :: MUTANT != NOLOCK ->
        collecting = 0
    :: else
    fi
}

proctype Collector() {
    byte o = NOTHING;
    byte seen;
    short sum;
    bool done;

    do
    :: done ->
        break
    :: else ->
        done = (running == 0);  // and then once more
        atomic {
            !collecting -> collecting = 1
        };
        atomic {                // garbage, at any time, and in the end
            if
            :: o = field;
               field = NOTHING
            :: running > 0 ->
                skip
            fi
        };
        if
        :: o != NOTHING ->
            read_type();
            count(0, -1);
            exists[o] = 0;
            if
            :: MUTANT != NOGRACE ->
                grace(seen)
            :: else
            fi;
            o = NOTHING
        :: else
        fi;
        atomic {
            !types -> types = 1
        };
        if
        :: holds == 0 || MUTANT == HELD ->
            sum = stripe[0];
            if
            :: MUTANT != ONESTRIPE ->
                sum = sum + stripe[1]
            :: else
            fi;
            if
            :: sum == 0 ->
                freed = 1
            :: else
            fi;
            sum = 0
        :: else
        fi;
        types = 0;
        collecting = 0
    od;
    holds == 0;                 // the finder is through
    assert(freed || stripe[0] + stripe[1] == 0)
}

init {
    atomic {
        run Maker(0);
        run Maker(1);
        run Reader();
        run Finder();
        run Walker();
        run Collector()
    }
}
