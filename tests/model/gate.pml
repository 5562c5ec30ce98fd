// Threads come and leave while another ends the runtime, and it is started
// again.  This model exists because a thread uses the mutators' records before
// its state says that it is there, and after its state says that it has gone.
//
// QUESTION    Are the records there for whoever uses them, until it is done?
//             And is all garbage collected that threads leave before the end?
// THREADS     two threads, each with a mutator, that come and leave; one that
//             ends the runtime, which has no mutator any more.
// ABSTRACTED  A thread has a mutator of its own: adoption is inbox.pml's.
//             Waiting is a condition.  What threads do while they are there
//             is left out, but for garbage that they make.  How many have come
//             is compared by who ends: here whether any has since it looked.
//             Runs of every length.  Memory is sequentially consistent.
// IN C        come        mutator_take in attach.c: tly_gate_pass
//             leave       state_leave, give_up
//             start       tly_runtime_ensure
//             Ender       end_drained, end_alone in end.c
//             Edges: [gate] the word; [state] stores of the state.
//
// THE RULE    Whoever comes is counted before it asks whether the gate is
//             open, and until its state says that it is there.  Whoever leaves
//             is counted before its state says that it has gone.  Whoever ends
//             the runtime closes the gate, waits for nobody inside, looks at
//             the states, and waits for nobody inside once more.  Before, it
//             reads how many have come, looks at the states, and collects; it
//             goes on only if none has come since.  Who comes says so before
//             it is outside.
//
//             (What is asked of arrivals also keeps out who comes between the
//             looks: the rule for the gate alone is looked at without it, with
//             ARRIVALS=0, and holds by itself.)
//
// INVARIANT   The records that a thread uses are there, and those that it came
//             to.  They go without garbage.
//
// MUTANTS (each must be refuted)
//   NOCOUNT     whoever comes looks at the gate and is not counted
//   TESTFIRST   whoever comes is counted after it has found the gate open
//   LEFTLATE    whoever leaves is counted after its state says that it has gone
//   NOHOLD      whoever leaves is not counted
//   LOOKFIRST   the states are looked at with threads inside that come
//   ONEWAIT     after the look nobody is waited for
//   NOLOOK      the states are not looked at
//   NOARRIVAL   nobody asks whether any has come since
//   READLATE    how many have come is read when the states have been looked at
//   NOOTHERS    garbage is collected with others there

mtype:mutant = { NONE, NOCOUNT, TESTFIRST, LEFTLATE, NOHOLD, LOOKFIRST,
                 ONEWAIT, NOLOOK, NOARRIVAL, READLATE, NOOTHERS };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef ARRIVALS
#define ARRIVALS 1              // 0: who ends does not collect, nor ask who came
#endif

bool open = true;
byte inside;
bool arrived;                   // somebody, since the count was read
bool garbage;
bool lock;                      // of start and end
bool there = true;              // the records
byte life;                      // which records, modulo 4
bool attached[2];

inline use() { assert(there && mine == life) }

inline start() {
    atomic { !lock -> lock = true };
    if
    :: !open ->
        life = (life + 1) % 4;
        there = true;
        open = true
    :: else
    fi;
    lock = false
}

inline come() {
    do
    :: if
       :: MUTANT == NOCOUNT -> found = open
       :: MUTANT == TESTFIRST ->
           found = open;
           inside++
       :: else ->
           atomic {
               inside++;
               found = open
           }
       fi;
       if
       :: found -> break
       :: else ->
           if
           :: MUTANT != NOCOUNT -> inside--
           :: else
           fi;
           start()
       fi
    od;
    mine = life;
    use();
    attached[me] = true;
    use();
    arrived = true;
    if
    :: MUTANT != NOCOUNT -> inside--
    :: else
    fi
}

inline leave() {
    if
    :: MUTANT == NOHOLD || MUTANT == LEFTLATE
    :: else -> inside++
    fi;
    attached[me] = false;
    if
    :: MUTANT == LEFTLATE -> inside++
    :: else
    fi;
    use();
    if
    :: MUTANT != NOHOLD -> inside--
    :: else
    fi
}

proctype Thread(byte me) {
    bool found;
    byte mine;
end:
    do
    :: come();
       use();
       garbage = true;
       leave();
       mine = 0;
       found = false
    od
}

inline look() {
    other = attached[0];
    other = other || attached[1]
}

inline end_alone() {
    atomic { !lock -> lock = true };
    if
    :: !open
    :: else ->
        open = false;
        if
        :: MUTANT != LOOKFIRST -> inside == 0
        :: else
        fi;
        look();
        if
        :: MUTANT == NOLOOK -> other = false
        :: else
        fi;
        if
        :: !other && MUTANT != ONEWAIT -> inside == 0
        :: else
        fi;
        if
        :: other || (ARRIVALS && arrived && MUTANT != NOARRIVAL) ->
            open = true
        :: else ->
            assert(!(garbage) || !ARRIVALS);
            there = false
        fi
    fi;
    lock = false
}

proctype Ender() {
    bool other;
end:
    do
    :: if
       :: MUTANT != READLATE -> arrived = false
       :: else
       fi;
       if
       :: ARRIVALS -> look()
       :: else
       fi;
       if
       :: MUTANT == READLATE -> arrived = false
       :: else
       fi;
       if
       :: other && MUTANT != NOOTHERS
       :: else ->
           garbage = false;
           end_alone()
       fi;
       other = false
    od
}

init {
    atomic {
        run Thread(0);
        run Thread(1);
        run Ender()
    }
}
