// A process forks while its other threads run.  This model exists because the
// child has none of them: what one of them was in the middle of is never
// finished there, and what it had locked, watched or asked for stays so.
//
// QUESTION    In the child, is every count exact; is no collection under way
//             that nobody ends; and can the child count, and collect?
// THREADS     one that owns an object, counts it plainly, merges it, and
//             blocks; a collector, COLLECTIONS times, detached while it looks
//             and attached when it counts; one that forks.  The fork goes on
//             as the parent, or as the child: the others end where they are.
// ABSTRACTED  One object; the forking thread has one reference to it.  A
//             collection is its lock, two handshakes, the watch, the phase,
//             and a count of its own at the end.  No deadline: a fork that
//             cannot stop the world leaves a child that may only exec.
//             Sequentially consistent memory.
// IN C        Owner       tally_incref, tally_decref, tally_transfer:
//                         merge_into_shared
//             Forker      fork_prepare, tly_collector_stop, fork_parent,
//                         fork_child, tly_registry_forked
//             Collector   the concurrent mode in lib/collector
//             Edges: the locks; [state] against the stop; [goal].
//
// THE RULE    Who forks takes the collector's lock, detached, and then stops
//             the world.  In the child the others' mutators are vacant, what
//             they held stays counted, and locks are free.
//
// INVARIANTS
//   a  In the child the two counts together are what threads held.
//   b  In the child no object is watched, nobody holds, the phase is OPEN.
//   c  Nobody waits for ever: the child collects, the parent goes on.
//
// MUTANTS (each must be refuted)
//   NOSTOP      the world is not stopped
//   NOLOCK      the collector's lock is not taken
//   WAITS       the lock is waited for attached
//   STOPFIRST   the world is stopped, and then the lock is taken
//   NOVACANT    the others' mutators stay as they were
//   LOCKED      the child does not release the lock

mtype:mutant = { NONE, NOSTOP, NOLOCK, WAITS, STOPFIRST, NOVACANT, LOCKED };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef COLLECTIONS
#define COLLECTIONS 2
#endif
#ifndef OPS
#define OPS 3                   // the owner counts up so many times
#endif
#define OWNER     0             // mutators
#define FORKER    1
#define COLLECTOR 2

mtype:state = { ATTACHED, DETACHED, VACANT };
mtype:state state[3] = ATTACHED;
byte ack[2];
bool hold[2];
bool lock;
bool stop;
byte goal;
mtype:phase = { OPEN, CLOSING };
mtype:phase phase = OPEN;

bool owned = true;
byte local_count = 2;
byte shared;
bool watch;
bool child;

// Ghosts.
byte refs[2] = 1;               // held by owner and forker
byte ended;                     // of the others

inline work(me) {
    atomic {
        ack[me] = goal;
        hold[me] = goal % 2
    }
}

inline attach(me) {
    atomic {
        !stop -> state[me] = ATTACHED
    }
}

inline answer(me) {
    if
    :: ack[me] != goal ->
        work(me)
    :: else
    fi
}

// Up or down; the owner's plain count is two steps.
inline add(me, by) {
    if
    :: me == OWNER && owned ->
        tmp = local_count;
        atomic {
            local_count = tmp + by;
            refs[me] = refs[me] + by;
            tmp = 0
        }
    :: else ->
        atomic {
            shared = shared + by;
            refs[me] = refs[me] + by
        }
    fi
}

inline merge() {
    owned = 0;
    tmp = local_count;
    local_count = 0;
    atomic {
        shared = shared + tmp;
        tmp = 0
    }
}

proctype Owner() {
    byte k;
    byte tmp;

    {
        do
        :: stop || goal != ack[OWNER] ->            // a safepoint
            answer(OWNER);
            if
            :: stop ->
                state[OWNER] = DETACHED;
                attach(OWNER);
                answer(OWNER)
            :: else
            fi
        :: k < OPS && refs[OWNER] ->
            k++;
            add(OWNER, 1)
        :: refs[OWNER] > 1 || refs[OWNER] && !owned ->
            add(OWNER, -1)
        :: owned ->
            merge()
        :: state[OWNER] = DETACHED;
           if
           :: attach(OWNER);
              answer(OWNER)
           :: break                                 // blocks for ever
           fi
        od
    } unless {
        child
    };
    ended++
}

#define ACKED(t) (ack[t] == goal || state[t] != ATTACHED)

inline ask() {
    goal++;
    ACKED(OWNER);
    ACKED(FORKER)
}

inline collect() {
    atomic {
        !lock -> lock = 1
    };
    ask();
    watch = 1;
    ask();
    phase = CLOSING;
    phase = OPEN;
    watch = 0
}

proctype Collector() {
    byte n;

    {
        state[COLLECTOR] = DETACHED;
        do
        :: n < COLLECTIONS ->
            n++;
            collect();
            attach(COLLECTOR);                      // to free, to count
            state[COLLECTOR] = DETACHED;
            lock = 0
        :: else ->
            break
        od
    } unless {
        child
    };
    ended++
}

inline take_lock() {
    if
    :: MUTANT == WAITS ->
        atomic {
            !lock -> lock = 1
        }
    :: else ->
        state[FORKER] = DETACHED;
        if
        :: MUTANT != NOLOCK ->
            atomic {
                !lock -> lock = 1
            }
        :: else
        fi;
        if
        :: MUTANT == STOPFIRST ->
            state[FORKER] = ATTACHED
        :: else ->
            attach(FORKER)
        fi;
        answer(FORKER)
    fi
}

inline stop_world() {
    if
    :: MUTANT != NOSTOP ->
        stop = 1;
        state[OWNER] != ATTACHED;
        state[COLLECTOR] != ATTACHED
    :: else
    fi
}

proctype Forker() {
    byte tmp;

    do
    :: answer(FORKER)
    :: break
    od;
    if
    :: MUTANT == STOPFIRST ->
        stop_world();
        take_lock()
    :: else ->
        take_lock();
        stop_world()
    fi;
    if
    :: stop = 0;                                    // the parent
       if
       :: MUTANT != NOLOCK ->
           lock = 0
       :: else
       fi
    :: atomic {
           child = 1;
           if
           :: MUTANT != NOVACANT ->
               state[OWNER] = VACANT;
               state[COLLECTOR] = VACANT
           :: else
           fi
       };
       ended == 2;                                  // a ghost
       stop = 0;
       if
       :: MUTANT != LOCKED ->
           lock = 0
       :: else
       fi;
       assert(local_count + shared == refs[OWNER] + refs[FORKER]);      // a
       assert(!watch && !hold[FORKER] && phase == OPEN);                // b
       if
       :: owned ->                                  // acts for who is vacant
           state[OWNER] == VACANT;
           merge()
       :: else
       fi;
       add(FORKER, -1);
       assert(shared == refs[OWNER]);
       state[FORKER] = DETACHED;
       collect()
    fi;
    state[FORKER] = DETACHED
}

init {
    atomic {
        run Owner();
        run Collector();
        run Forker()
    }
}
