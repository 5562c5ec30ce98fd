// Threads come and leave while another ends the runtime, and it is started
// again.  This model exists because a thread uses the mutators' records before
// its state says that it is there, and after its state says that it has gone.
//
// QUESTION    Are the records there for whoever uses them, until it is done?
// THREADS     two threads, each with a mutator, that come and leave; one that
//             ends the runtime, which has no mutator any more.
// ABSTRACTED  A thread has a mutator of its own: adoption is inbox.pml's.
//             Waiting is a condition.  What threads do while they are there
//             is left out.  Runs of every length.  Memory is sequentially
//             consistent.
// IN C        come        mutator_take in attach.c: tly_gate_pass
//             leave       state_leave, give_up
//             start       tly_runtime_ensure
//             Ender       end_alone in start.c
//             Edges: [gate] the word; [state] stores of the state.
//
// THE RULE    Whoever comes is counted before it asks whether the gate is
//             open, and until its state says that it is there.  Whoever leaves
//             is counted before its state says that it has gone.  Whoever ends
//             the runtime closes the gate, waits for nobody inside, looks at
//             the states, and waits for nobody inside once more.
//
// INVARIANT   The records that a thread uses are there, and those that it came
//             to.
//
// MUTANTS (each must be refuted)
//   NOCOUNT     whoever comes looks at the gate and is not counted
//   TESTFIRST   whoever comes is counted after it has found the gate open
//   LEFTLATE    whoever leaves is counted after its state says that it has gone
//   NOHOLD      whoever leaves is not counted
//   LOOKFIRST   the states are looked at with threads inside that come
//   ONEWAIT     after the look nobody is waited for
//   NOLOOK      the states are not looked at

mtype:mutant = { NONE, NOCOUNT, TESTFIRST, LEFTLATE, NOHOLD, LOOKFIRST,
                 ONEWAIT, NOLOOK };
#ifndef MUTANT
#define MUTANT NONE
#endif

bool open = true;
byte inside;
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
       leave();
       mine = 0;
       found = false
    od
}

proctype Ender() {
    bool other;
end:
    do
    :: atomic { !lock -> lock = true };
       if
       :: !open
       :: else ->
           open = false;
           if
           :: MUTANT != LOOKFIRST -> inside == 0
           :: else
           fi;
           other = attached[0];
           other = other || attached[1];
           if
           :: MUTANT == NOLOOK -> other = false
           :: else
           fi;
           if
           :: other -> open = true
           :: else ->
               if
               :: MUTANT != ONEWAIT -> inside == 0
               :: else
               fi;
               there = false
           fi;
           other = false
       fi;
       lock = false
    od
}

init {
    atomic {
        run Thread(0);
        run Thread(1);
        run Ender()
    }
}
