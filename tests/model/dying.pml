// An object ends with its destroy hook, and the hook is the program's: it may
// block, and it may collect.  This model exists because the object still lies in
// the heap meanwhile, without a reference, and a collection takes what nothing
// refers to.
//
// QUESTION    Is each destroy hook called once, and each block given back once,
//             whoever finds the object dead; and does no hook wait for ever?
// THREADS     a dropper, who ends object 0 by its count; NC collectors, each of
//             which collects K times.  Object 1 is a garbage cycle of its own.
//             Each hook may wait for a collection of another thread's.
// ABSTRACTED  What a collection finds: an object that is live, not DYING and
//             without a reference from outside.  Finding is one step: the world
//             is stopped, or what was found is validated.
//             Sequentially consistent memory.
// IN C        drop        tly_finish_claimed, tly_destroy_one, end_typed
//             hook        hook_call in destroy.c
//             Collector   tly_garbage_clear, put_aside, hooked_leave;
//                         tly_collector_take and _give; tly_settle_dead
//
// THE RULE    Who ends an object sets DYING before anything of the program's can
//             run; a collection puts what has a hook aside in the same way, and
//             calls hooks when it has given its lock back.
//
// INVARIANTS
//   a  No hook is called twice for one object.
//   b  No block is given back twice.
//   c  Everybody comes to an end.
//
// MUTANTS (each must be refuted)
//   HOOKFIRST   the dropper calls the hook of an object that is not DYING
//   ASIDELIVE   what a collection puts aside is not DYING
//   UNDERLOCK   hooks are called before the lock is given back

mtype:mutant = { NONE, HOOKFIRST, ASIDELIVE, UNDERLOCK };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NC
#define NC 2
#endif
#ifndef K
#define K 2
#endif
#define OBJECTS 2

bool live[OBJECTS] = 1;
bool outside[OBJECTS];          // referred to from outside
bool dying[OBJECTS];
bool lock;                      // the collector's
byte ended;                     // collections that have ended

// Ghosts.
byte hooks[OBJECTS];
bool freed[OBJECTS];

inline hook(o) {
    atomic {
        hooks[o]++;
        assert(hooks[o] == 1)
    };
    if                          // waits for a collection, or does not
    :: ended < NC * K ->
        atomic {
            !lock -> lock = 1   // collects: what it finds is another's story
        };
        atomic {
            lock = 0;
            ended++
        }
    :: skip
    fi
}

inline free(o) {
    atomic {
        assert(!freed[o]);
        freed[o] = 1;
        live[o] = 0
    }
}

proctype Dropper() {
    // The last reference: the finalizer has run, the count is zero.
    atomic {
        outside[0] = 0;
        if
        :: MUTANT != HOOKFIRST ->
            dying[0] = 1
        :: else
        fi
    };
    hook(0);
    free(0)
}

inline clear(o) {
    if
    :: mine[o] ->
        hook(o);
        free(o);
        mine[o] = 0
    :: else
    fi
}

proctype Collector() {
    bool mine[OBJECTS];         // put aside by this thread
    byte n;

    do
    :: n == K ->
        break
    :: else ->
        n++;
        atomic {
            !lock -> lock = 1
        };
        atomic {                // finds, and puts aside
            mine[0] = live[0] && !dying[0] && !outside[0];
            mine[1] = live[1] && !dying[1] && !outside[1];
            if
            :: MUTANT != ASIDELIVE ->
                dying[0] = dying[0] || mine[0];
                dying[1] = dying[1] || mine[1]
            :: else
            fi
        };
        if
        :: MUTANT == UNDERLOCK ->
            clear(0);
            clear(1)
        :: else
        fi;
        lock = 0;
        clear(0);
        clear(1)
    od
}

init {
    byte n;

    atomic {
        outside[0] = 1;
        run Dropper();
        do
        :: n < NC ->
            run Collector();
            n++
        :: else ->
            break
        od
    };
    (_nr_pr == 1);
    assert(freed[0] && freed[1] && hooks[0] == 1 && hooks[1] == 1)
}
