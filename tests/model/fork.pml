// A process forks while its other threads run, two of them at once.  This model
// exists because the child has none of the others: what one of them was in the
// middle of is never finished there, and what it had locked, watched or asked
// for stays so.
//
// QUESTION    In the child, is every count exact; is no collection under way
//             that nobody ends; and can the child count, and collect, and end
//             what was being cleared?
// THREADS     one that owns an object, counts it plainly, merges it, and
//             blocks; a collector, COLLECTIONS times, detached while it looks
//             and attached when it clears; two that fork.  A fork goes on as
//             the parent, or as the child: the others end where they are.
// ABSTRACTED  One object; each forking thread has one reference to it, and the
//             garbage has one in each pool.  A collection is its lock, two
//             handshakes, the watch, the phase; the first to end clears the
//             pools.  Of locks there is the runtime's, which stands for the
//             turn to stop the world as well.  No deadline: a fork that cannot
//             stop the world leaves a child that may only exec.  Sequentially
//             consistent memory.
// IN C        Owner       tally_incref, tally_decref, tally_transfer:
//                         merge_into_shared
//             Forker      fork_prepare, tly_fork_stop_begin, fork_parent,
//                         fork_child, tly_registry_forked, tly_clear_resume
//             Collector   the concurrent mode in lib/collector; clear.c
//             Edges: the locks; [state] against the stop; [goal]; [clear].
//
// THE RULE    Who forks is DETACHED before it waits for anything, and stays so.
//             It takes the collector's lock, or finds that its holder clears;
//             stops the world; and finds so again.  What it knows of its fork
//             is its own.  A clear stands still between two pools.  In the
//             child the others' mutators are vacant, what they held stays
//             counted, and locks are free.
//
// INVARIANTS
//   a  In the child the counts together are what threads and garbage held.
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
//   QUEUES      another's fork is waited for attached
//   SHARED      what is known of a fork is one word for all, written before
//               the runtime's lock is taken, and read after it is given
//   NOAGAIN     the clear is not looked for again in the stopped world
//   ANYWHERE    a clear stands still within a pool
//   UNCLEARED   the child forgets what was being cleared

mtype:mutant = { NONE, NOSTOP, NOLOCK, WAITS, STOPFIRST, NOVACANT, LOCKED,
                 QUEUES, SHARED, NOAGAIN, ANYWHERE, UNCLEARED };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef COLLECTIONS
#define COLLECTIONS 2
#endif
#ifndef OPS
#define OPS 2                   // the owner counts up so many times
#endif
#define OWNER     0             // mutators
#define FORKER    1             // and 2
#define COLLECTOR 3
#define OTHER(f)  (3 - (f))
#define POOLS     2

mtype:state = { ATTACHED, DETACHED, VACANT };
mtype:state state[4] = ATTACHED;
byte ack[3];
bool hold[3];
bool runtime;                   // locks
bool lock;
byte who;                       // SHARED: who forks
bool stop;
byte goal;
mtype:phase = { OPEN, CLOSING };
mtype:phase phase = OPEN;
bool clearing;
bool cleared[POOLS];

bool owned = true;
byte local_count = 3;
byte shared = POOLS;
bool watch;
byte child;                     // who forked it

// Ghosts.
byte refs[3] = 1;               // held by owner and forkers
byte garbage = POOLS;           // held by what is not cleared
byte ended;                     // of the others

#define COUNTED (local_count + shared)
#define HELD    (refs[OWNER] + refs[FORKER] + refs[FORKER + 1] + garbage)

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
    ACKED(FORKER);
    ACKED(FORKER + 1)
}

inline look() {
    ask();
    watch = 1;
    ask();
    phase = CLOSING;
    phase = OPEN;
    watch = 0
}

inline rest() {
    if
    :: stop ->
        state[COLLECTOR] = DETACHED;
        attach(COLLECTOR)
    :: else
    fi
}

// By who is attached, but for a child's.
inline clear_pool(p) {
    if
    :: !cleared[p] ->
        atomic {
            shared--;
            garbage--
        };
        if
        :: MUTANT == ANYWHERE && !child ->
            rest()
        :: else
        fi;
        cleared[p] = 1
    :: else
    fi
}

