// A thread that is in a blocking call, or gone, must not hold back what others
// asked of it.  This model exists because "nobody waits for an owner that is
// not running" rests on one word, the state of the mutator, and on who looks
// again after which store.
//
// QUESTION    Is every request served exactly once, without any lock, and
//             never by two threads that act for one mutator at a time?
// THREADS     the mutator's own thread, two senders, and a third party that
//             suspends the idle mutator for reasons of its own.
// ABSTRACTED  One pool with a request bit for each of two objects; serving a
//             request is one step (brc.pml, handover.pml).  DETACHED and
//             VACANT differ in nothing here but in what is given back; who
//             takes a vacant mutator over is the same process, a new thread.
//             The owner's operations are not counted: runs of every length.
//             Memory is sequentially consistent.
// IN C        send        tly_inbox_send
//             help        tly_inbox_help
//             drain       tly_inbox_drain
//             poll        tly_poll
//             go_idle     tly_mutator_detach, and the exit of a thread
//             parked, orphan  tly_mutator_park; tly_attach_orphan
//             ATTACHED    tly_mutator_attach
//             Edges: [state] CAS and stores of the state word; [breaker]
//             against [state] (Dekker, seq_cst on both sides); [in-inbox]
//             exchange of in_inbox.
//
// THE RULE    Whoever has pushed, and whoever has stored an idle state, looks
//             at the breaker and at the state afterwards.  A thread that goes
//             idle and finds the breaker set attaches, polls and goes idle
//             again: it never serves requests while it is DETACHED.
//             Who is parked for a stop does not look again, for it is back when
//             that is over; in a forked child it is not, and the first that
//             passes a safepoint there takes its place.
//
// INVARIANTS
//   a  At most one thread acts as the mutator at any time (busy).
//   b  No request is served twice.
//   c  When all threads have ended, every request has been served.
//
// MUTANTS (each must be refuted)
//   NORECHECK    a thread goes idle without looking again
//   SENDNOCHECK  a sender does not look at the state after its push
//   SUSPDROP     a sender drops its request when it finds SUSPENDED
//   RELNOCHECK   a suspender gives the state back without looking again
//   BITSFIRST    drain takes the bits before it clears in_inbox
//   CLEARLATE    the breaker is cleared after the drain
//   FORKLEFT     nobody serves who was parked for a fork, in its child
//   DETDRAIN     an owner that goes idle drains its inbox while DETACHED

mtype:mutant = { NONE, NORECHECK, SENDNOCHECK, SUSPDROP, RELNOCHECK,
                 BITSFIRST, CLEARLATE, FORKLEFT, DETDRAIN };
#ifndef MUTANT
#define MUTANT NONE
#endif

mtype:state = { ATTACHED, DETACHED, SUSPENDED, VACANT };
mtype:state state = ATTACHED;
bool breaker;

// The pool.
bool asked[2];
bool in_inbox;
bool pushed;

// Ghosts.
bool served[2];
byte busy;                      // threads that act as the mutator
byte sending;                   // senders and others that pass no safepoint now

#define IDLE(s) ((s) == DETACHED || (s) == VACANT)

inline begin_acting() {
    atomic {
        busy++;
        assert(busy == 1)
    }
}

inline serve() {
    i = 0;
    do
    :: i < 2 ->
        atomic {
            got = asked[i];
            asked[i] = 0
        };
        if
        :: got ->
            assert(!served[i]);
            served[i] = 1
        :: else
        fi;
        i++
    :: else ->
        break
    od
}

inline drain() {
    begin_acting();
    atomic {
        got = pushed;
        pushed = 0
    };
    if
    :: got && MUTANT != BITSFIRST ->
        in_inbox = 0;
        serve()
    :: got && MUTANT == BITSFIRST ->
        serve();
        in_inbox = 0
    :: else
    fi;
    atomic {
        busy--;
        got = 0;
        i = 0
    }
}

inline poll() {
    if
    :: MUTANT == CLEARLATE ->
        drain();
        breaker = 0
    :: else ->
        breaker = 0;
        drain()
    fi
}

// CAS of the state from idle to [to]; the idle state that was is in [idle].
inline take_state(to) {
    atomic {
        won = IDLE(state);
        if
        :: won ->
            idle = state;
            state = to
        :: else
        fi
    }
}

inline help() {
    do
    :: !breaker ->
        break
    :: else ->
        take_state(SUSPENDED);
        if
        :: !won ->
            break
        :: else ->
            poll();
            state = idle;
            if
            :: MUTANT == RELNOCHECK ->
                break
            :: else
            fi
        fi
    od;
    won = 0
}

inline go_idle(to) {
    state = to;
    if
    :: MUTANT == NORECHECK ->
        skip
    :: MUTANT == DETDRAIN ->
        if
        :: breaker ->
            poll()
        :: else
        fi
    :: else ->
        do
        :: !breaker ->
            break
        :: else ->
            take_state(ATTACHED);
            if
            :: !won ->          // a suspender acts: it looks again
                break
            :: else ->
                poll();
                state = idle
            fi
        od;
        won = 0
    fi
}

proctype Owner() {
    bool got;
    bool won;
    byte i;
    mtype:state idle = DETACHED;

    do
    :: breaker ->
        poll()
    :: begin_acting();          // plain counting: two steps
       busy--
    :: if
       :: go_idle(DETACHED)
       :: go_idle(VACANT)
       fi;
       atomic {
           IDLE(state) -> state = ATTACHED
       }
    :: go_idle(DETACHED);       // blocked for ever
       break
    :: go_idle(VACANT);         // gone
       break
    :: atomic {                 // parked for a fork: what follows is its child
           sending == 0 -> state = VACANT
       };
       if
       :: MUTANT != FORKLEFT ->
           atomic {             // orphan
               IDLE(state) -> state = ATTACHED
           };
           poll();
           idle = VACANT;
           go_idle(VACANT)
       :: else
       fi;
       break
    od
}

proctype Sender(byte object) {
    bool got;
    bool won;
    bool was;
    byte i;
    mtype:state idle = DETACHED;

    if
    :: MUTANT == SUSPDROP && state == SUSPENDED ->
        goto out
    :: else
    fi;
    sending++;
    asked[object] = 1;
    atomic {
        was = in_inbox;
        in_inbox = 1
    };
    if
    :: !was ->
        pushed = 1
    :: else
    fi;
    breaker = 1;
    if
    :: MUTANT != SENDNOCHECK ->
        help()
    :: else
    fi;
    sending--;
out:
    skip
}

proctype Third() {
    bool got;
    bool won;
    byte i;
    mtype:state idle = DETACHED;

    sending++;
    take_state(SUSPENDED);
    if
    :: won ->
        begin_acting();
        busy--;
        state = idle;
        if
        :: MUTANT != RELNOCHECK ->
            help()
        :: else
        fi
    :: else
    fi;
    sending--
}

init {
    atomic {
        run Owner();
        run Sender(0);
        run Sender(1);
        run Third()
    };
    _nr_pr == 1;
    assert(served[0] && served[1])
}
