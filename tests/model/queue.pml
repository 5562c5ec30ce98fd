// The collector's lock is had in the order of asking: who waits stands in a list,
// and is woken alone.  This model exists because three things may happen to who
// is told that the lock is free: it has given up, it has not come yet, or it is
// not there any more, in the child of a fork.
//
// QUESTION    Does everybody that waits have its turn, after those that came
//             before, though others give up and fork; and is the lock to be had
//             in the child?
// THREADS     NT that take the lock and give it back, TURNS times each: 0 clears
//             with it, 1 gives up when it likes; one that waits for no lock, but
//             until it was given back; and one that forks, and goes on as the
//             parent, or as the child: the others end where they are.
// ABSTRACTED  The list is an array, since its links are read and written under
//             the spinlock only; but for its first.  An event is a number that
//             each signal changes, of fewer than 256.  The world's stop is a
//             flag, for which a clear stands still.  The fork has no deadline.
//             Sequentially consistent memory: the events order nothing, but the
//             spinlock and the lock's word do.
// IN C        take     tly_collector_try, turn_await, tly_collector_queue
//             leave    tly_collector_leave
//             give     tly_collector_free, first_tell
//             Waiter   tly_collector_wait
//             Forker   fork_wait, tly_fork_stop_begin, tly_collector_hold,
//                      tly_fork_stop_forked
//             Edges: [collector]; [clear].
//
// THE RULE    Who waits reads its event, looks whether it is the first and the
//             lock free, and waits for the event to change.  Who gives the lock
//             back stores that, and then tells the first, whom it finds under
//             the spinlock.  Who gives up as the first tells who is it then; if
//             nobody is, those that wait for no lock.  Forks wait at the event of
//             these, which all that give the lock back change.
//
// INVARIANTS
//   a  Who takes the lock from the list is its first.
//   b  No thread stands still for good (pan's invalid end states).
//   c  In the end the lock is free and nobody waits.
//
// MUTANTS (each must be refuted)
//   NOTELL      who gives the lock back tells those at its own event only
//   TELLFIRST   tells the first, and then gives it back
//   LOOKEARLY   finds the first, gives it back, and then tells that one
//   EVENTLATE   who waits reads its event after it has looked
//   LEAVEQUIET  who gives up tells nobody: it may have been told
//   LASTQUIET   nor does who gives up as the last of the list
//   NOFREED     who gives the lock back tells the first only
//   ANYTURN     who waits takes the lock when it is free
//   NOSPIN      who comes does without the spinlock
//   NOHOLD      a fork does without it: another may hold it
//   KEEPLIST    in the child those wait that are gone
//   KEEPBUSY    and one that clears has the lock

mtype:mutant = { NONE, NOTELL, TELLFIRST, LOOKEARLY, EVENTLATE, LEAVEQUIET,
                 LASTQUIET, NOFREED, ANYTURN, NOSPIN, NOHOLD, KEEPLIST,
                 KEEPBUSY };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NT
#define NT 2
#endif
#ifndef TURNS
#define TURNS 1
#endif
#ifndef FORKS
#define FORKS 1                 // or 0: nobody forks
#endif
#define CLEARS 0
#define LATE   1
#define FORKER NT
#define FREED  NT               // the event of forks, and of who waits only
#define NOBODY 255

byte busy = NOBODY;             // who has the lock
byte event[NT + 1];
bool spin;
byte list[NT + 1];
byte length;
bool clearing;
bool stopped;
bool child;

// Ghosts.
byte ended;

#define FIRST  (length && list[0] == me)
#define TOLD   (length -> list[0] : FREED) // FREED is the forker's as well
#define SIGNAL(n)  event[n] = event[n] + 1

inline come(me) {
    if
    :: MUTANT == NOSPIN ->
        at = length;
        list[at] = me;
        atomic {
            length = at + 1;
            at = 0
        }
    :: else ->
        atomic {
            !spin -> spin = 1
        };
        d_step {
            list[length] = me;
            length++;
            spin = 0
        }
    fi
}

inline leave(me, taken) {
    atomic {
        !spin -> spin = 1
    };
    d_step {
        was_first = FIRST;
        at = 0;
        do
        :: at < length && list[at] != me ->
            at++
        :: else ->
            break
        od;
        do
        :: at + 1 < length ->
            list[at] = list[at + 1];
            at++
        :: else ->
            break
        od;
        length--;
        list[length] = 0;
        at = TOLD;
        spin = 0
    };
    if
    :: was_first && !(taken) && MUTANT != LEAVEQUIET &&
       !(MUTANT == LASTQUIET && at == FREED) ->
        atomic {
            SIGNAL(at);
            at = 0;
            was_first = 0
        }
    :: else ->
        atomic {
            at = 0;
            was_first = 0
        }
    fi
}

