// A collector, a stop or a change of colour asks every mutator to do a piece
// of work at its own safepoint, and goes on when all have answered.  This
// model exists because an answer without the work, or a mutator that is passed
// over and comes back too early, frees memory that is in use.
//
// QUESTION    When a handshake ends, has every mutator that runs, or will run
//             again, done the work of that very goal before its next
//             operation?  Does the handshake always end?
// THREADS     mutator 0 exists from the start, mutator 1 registers late; a
//             sender that sets the breaker for a merge request and acts for an
//             idle mutator 0; the asker, GOALS handshakes one after the other;
//             FLUSHES askers that want something else, at the same time, and
//             then no sender.
// ABSTRACTED  Work is a colour, and to hold what dies (odd goals, handshake 0,
//             BEGIN); or to hold no more, and the promise that no plain
//             operation is in flight (even goals, handshake 1, END).  The work
//             of a goal follows from its number: a mutator that missed goals
//             does what is left of all of them when it attaches or registers.
//             A goal of another asker's has the colour of the last, and its
//             own work is to be worked for at all.  With FLUSHES the asker may
//             give up a BEGIN that it waits for: END follows, and nobody waits.
//             Sequentially consistent memory.
// IN C        ask         tly_handshake: ask, wait_all
//             poll        tly_poll, tly_handshake_seen, tly_handshake_answer
//             attach      tly_mutator_attach; also of a vacant mutator that is
//                         taken over, and at the end of a registration
//             detach      tly_mutator_detach, and the exit of a thread
//             stand       tly_world_pass, in tly_poll: a thread that stands
//                         still while the world is stopped
//             Sender      tly_inbox_send, tly_inbox_help
//             Edges: [goal] against [state], and against [registered]
//             (Dekker, seq_cst on both sides); [acknowledge] release store
//             of the number.
//
// THE RULE    An acknowledgement is a promise that the work of that goal is
//             done: read the goal, work, store that number.  Attach and
//             registration are polls.  The asker only looks at mutators that
//             are not ATTACHED: their attach does the work; whoever acts for
//             a SUSPENDED one answers for itself.  The number of mutators is
//             read after the goal.
//
// INVARIANTS
//   a  Once handshake 0 has ended nobody allocates with the old colour.
//   b  Once handshake 1 has ended nobody is between a test that came before
//      the watch and the plain store that follows it.
//   c  From the end of handshake 0 until handshake 1 is asked for, all that
//      dies is held.
//   d  Once another asker's handshake has ended, every mutator that runs has
//      worked for that goal, or for a later one.
//   live  Every handshake ends (weak fairness; -DLIVE and pan -a -f).
//
// MUTANTS (each must be refuted)
//   KINDBITS    the work follows from the breaker's bits, the acknowledgement
//               from the newest goal
//   ATTNOWORK   attach acknowledges without working
//   NRECFIRST   the asker reads the number of mutators before the goal
//   GOALFIRST   attach reads the goal before its state is ATTACHED
//   MISSED      goal END is hold no more, and the colour of the BEGIN that was
//               missed before it is not taken
//   NEWCOLOUR   attach takes the colour, and does not hold
//   CLEARAFTER  the breaker is cleared after the goal was read (live)
//   NOLOCK      two askers read the last goal, and raise the same one
//   STOOD       who stood still goes on without a look at the goal

mtype:mutant = { NONE, KINDBITS, ATTNOWORK, NRECFIRST, GOALFIRST, MISSED,
                 NEWCOLOUR, CLEARAFTER, STOOD, NOLOCK };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef GOALS
#define GOALS 4                 // two collections of two handshakes
#endif
#ifndef FLUSHES
#define FLUSHES 0
#endif
#define NMUT 2

#define MERGE 1                 // breaker bits
#define HS0   2
#define HS1   4

mtype:state = { ATTACHED, DETACHED, SUSPENDED, VACANT };
mtype:state state[NMUT] = VACANT;
byte breaker[NMUT];
byte ack[NMUT];
byte colour[NMUT];
bool hold[NMUT];
byte goal;
byte cycle[GOALS + FLUSHES + 1]; // by goal: the asker's handshake that it is, or
                                 // that came last
byte nmut = 1;                  // mutators that are registered
bool watch;

// Ghosts.
byte h0_ended;                  // the newest goal of kind 0 that has ended
bool h1_ended;                  // kind 1 has ended, its watch is still on
bool captures;                  // between the two handshakes
byte done;                      // askers that have ended
byte flushed;                   // the other asker's goal, when it has ended
byte worked[NMUT];              // the last goal that a mutator has worked for

#define IDLE(s)    ((s) == DETACHED || (s) == VACANT)
#define ODD(g)     ((g) % 2)
#define COLOUR(g)  (ODD(g) -> (g) : ((g) == 0 -> 0 : (g) - 1))

inline work(r, g) {
    atomic {
        colour[r] = (MUTANT == MISSED && !ODD(cycle[g]) ->
                     colour[r] : COLOUR(cycle[g]));
        hold[r] = ODD(cycle[g]);
        worked[r] = (FLUSHES > 0 -> g : 0)
    }
}

inline poll(me) {
    if
    :: breaker[me] == 0 ->
        skip
    :: breaker[me] != 0 && MUTANT == KINDBITS ->
        atomic {
            b = breaker[me];
            breaker[me] = 0
        };
        g = goal;
        if
        :: b & HS0 ->
            work(me, g)
        :: else
        fi;
        ack[me] = g
    :: breaker[me] != 0 && MUTANT == CLEARAFTER ->
        g = goal;
        work(me, g);
        ack[me] = g;
        breaker[me] = 0
    :: breaker[me] != 0 && MUTANT != KINDBITS && MUTANT != CLEARAFTER ->
        breaker[me] = 0;        // an exchange, and first
        g = goal;
        work(me, g);
        ack[me] = g
    fi;
    atomic {
        b = 0;
        g = 0
    }
}

