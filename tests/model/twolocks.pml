// Two locks of one byte that are wanted at once: two lists of which one is
// extended by the other, two sets that are compared.  This model exists because
// whoever waits for a lock does so in a blocking region: hooks of the program
// run there and use the very containers, and who stops the world, or forks,
// finds that thread standing still.
//
// QUESTION    Does nobody wait with a lock held, and does everybody get both?
// THREADS     NT; each takes both locks TURNS times, every second thread in the
//             other order.  One stops the world, at any moment at which all
//             others stand still.
// ABSTRACTED  What a lock does by itself is bytelock.pml's: here a wait is for
//             the byte to be 0, and takes nothing.  Spinning is one try.  Who
//             waits runs one hook before, or none, which takes either lock.
// IN C        want_both   tly_byte_lock_both, take_both, take_in_order
//             want        tly_byte_lock, tly_byte_lock_slow
//             hook        what tally_blocking_enter and _exit run
//
// THE RULE    With one lock held the other is tried, not waited for: if it is
//             busy the first is given back, and the busy one is waited for.
//             After ROUNDS of that both are taken by their addresses, the
//             second without standing still: its holder waits for nobody.
//
// INVARIANTS
//   a  Where all stand still no lock is held (the stop's assertion).
//   b  A thread that stands still, or runs a hook, holds no lock.
//   c  All come to their end (pan's invalid end states).
//   d  Who has both has both (holders of each are one).
//
// MUTANTS (each must be refuted)
//   HOLDFIRST   the second is waited for with the first held
//   PARKLAST    so it is after the rounds
//   ANYORDER    after the rounds the caller's order is taken
//   NOGIVE      the first is kept when the other order is tried

mtype:mutant = { NONE, HOLDFIRST, PARKLAST, ANYORDER, NOGIVE };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NT
#define NT 2
#endif
#ifndef TURNS
#define TURNS 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif

byte lock[2]; // 0, or the holder plus 1
byte still;   // threads that stand still or have ended, a bit each
byte ended;

#define HELD_BY(t) (lock[0] == t + 1 || lock[1] == t + 1)

inline try(l) {
    atomic {
        got = (lock[l] == 0);
        if
        :: got ->
            lock[l] = me + 1
        :: else
        fi
    }
}

inline give(l) {
    atomic {
        assert(lock[l] == me + 1);
        lock[l] = 0
    }
}

// In a blocking region, until [l] is free.
inline stand(l) {
    atomic {
        assert(!HELD_BY(me));
        still = still | (1 << me)
    };
    atomic {
        lock[l] == 0 ->
        still = still & ~(1 << me)
    }
}

// A hook of the program's that uses the container of [l].
inline hook(l) {
    assert(!HELD_BY(me));
    do
    :: try(l);
        if
        :: got ->
            break
        :: else ->
            stand(l)
        fi
    od;
    give(l)
}

inline want(l) {
    do
    :: try(l);
        if
        :: got ->
            break
        :: else ->
            if
            :: hook(0)
            :: hook(1)
            :: true
            fi;
            stand(l)
        fi
    od
}

inline want_both(a, b) {
    n = 0;
    do
    :: n == 2 * ROUNDS && MUTANT != HOLDFIRST ->
        // In order, the second without standing still.
        if
        :: MUTANT == ANYORDER ->
            want(a);
            x = b
        :: else ->
            want(0);
            x = 1
        fi;
        if
        :: MUTANT == PARKLAST ->
            want(x)
        :: else ->
            atomic {
                lock[x] == 0 ->
                lock[x] = me + 1
            }
        fi;
        break
    :: else ->
        x = (n % 2 -> b : a);
        if
        :: MUTANT == NOGIVE && lock[x] == me + 1
        :: else ->
            want(x)
        fi;
        if
        :: MUTANT == HOLDFIRST ->
            want(1 - x);
            break
        :: else
        fi;
        try(1 - x);
        if
        :: got ->
            break
        :: else ->
            if
            :: MUTANT != NOGIVE ->
                give(x)
            :: else
            fi
        fi;
        n++
    od;
    atomic {
        assert(lock[0] == me + 1 && lock[1] == me + 1);
        n = 0;
        x = 0;
        got = 0
    }
}

proctype thread(byte me) {
    byte turn, n, x;
    bool got;

    do
    :: turn < TURNS ->
        want_both(me % 2, 1 - me % 2);
        give(0);
        give(1);
        turn++
    :: else ->
        break
    od;
    atomic {
        still = still | (1 << me);
        ended++
    }
}

// Stops the world, and uses both containers.
active proctype stopper() {
    do
    :: atomic {
        still == (1 << NT) - 1 ->
        assert(lock[0] == 0 && lock[1] == 0)
    }
        if
        :: ended == NT ->
            break
        :: true
        fi
    od
}

init {
    byte m;

    atomic {
        do
        :: m < NT ->
            run thread(m);
            m++
        :: else ->
            break
        od
    }
}