proctype Collector() {
    byte n;
    byte p;

    {
        state[COLLECTOR] = DETACHED;
        do
        :: n < COLLECTIONS ->
            n++;
            atomic {
                !lock -> lock = 1
            };
            look();
            attach(COLLECTOR);                      // to clear
            clearing = 1;
            do
            :: p < POOLS ->
                rest();
                clear_pool(p);
                p++
            :: else ->
                break
            od;
            clearing = 0;
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

inline take_lock(me) {
    if
    :: MUTANT == NOLOCK
    :: MUTANT == NOAGAIN ->
        if
        :: atomic {
            !lock -> lock = 1;
            mine = 1
           }
        :: clearing
        fi
    :: MUTANT != NOLOCK && MUTANT != NOAGAIN ->
        if
        :: atomic {
            !lock -> lock = 1;
            mine = 1
           }
        :: MUTANT != STOPFIRST && clearing
        fi
    fi
}

inline stop_world(me) {
    if
    :: MUTANT != NOSTOP ->
        stop = 1;
        state[OWNER] != ATTACHED;
        state[OTHER(me)] != ATTACHED;
        state[COLLECTOR] != ATTACHED
    :: else
    fi
}

inline prepare(me) {
    who = (MUTANT == SHARED -> 0 : who);
    if
    :: MUTANT == QUEUES
    :: MUTANT != QUEUES ->
        state[me] = DETACHED
    fi;
    atomic {
        !runtime -> runtime = 1
    };
    state[me] = (MUTANT == WAITS -> ATTACHED : DETACHED);
    if
    :: MUTANT == STOPFIRST ->
        stop_world(me);
        take_lock(me)
    :: else ->
        do
        :: take_lock(me);
           state[me] = DETACHED;
           stop_world(me);
           if
           :: mine || clearing || MUTANT == NOAGAIN || MUTANT == NOLOCK ->
               break
           :: else ->
               stop = 0
           fi
        od
    fi;
    who = (MUTANT == SHARED -> me : who)
}

inline parent(me) {
    if
    :: MUTANT == SHARED ->
        runtime = 0;
        if
        :: who == 0 ->
            goto over
        :: else
        fi
    :: else
    fi;
    stop = 0;
    if
    :: mine ->
        lock = 0
    :: else
    fi;
    runtime = (MUTANT == SHARED -> runtime : 0);
    attach(me);
    answer(me);
    state[me] = DETACHED
}

inline as_child(me) {
    if
    :: MUTANT != NOVACANT ->
        state[OWNER] = VACANT;
        state[OTHER(me)] = VACANT;
        state[COLLECTOR] = VACANT
    :: else
    fi;
    ended == 3;                                     // a ghost
    stop = 0;
    if
    :: MUTANT != LOCKED ->
        lock = 0
    :: else
    fi;
    runtime = 0;
    assert(COUNTED == HELD);                        // a
    attach(me);
    answer(me);
    assert(!watch && !hold[me] && phase == OPEN);   // b
    if
    :: owned ->                                     // acts for who is vacant
        state[OWNER] == VACANT;
        merge()
    :: else
    fi;
    add(me, -1);
    assert(COUNTED == HELD);
    state[me] = DETACHED;
    atomic {
        !lock -> lock = 1
    };
    if
    :: clearing && MUTANT != UNCLEARED ->
        clear_pool(0);
        clear_pool(1);
        clearing = 0
    :: else
    fi;
    assert(!clearing);
    assert(COUNTED == HELD);
    look();
    lock = 0
}

proctype Forker(byte me) {
    byte tmp;
    bool mine;

    {
        do
        :: answer(me)
        :: break
        od;
        prepare(me);
        if
        :: parent(me)
        :: atomic {
               !child -> child = me
           };
           as_child(me)
        fi;
over:
        skip
    } unless {
        child && child != me
    };
    ended++
}

init {
    atomic {
        run Owner();
        run Collector();
        run Forker(FORKER);
        run Forker(FORKER + 1)
    }
}
