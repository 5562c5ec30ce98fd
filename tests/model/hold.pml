// The concurrent collector reads blocks that nobody keeps for it.  This model
// exists because an object may die, its memory be used again, even as raw
// memory, while the collector looks at it; and because a block that both the
// collector and a thread think to be theirs to free is freed twice, or never.
//
// QUESTION    Does the collector read and watch objects only, in whatever unit
//             they lie; and is every block freed once?
// THREADS     two mutators, each of which kills the object, at once or through
//             limbo, allocates and frees in its place, gives its memory to
//             others as raw memory, blocks, leaves its mutator vacant, and
//             takes over what another left; the collector, COLLECTIONS times.
// ABSTRACTED  One block, which is all of its pool or its large object's unit.
//             That an old object survives validation is a choice.  What the
//             handshake promises is hs.pml's, the wait of limbo limbo.pml's: a
//             grace period may be over at any time.  Sequentially consistent
//             memory.
// IN C        give           tly_is_held, tly_end_is_held; blocks_give
//             takes over     tly_limbo_rescue, tly_registry_adopt
//             work           tly_cycle_enter
//             another kind   the pool layer's give (tly_pools_held)
//             Collector      begin, capture, end (live.c); tly_watch, unwatch
//             Edges: [cycle], [goal], [acknowledge], [state]; [death],
//             [untracked].
//
// THE RULE    From goal BEGIN to END a mutator holds: what dies in its hands
//             and is not of the newest colour goes on its held list.  Death
//             and watch are RMWs of one word: who comes second knows of the
//             other.  Watched first: the block is the collector's, which frees
//             it when the watch ends.  Dead first: it is no member, and the
//             mutator's.  Who frees what waited in limbo acts as itself,
//             whoever retired it.  From before BEGIN until all watches have
//             ended no unit changes its kind.
//
// INVARIANTS
//   a  What the collector reads, watches, or unwatches is an object, of the
//      colour that it looks for, or one that died so.
//   b  A block is freed once.
//   c  Nothing is allocated in a block that is watched or read.
//   d  When all is quiet no dead object's block is left.
//
// NOT AN ERROR
//   LETGO=1  units may change their kind when goal END has been answered: from
//            then on only members are looked at, which are not free
//
// MUTANTS (each must be refuted)
//   NOHOLD       what dies is free at once
//   EARLYEND     goal END is asked for before the capture
//   LOADWATCH    who frees tests WATCH, then sets DEAD
//   LOADDEAD     the collector tests DEAD, then ends the watch
//   MEMBERDEAD   what was dead when it was watched stays a member
//   COLLECTORALL the collector frees what it finds dead, whoever came first
//   LIMBOFREE    what waited in limbo is freed at once
//   NOPOOLHOLD   a unit may change its kind at any time
//   POOLLATE     where to look is chosen before no unit may change its kind

mtype:mutant = { NONE, NOHOLD, EARLYEND, LOADWATCH, LOADDEAD, MEMBERDEAD,
                 COLLECTORALL, LIMBOFREE, NOPOOLHOLD, POOLLATE };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef LETGO
#define LETGO 0
#endif
#ifndef COLLECTIONS
#define COLLECTIONS 2
#endif

// The block.
mtype:block = { ALIVE, DEAD_, FREE, RAW };
mtype:block block = ALIVE;
byte object_colour;
bool watch;
bool dead;                      // the flag

bool pool_hold;
byte goal;                      // odd: BEGIN
bool attached[2] = true;
byte ack[2];
byte colour[2];
bool hold[2];
bool held[2];                   // lists, of the one block
bool limbo[2];

// Ghosts.
bool reading;                   // the collector may touch the block
bool done;

#define BEGUN ((goal + 1) / 2)  // the newest colour

inline free() {
    atomic {
        assert(block == DEAD_);                             // b
        block = FREE
    }
}

inline work(me) {
    g = goal;
    hold[me] = g % 2;
    colour[me] = (g + 1) / 2;
    atomic {
        ack[me] = g;
        g = 0
    }
}

// The object's block leaves the object layer.
inline give(me, at_once) {
    w = watch || hold[me];
    if
    :: !w || at_once ->
        free()
    :: w && !(at_once) && MUTANT != LOADWATCH ->
        atomic {
            w = watch;
            dead = 1
        };
        if
        :: !w && object_colour != colour[me] && hold[me] ->
            held[me] = 1
        :: !w && !(object_colour != colour[me] && hold[me]) ->
            free()
        :: w                    // the collector's
        fi
    :: w && !(at_once) && MUTANT == LOADWATCH ->
        w = watch;
        dead = 1;
        if
        :: !w ->
            held[me] = 1
        :: w
        fi
    fi;
    w = 0
}