inline find() {
    atomic {
        !spin -> spin = 1
    };
    d_step {
        at = TOLD;
        spin = 0
    }
}

inline tell() {
    atomic {
        if
        :: at != FREED && MUTANT != NOTELL ->
            SIGNAL(at)
        :: else
        fi;
        at = 0
    }
}

inline give() {
    if
    :: MUTANT == TELLFIRST ->
        find();
        tell();
        busy = NOBODY
    :: MUTANT == LOOKEARLY ->
        find();
        busy = NOBODY
    :: else ->
        busy = NOBODY
    fi;
    if
    :: MUTANT != NOFREED ->
        SIGNAL(FREED)
    :: else
    fi;
    if
    :: MUTANT == LOOKEARLY ->
        tell()
    :: MUTANT != TELLFIRST && MUTANT != LOOKEARLY ->
        find();
        tell()
    :: else
    fi
}

// The lock, if it is free.
inline try(me) {
    atomic {
        if
        :: busy == NOBODY ->
            busy = me;
            taken = 1
        :: else
        fi
    }
}

inline try_first(me) {
    if
    :: FIRST || MUTANT == ANYTURN ->
        atomic {
            if
            :: busy == NOBODY ->
                assert(FIRST);                      // a
                busy = me;
                taken = 1
            :: else
            fi
        }
    :: else
    fi
}

// Until it is taken, or the thread gives up.
inline take(me) {
    if
    :: length == 0 ->
        try(me)
    :: else
    fi;
    if
    :: taken
    :: else ->
        come(me);
        do
        :: MUTANT == EVENTLATE ->
            try_first(me);
            seen = event[me];
            if
            :: taken ->
                break
            :: else
            fi;
            (event[me] != seen)
        :: else ->
            seen = event[me];
            try_first(me);
            if
            :: taken ->
                break
            :: else
            fi;
            if
            :: event[me] != seen
            :: me == LATE ->
                break
            fi
        od;
        seen = 0;
        leave(me, taken)
    fi
}

proctype Taker(byte me) {
    byte turn, at, seen;
    bool was_first, taken;

    {
        do
        :: turn < TURNS ->
            take(me);
            if
            :: taken && me == CLEARS ->
                atomic {
                    !stopped -> clearing = 1
                };
                SIGNAL(FREED);
                atomic {
                    !stopped -> clearing = 0
                };
                give()
            :: taken && me != CLEARS ->
                give()
            :: else
            fi;
            atomic {
                taken = 0;
                turn++
            }
        :: else ->
            break
        od
    } unless {
        child
    };
    ended++
}

proctype Waiter() {
    byte seen;

    {
        seen = event[FREED];
        if
        :: busy != NOBODY || length ->
            (event[FREED] != seen)
        :: else
        fi
    } unless {
        child
    };
    ended++
}

inline fork_may(me) {
    if
    :: taken || clearing ->
        may = 1
    :: else ->
        try(me);
        may = taken
    fi
}

inline fork_wait(me) {
    may = clearing;
    if
    :: may
    :: else ->
        come(me);
        do
        :: seen = event[FREED];
           if
           :: FIRST ->
               fork_may(me)
           :: else ->
               may = clearing
           fi;
           if
           :: may ->
               break
           :: else
           fi;
           (event[FREED] != seen)
        od;
        seen = 0;
        leave(me, taken)
    fi
}

inline as_child(me) {
    ended == NT + 1;                                // a ghost
    spin = (MUTANT == NOHOLD -> spin : 0);
    if
    :: MUTANT != KEEPLIST ->
        length = 0
    :: else
    fi;
    if
    :: taken || MUTANT == KEEPBUSY
    :: else ->
        busy = NOBODY
    fi;
    stopped = 0;
    if
    :: taken ->
        give()
    :: else
    fi;
    // It takes the lock, as anybody does.
    length == 0;
    busy == NOBODY;
    !spin
}

proctype Forker(byte me) {
    byte at, seen;
    bool may, taken, was_first;

    do
    :: fork_wait(me);
       stopped = 1;
       fork_may(me);
       if
       :: may ->
           break
       :: else ->
           stopped = 0
       fi
    od;
    if
    :: MUTANT != NOHOLD ->
        atomic {
            !spin -> spin = 1
        }
    :: else
    fi;
    if
    :: child = 1;
       as_child(me)
    :: spin = (MUTANT == NOHOLD -> spin : 0);
       stopped = 0;
       if
       :: taken ->
           give()
       :: else
       fi
    fi;
    ended++
}

init {
    byte n;

    atomic {
        do
        :: n < NT ->
            run Taker(n);
            n++
        :: else ->
            break
        od;
        run Waiter();
        if
        :: FORKS ->
            run Forker(FORKER)
        :: else
        fi
    };
    ended == NT + 1 + FORKS;
    assert(length == 0 && busy == NOBODY && !spin)  // c
}