inline acknowledge(me) {
    if
    :: MUTANT != GOALFIRST ->
        g = goal
    :: else
    fi;
    if
    :: MUTANT == NEWCOLOUR ->
        colour[me] = COLOUR(cycle[g])
    :: MUTANT != ATTNOWORK && MUTANT != NEWCOLOUR ->
        work(me, g)
    :: else
    fi;
    atomic {
        ack[me] = g;
        g = 0
    }
}

inline attach(me) {
    if
    :: MUTANT == GOALFIRST ->
        g = goal
    :: else
    fi;
    atomic {
        IDLE(state[me]) -> state[me] = ATTACHED
    };
    acknowledge(me)
}

inline stand(me) {
    state[me] = DETACHED;
    atomic {
        IDLE(state[me]) -> state[me] = ATTACHED
    };
    if
    :: MUTANT != STOOD && goal != ack[me] ->
        breaker[me] = 0;
        acknowledge(me)
    :: else
    fi
}

proctype Mutator(byte me) {
    byte g;
    byte b;
    bool w;

    if
    :: me == 0 ->
        attach(me)
    :: else ->                  // registers while a handshake may be open
        state[me] = ATTACHED;
        if
        :: MUTANT == GOALFIRST ->
            g = goal
        :: else
        fi;
        nmut++;
        acknowledge(me)
    fi;
end:
    do
    :: done == 1 + FLUSHES ->
        break
    :: else ->
#ifdef LIVE
        poll(me);               // every turn polls
#else
        if
        :: poll(me)
        :: skip                 // the first operation may come before a poll
        fi;
#endif
        if
        :: assert(colour[me] >= h0_ended)       // allocates
        :: assert(hold[me] || !captures)        // something dies
        :: assert(worked[me] >= flushed)        // does anything
        :: w = watch;                           // tests, then stores plainly
           assert(w || !h1_ended);
           w = 0
        :: state[me] = DETACHED;
           attach(me)
        :: stand(me)
        :: state[me] = VACANT;                  // exits, and is taken over
           attach(me)
        :: state[me] = DETACHED;                // blocked for ever
           break
        :: state[me] = VACANT;                  // gone
           break
        fi
    od
}

proctype Sender() {
    mtype:state idle = DETACHED;
    bool won;

    breaker[0] = breaker[0] | MERGE;
    atomic {
        won = IDLE(state[0]);
        if
        :: won ->
            idle = state[0];
            state[0] = SUSPENDED
        :: else
        fi
    };
    if
    :: won ->
        breaker[0] = breaker[0] & ~MERGE;
        state[0] = idle
    :: else
    fi
}

// The question: raises the next goal, of the asker's handshake [k].
inline raise(k) {
    if
    :: MUTANT == NOLOCK ->
        g = goal + 1;
        atomic {
            cycle[g] = k;
            goal = g
        }
    :: else ->
        atomic {                // under the lock
            g = goal + 1;
            cycle[g] = k;
            goal = g
        }
    fi
}

inline ask(k) {
    if
    :: MUTANT == NRECFIRST ->
        n = nmut;
        raise(k)
    :: else ->
        raise(k);
        n = nmut
    fi;
    do
    :: r < n ->
        breaker[r] = breaker[r] | (ODD(k) -> HS0 : HS1);
        r++
    :: else ->
        r = 0;
        break
    od
}

// And the wait for the answers.
inline await() {
    do
    :: r < n ->
        if
        :: ack[r] >= g ->
            r++
        :: ack[r] < g && state[r] != ATTACHED ->
            r++
        :: FLUSHES > 0 && ODD(cycle[g]) && mine ->
            late = 1;           // the deadline
            break
        fi
    :: else ->
        break
    od;
    atomic {
        r = 0;
        n = 0
    }
}

proctype Asker() {
    byte r;
    byte n;
    byte k;
    byte g;
    bool late;
    bool mine = 1;

    do
    :: k < GOALS ->
        k++;
        if
        :: ODD(k) ->
            ask(k);
            await();
            if
            :: !late ->
                atomic {
                    h0_ended = k;
                    captures = 1
                }
            :: else
            fi
        :: !ODD(k) && late ->
            ask(k);             // nothing is watched: nobody waits for it
            atomic {
                r = 0;
                n = 0;
                late = 0
            }
        :: !ODD(k) && !late ->
            atomic {
                captures = 0;
                watch = 1
            };
            ask(k);
            await();
            h1_ended = 1;
            atomic {
                h1_ended = 0;
                watch = 0
            }
        fi;
        g = 0
    :: else ->
        break
    od;
    done++
}

// One of another kind, beside the asker's.
proctype Flusher() {
    byte r;
    byte n;
    byte g;
    bool late;
    bool mine;

    if
    :: MUTANT == NOLOCK ->
        g = goal + 1;
        atomic {
            cycle[g] = cycle[g - 1];
            goal = g
        }
    :: else ->
        atomic {
            g = goal + 1;
            cycle[g] = cycle[goal];
            goal = g
        }
    fi;
    n = nmut;
    do
    :: r < n ->
        breaker[r] = breaker[r] | HS0;
        r++
    :: else ->
        r = 0;
        break
    od;
    await();
    flushed = g;
    done++
}

init {
    atomic {
        run Mutator(0);
        run Mutator(1);
        if
        :: FLUSHES == 0 ->
            run Sender()
        :: else
        fi;
        run Asker();
        if
        :: FLUSHES > 0 ->
            run Flusher()
        :: else
        fi
    }
}

#ifdef LIVE
ltl ends { <> (done == 1 + FLUSHES) }
#endif