proctype Mutator(byte me) {
    byte g;
    bool w;

    do
    :: attached[me] && ack[me] != goal ->
        work(me)
    :: held[me] && !hold[me] && attached[me] ->     // given back
        held[me] = 0;
        free()
    :: attached[me] && block == ALIVE ->
        atomic {                                    // dies
            if
            :: block == ALIVE ->
                block = DEAD_;
                w = 1
            :: else
            fi
        };
        if
        :: w ->
            w = 0;
            give(me, MUTANT == NOHOLD)
        :: w ->
            w = 0;
            limbo[me] = 1
        :: else
        fi
    :: attached[me] && limbo[me] ->
        limbo[me] = 0;
        give(me, MUTANT == LIMBOFREE)
    :: atomic {                                     // takes over
           attached[me] && !attached[1 - me] && limbo[1 - me] ->
               limbo[1 - me] = 0;
           limbo[me] = 1
       }
    :: atomic {                                     // allocates
           attached[me] && block == FREE ->
               assert(!watch && !reading);          // c
           block = ALIVE;
           dead = 0;
           object_colour = colour[me]
       }
    :: atomic {                                     // another kind of unit
           attached[me] && block == FREE &&
           (!pool_hold || MUTANT == NOPOOLHOLD) -> assert(!watch);
           block = RAW
       }
    :: atomic {
           attached[me] && block == RAW &&
           (!pool_hold || MUTANT == NOPOOLHOLD) -> assert(!watch);
           block = FREE;
           dead = 0
       }
    :: atomic {                                     // any bytes
           attached[me] && block == RAW && object_colour -> object_colour = 0
       }
    :: attached[me] && !done ->                     // blocks, or ends
        attached[me] = 0;
        do
        :: attached[me] = 1;
           work(me);
           break
        :: done ->
            attached[me] = 1;
            work(me);
            break
        od
    :: done && ack[me] == goal && !held[me] && !limbo[me] && attached[me] ->
        break
    od
}

#define ACKED(t) (ack[t] == goal || !attached[t])

inline ask() {
    goal++;
    ACKED(0);
    ACKED(1)
}

// Whether the block looks like one of the set.
#define LOOKS (object_colour != BEGUN && (block == ALIVE || block == RAW))
#define OBJECT assert(block == ALIVE || block == DEAD_)

// A member is one no more.
inline unwatch() {
    if
    :: MUTANT == LOADDEAD ->
        lost = dead;
        atomic {
            watch = 0;
            reading = 0
        }
    :: else ->
        atomic {
            OBJECT;
            lost = dead;
            watch = 0;
            reading = 0
        }
    fi;
    if
    :: lost ->
        lost = 0;
        free()
    :: else
    fi;
    member = 0
}

proctype Collector() {
    byte n;
    bool lost;
    bool looked;
    bool member;

    do
    :: n < COLLECTIONS ->
        n++;
        pool_hold = (MUTANT != POOLLATE);
        ask();
        looked = (block != RAW);
        pool_hold = 1;
        if
        :: MUTANT == EARLYEND ->
            ask()
        :: else
        fi;
        atomic {
            member = (looked && LOOKS);
            reading = member
        };
        if
        :: member ->
            OBJECT;                                 // a: the capture reads
            atomic {
                OBJECT;
                member = (!dead || MUTANT == MEMBERDEAD);
                watch = 1
            };
            if
            :: !member && MUTANT == COLLECTORALL ->
                free()
            :: member ->        // dropped: it is in limbo, say
                unwatch()
            :: true
            fi;
            atomic {
                reading = member;
                watch = member
            }
        :: else
        fi;
        if
        :: MUTANT != EARLYEND ->
            ask()
        :: else
        fi;
        pool_hold = !(LETGO);
        if
        :: member ->
            OBJECT;                                 // validates
            if
            :: atomic {
                   block == ALIVE -> block = DEAD_; // commits
                   dead = 1
               }
            :: true
            fi;
            unwatch()
        :: else
        fi;
        pool_hold = 0;
        looked = 0
    :: else ->
        break
    od;
    done = 1
}

init {
    atomic {
        run Mutator(0);
        run Mutator(1);
        run Collector()
    };
    _nr_pr == 1;
    assert(block != DEAD_ && !watch && !reading)    // d
}
