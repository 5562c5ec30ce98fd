// Locks of one byte, whose waiters park at an event that locks share.  This
// model exists because the byte has no room for a count of who waits: a waiter
// marks the lock, and whoever unlocks a marked one wakes all.
//
// QUESTION    Does one thread at a time hold the lock, and does nobody sleep
//             for good while others go on?
// THREADS     NT, each of which takes the lock and gives it back TURNS times.
// ABSTRACTED  Spinning is one try, or none.  Waiting is on a number that each
//             signal changes, modulo 8: fewer signals than that come in a run.
//             Signals for other locks at the same event only wake.  Memory is
//             sequentially consistent.
// IN C        take        tly_byte_lock, tly_byte_lock_slow, spin, take_or_mark
//             give        tly_byte_unlock, tly_byte_unlock_slow
//             the wait    tly_event_wait: goes on when the value is not the
//                         one that was seen
//             Edges: [byte-lock], read-modify-writes of the byte.
//
// THE RULE    The event is read before the lock is marked.  Whoever unlocks
//             takes the mark away by the very exchange that unlocks, and
//             signals afterwards if there was one.  Who is woken marks anew.
//
// INVARIANTS
//   a  At most one thread holds the lock (holders).
//   b  No thread stands still for good: all come to their end (pan's invalid
//      end states; a sleeper whose event has its number still is in one).
//   c  In the end the byte is 0.
//
// MUTANTS (each must be refuted)
//   EVENTLATE   the event is read after the mark
//   NOSIGNAL    who unlocks does not signal
//   PLAINSTORE  the byte is read, and then stored: a mark between is lost
//   SIGNALFIRST the signal comes before the exchange, for a mark seen there
//   KEEPMARK    who unlocks leaves the mark: it is not the exchange's to take
//   PLAINTAKE   the byte is read, and then stored, by who takes it

mtype:mutant = { NONE, EVENTLATE, NOSIGNAL, PLAINSTORE, SIGNALFIRST, KEEPMARK,
                 PLAINTAKE };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NT
#define NT 3
#endif
#ifndef TURNS
#define TURNS 2
#endif

#define HELD 1
#define WAITED 2

byte lock;
byte event;

// Ghosts.
byte holders;
byte ended;

inline signal() {
    event = (event + 1) % 8
}

// One try of the fast path, or of a spinner.
inline try() {
    got = 0;
    if
    :: MUTANT == PLAINTAKE ->
        old = lock;
        if
        :: old == 0 ->
            lock = HELD;
            got = 1
        :: else
        fi
    :: else ->
        atomic {
            if
            :: lock == 0 ->
                lock = HELD;
                got = 1
            :: else
            fi
        }
    fi
}

// take_or_mark: a loop of compare and exchange, of which the last one counts.
inline take_or_mark() {
    atomic {
        if
        :: lock == 0 ->
            lock = HELD;
            got = 1
        :: else ->
            lock = HELD | WAITED;
            got = 0
        fi
    }
}

inline take() {
    try();
    do
    :: got ->
        break
    :: else ->
        if
        :: MUTANT != EVENTLATE ->
            seen = event
        :: else
        fi;
        take_or_mark();
        if
        :: got ->
            break
        :: else
        fi;
        if
        :: MUTANT == EVENTLATE ->
            seen = event
        :: else
        fi;
        (event != seen);
        try()
    od;
    atomic {
        seen = 0;
        got = 0;
        holders++;
        assert(holders == 1)
    }
}

inline give() {
    holders--;
    if
    :: MUTANT == PLAINSTORE ->
        old = lock;
        lock = 0
    :: MUTANT == SIGNALFIRST ->
        old = lock;
        if
        :: old & WAITED ->
            signal()
        :: else
        fi;
        lock = 0;
        old = 0
    :: MUTANT == KEEPMARK ->
        atomic {
            old = lock;
            lock = lock & WAITED
        }
    :: else ->
        atomic {
            old = lock;
            lock = 0
        }
    fi;
    if
    :: (old & WAITED) && MUTANT != NOSIGNAL ->
        signal()
    :: else
    fi;
    old = 0
}

proctype thread() {
    byte turn, old, seen;
    bool got;

    do
    :: turn < TURNS ->
        take();
        give();
        turn++
    :: else ->
        break
    od;
    atomic {
        ended++;
        assert(ended < NT || lock == 0)
    }
}

init {
    byte n;

    atomic {
        do
        :: n < NT ->
            run thread();
            n++
        :: else ->
            break
        od
    }
}
