// What a thread has retired waits for a grace period on lists of its mutator.
// Threads block, end, and are forgotten by fork in the middle of that wait;
// this model exists because what waits must then be another's to wait for,
// from the beginning, and be destroyed by one of them only.
//
// QUESTION    Is every object destroyed exactly once, by somebody who has
//             waited for a grace period that began after it was retired, also
//             when the thread that retired it does not run any more?
// THREADS     two that take over any vacant mutator, retire, poll,
//             settle for all, block, end, or stay for ever in whatever wait;
//             in the end one more, which settles.
// ABSTRACTED  Objects are retired by being put on a list; a list is a set.
//             Two are retired by threads, a third by the destruction of the
//             first.  A grace period takes any time, and covers what was
//             retired before it began: that sections end by then is
//             defer.pml's.  Bounds of the lists: a poll may come at any time.
//             An unlocked list is moved in two steps, so that two who move it
//             at once are seen.  Sequentially consistent memory.
// IN C        left_put, left_take, rescue, limbo_poll   limbo.c: the same,
//                          with tly_ before the last two
//             leave        mutator_flush, tly_limbo_leave
//             settle       tly_settle: limbo_rescue, tly_settle_limbo
//             acknowledge  mutator_acknowledge
//             adopt        tly_registry_adopt, mutator_adopt
//             forked       tly_registry_forked
//             Edges: [state] CAS and stores of the state word; the lock of
//             the lists for all. Which grace period a list waits for is known
//             by its number there, so that one wait does for many ([grace],
//             [grace-end]); here each waits for its own.
//
// THE RULE    Who waits for a grace period is DETACHED meanwhile, and destroys
//             what is still on its list afterwards.  Whoever takes a list over
//             has the mutator, by CAS of the state, and puts it on the list
//             for all, where a grace period of its own begins.
//
// INVARIANTS
//   a  No object is destroyed twice.
//   b  It is destroyed by one whose grace period covers it.
//   c  After the last settling all that was retired is destroyed.
//
// MUTANTS (each must be refuted)
//   NOLEAVE    a thread goes idle with what it has retired
//   NOSUSPEND  a rescuer takes a list without taking the mutator's state
//   NOGRACE    a rescuer destroys what it took over
//   KEEPSLIST  who waits destroys what its list was before the wait
//   TAKELATE   the global list is taken over after the grace period
//   ONEROUND   settling does not look again for what destruction retired
//   NORESCUE   settling looks at the global list only

mtype:mutant = { NONE, NOLEAVE, NOSUSPEND, NOGRACE, KEEPSLIST, TAKELATE,
                 ONEROUND, NORESCUE };
#ifndef MUTANT
#define MUTANT NONE
#endif
#define LAST 2                  // the mutator of the thread that settles

mtype:state = { VACANT, ATTACHED, DETACHED, SUSPENDED };
mtype:state state[LAST + 1] = VACANT;
byte limbo[LAST + 1];             // a grace period has yet to begin
byte waiting[LAST + 1];           // one is waited for
byte left;                      // what threads left

// Ghosts: sets of objects.
byte next = 1;                  // to be retired: 1, then 2; 4 is 1's child
byte retired;
byte covered[LAST + 1];           // retired before the grace period began
byte destroyed;

#define IDLE(s) ((s) == DETACHED || (s) == VACANT)

inline destroy(m) {
    atomic {
        assert(!(destroyed & over));
        assert(!(over & ~covered[m]));
        destroyed = destroyed | over;
        if
        :: over & 1 ->
            limbo[m] = limbo[m] | 4;
            retired = retired | 4
        :: else
        fi;
        over = 0
    }
}

inline left_put(list) {
    left = left | list;         // a push by CAS
    list = 0
}

inline left_take(m) {
    atomic {                    // an exchange
        over = left;
        left = 0
    };
    atomic {
        waiting[m] = waiting[m] | over;
        over = 0
    }
}

inline rescue(m) {
    left_put(limbo[m]);
    left_put(waiting[m])
}

inline leave(m) {
    if
    :: MUTANT != NOLEAVE ->
        left_put(limbo[m])
    :: else
    fi
}

inline attach(m) {
    atomic {
        state[m] == DETACHED -> state[m] = ATTACHED
    };
    if
    :: rescue(m)                // acknowledges a handshake
    :: skip
    fi
}

inline limbo_poll(m) {
    waiting[m] = waiting[m] | limbo[m];
    limbo[m] = 0;
    if
    :: MUTANT != TAKELATE ->
        left_take(m)
    :: else
    fi;
    if
    :: waiting[m] || (MUTANT == TAKELATE && left) ->
        leave(m);
        batch = waiting[m];
        state[m] = DETACHED;
        covered[m] = retired;   // a grace period begins
        if
        :: m != LAST ->
            if
            :: goto out         // waits for ever
            :: atomic {         // forked: the thread is gone
                   state[m] == DETACHED -> state[m] = VACANT
               };
               goto out
            :: skip
            fi
        :: else
        fi;
        attach(m);
        if
        :: MUTANT == TAKELATE ->
            left_take(m)
        :: else
        fi;
        over = waiting[m];
        waiting[m] = 0;
        if
        :: MUTANT == KEEPSLIST ->
            over = batch
        :: else
        fi;
        destroy(m)
    :: else
    fi;
    batch = 0
}

// One mutator of those that do not run.
inline limbo_rescue(m, r) {
    atomic {
        won = (waiting[r] && IDLE(state[r]) && MUTANT != NORESCUE);
        if
        :: won ->
            idle = state[r];
            if
            :: MUTANT != NOSUSPEND ->
                state[r] = SUSPENDED
            :: else
            fi
        :: else
        fi
    };
    if
    :: won && MUTANT == NOGRACE ->
        over = waiting[r];
        waiting[r] = 0;
        destroy(m);
        state[r] = idle
    :: won && MUTANT == NOSUSPEND ->
        rescue(r)
    :: won && MUTANT != NOGRACE && MUTANT != NOSUSPEND ->
        rescue(r);
        state[r] = idle
    :: !won
    fi;
    won = 0
}

inline settle(m) {
    do
    :: r < LAST ->
        if
        :: r != m ->
            limbo_rescue(m, r)
        :: else
        fi;
        r++
    :: else ->
        r = 0;
        break
    od;
    do
    :: limbo_poll(m);
       if
       :: (!limbo[m] && !left) || MUTANT == ONEROUND ->
           break
       :: else
       fi
    od
}

proctype Thread() {
    byte me;
    byte r;
    byte over;
    byte batch;
    bool won;
    mtype:state idle = DETACHED;

adopt:
    atomic {
        if
        :: state[0] == VACANT ->
            me = 0
        :: state[1] == VACANT ->
            me = 1
        fi;
        state[me] = ATTACHED
    };
    rescue(me);
    do
    :: atomic {                 // retires
           next < 4 -> limbo[me] = limbo[me] | next;
           retired = retired | next;
           next = next * 2
       }
    :: limbo_poll(me)
    :: true ->
       settle(me)
    :: true ->
       leave(me);
       state[me] = DETACHED;
       if
       :: attach(me)
       :: goto out              // blocks for ever
       fi
    :: true ->
       leave(me);
       state[me] = VACANT;
       if
       :: goto adopt            // another thread
       :: goto out
       fi
    od;
out:
    skip
}

init {
    byte r;
    byte over;
    byte batch;
    bool won;
    mtype:state idle = DETACHED;

    atomic {
        run Thread();
        run Thread()
    };
    _nr_pr == 1;
    state[LAST] = ATTACHED;
    settle(LAST);
out:
    assert(destroyed == retired)
}
