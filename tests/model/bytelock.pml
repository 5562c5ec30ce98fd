// Locks of one byte, whose waiters park at an event that locks share.  This
// model exists because unlocking is a plain store, and then a load of how many
// wait: the processor may do the load before the store is seen by others.
//
// QUESTION    Does one thread at a time hold the lock, and does nobody sleep
//             for good while others go on?
// THREADS     NT, each of which takes the lock and gives it back TURNS times;
//             and a processor, which lets stores be seen when it likes.
// ABSTRACTED  Spinning is one try, or none.  Waiting is on a number that each
//             signal changes, modulo 8: fewer signals than that come in a run.
//             Signals for other locks at the same event only wake.  Memory is
//             that of x86 (TSO): the store that unlocks waits in a buffer until
//             the processor, or a locked instruction of the same thread, or a
//             membarrier of anybody empties it.  All else is read-modify-write.
// IN C        take        tly_byte_lock, tly_byte_lock_slow, spin, try
//             barrier     wait_begin
//             give        tly_byte_unlock, tly_byte_unlock_slow
//             the wait    tly_event_wait: goes on when the value is not the
//                         one that was seen
//             Edges: [byte-lock], [byte-waiter].
//
// THE RULE    Who waits says so, passes a barrier to all, reads the event, and
//             tries once more before it sleeps.  Who unlocks stores, looks
//             whether anybody waits, and signals if so.
//
// INVARIANTS
//   a  At most one thread holds the lock (holders).
//   b  No thread stands still for good: all come to their end (pan's invalid
//      end states; a sleeper whose event has its number still is in one).
//   c  In the end the byte is 0 and nobody waits.
//
// MUTANTS (each must be refuted)
//   NOBARRIER   who waits passes no barrier
//   COUNTLATE   who waits says so after the barrier
//   NOTRY       who waits does not try once more before it sleeps
//   EVENTLATE   the event is read after that try
//   LOOKFIRST   who unlocks looks before it stores
//   NOSIGNAL    who unlocks does not signal
//   PLAINTAKE   the byte is read, and then stored, by who takes it

mtype:mutant = { NONE, NOBARRIER, COUNTLATE, NOTRY, EVENTLATE, LOOKFIRST,
                 NOSIGNAL, PLAINTAKE };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NT
#define NT 3
#endif
#ifndef TURNS
#define TURNS 2
#endif

byte lock;
byte event;
byte waiters;
byte buffered; // threads whose store waits to be seen, a bit each

// Ghosts.
byte holders;
byte ended;

// The store of thread [n], of 0, is seen.
inline flush(n) {
    if
    :: buffered & (1 << n) ->
        lock = 0;
        buffered = buffered & ~(1 << n)
    :: else
    fi
}

// The event's change is a locked instruction.
inline signal() {
    atomic {
        flush(me);
        event = (event + 1) % 8
    }
}

inline try() {
    got = 0;
    if
    :: MUTANT == PLAINTAKE ->
        old = lock;
        if
        :: old == 0 ->
            lock = 1;
            got = 1
        :: else
        fi
    :: else ->
        atomic {
            flush(me);
            if
            :: lock == 0 ->
                lock = 1;
                got = 1
            :: else
            fi
        }
    fi
}

inline say() {
    atomic {
        flush(me);
        waiters++
    }
}

// A thread has at most one store in its buffer, and the lock one holder at
// most: so one store, whosever it is.
inline barrier() {
    atomic {
        if
        :: buffered ->
            lock = 0;
            buffered = 0
        :: else
        fi
    }
}

inline take() {
    try();
    if
    :: got
    :: else ->
        if
        :: MUTANT != COUNTLATE ->
            say()
        :: else
        fi;
        if
        :: MUTANT != NOBARRIER ->
            barrier()
        :: else
        fi;
        if
        :: MUTANT == COUNTLATE ->
            say()
        :: else
        fi;
        do
        :: got ->
            break
        :: else ->
            if
            :: MUTANT != EVENTLATE ->
                seen = event
            :: else
            fi;
            if
            :: MUTANT != NOTRY ->
                try()
            :: else
            fi;
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
            flush(me);
            waiters--
        }
    fi;
    atomic {
        seen = 0;
        got = 0;
        old = 0;
        holders++;
        assert(holders == 1)
    }
}

inline give() {
    holders--;
    if
    :: MUTANT == LOOKFIRST ->
        old = waiters;
        buffered = buffered | (1 << me)
    :: else ->
        buffered = buffered | (1 << me);
        old = waiters
    fi;
    if
    :: old > 0 && MUTANT != NOSIGNAL ->
        signal()
    :: else
    fi;
    old = 0
}

proctype thread(byte me) {
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
        flush(me);
        ended++;
        assert(ended < NT || (lock == 0 && waiters == 0))
    }
}

// Empties buffers, or does not for as long as it likes.
active proctype processor() {
    do
    :: atomic {
        buffered ->
        lock = 0;
        buffered = 0
    }
    :: ended == NT ->
        break
    od
}

init {
    byte n;

    atomic {
        do
        :: n < NT ->
            run thread(n);
            n++
        :: else ->
            break
        od
    }
}
