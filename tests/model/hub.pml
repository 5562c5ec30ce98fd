// A full collection beside running threads has to know the count of a HOT
// object, which is a sum over cells that threads write plainly.  This model
// exists because the collector takes the cells away for a while, when threads
// also make such an object cold, or HOT, and ask for it through weak
// references.
//
// QUESTION    Is a HOT object committed only when nobody refers to it; is no
//             count lost when its cells are folded and used again; and does a
//             weak reference to it work as long as it lives?
// THREADS     two that count, put a reference into the object's own field,
//             take it out, use a weak reference, and make the object cold and
//             HOT, ROUNDS times in all; the collector, COLLECTIONS times, and
//             once when they have gone.
// ABSTRACTED  One object without an owner, and one column.  A handshake and a
//             grace period end when all operations have ended that were under
//             way.  That other members are committed or none is all the same:
//             the phase is COMMITTED in each collection.  Who makes it cold
//             does so under the columns' lock, but for the handshake.  More of
//             cells is promote.pml's, of the phase commit.pml's.  Sequentially
//             consistent memory.
// IN C        up, down    tally_incref_slow_, tally_decref_slow_
//             get         tally_weak_get
//             make_hot, make_cold   the same with tally_ before it
//             Collector, COOLING   not built: full collections stop the world
//                         while there are HOT objects
//             Edges: [hot]; [goal], [acknowledge]; the phase.
//
// THE RULE    HOT objects are watched before goal BEGIN is asked for; when it
//             has been answered nobody counts in their cells, and these are
//             folded into the shared count, in which the bias stays.  Who is
//             HOT and was not folded in this collection is no member.  Before
//             CLOSING the watch of what is no member ends, and its cells are
//             used again.  An object becomes cold by way of COOLING, an owner
//             number of its own for which all count in shared, and a
//             handshake; flags stay as they are: WATCH is the collector's.
//
// INVARIANTS
//   a  What is committed is referred to by nobody, and its cells are empty.
//   b  Who finds the count zero finds no reference left.
//   c  A weak reference answers "dead" only if the object is.
//   d  When all threads have ended counts are exact; a collection frees the
//      object then.
//
// MUTANTS (each must be refuted)
//   FOLDEARLY    cells are folded before goal BEGIN has been answered
//   NOFOLD       they are not; and it stays a member
//   EARLYCELLS   the watch ends after the fold; the next one begins with D's
//   UNFOLDED     what became HOT meanwhile stays a member
//   HOTWATCH     the watch of what lives on ends after COMMITTED
//   COOLWATCH    made cold by WATCH, without a number for COOLING
//   COOLCLEARS   the end of COOLING takes WATCH away, as it does without one
//   COOLEARLY    the cells are summed without a handshake

mtype:mutant = { NONE, FOLDEARLY, NOFOLD, EARLYCELLS, UNFOLDED, HOTWATCH,
                 COOLWATCH, COOLCLEARS, COOLEARLY };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef COLLECTIONS
#define COLLECTIONS 1
#endif
#ifndef K
#define K 2                     // times that threads count up
#endif
#ifndef ROUNDS
#define ROUNDS 2                // times that it is made cold or HOT
#endif
#define BIAS 20

mtype:phase = { OPEN, CLOSING, COMMITTED };
mtype:phase phase = OPEN;
mtype:owner = { NOBODY, HOT, COOLING };
mtype:owner owner = HOT;
bool watch;
bool dirty;
short shared = BIAS;
short cell[2];
bool folded;                    // the column's, in this collection
bool field;
bool target = 1;
bool lock;

bool busy[2];
bool awaited[2];

// Ghosts.
byte refs[2] = 1;
byte rounds;
byte k;
bool gone;
bool dead;
byte over;

#define CELLS   (cell[0] || cell[1])
#define IS_HOT  (owner == HOT || owner == COOLING)

inline begin() {
    busy[me] = 1;
    h = (owner == HOT);
    w = watch
}

inline end() {
    busy[me] = 0;
    awaited[me] = 0;
    h = 0;
    w = 0;
    tmp = 0
}

inline shake() {
    atomic {
        awaited[0] = busy[0];
        awaited[1] = busy[1]
    };
    !awaited[0] && !awaited[1]
}

// Plainly, in two steps.
inline cell_add(by) {
    tmp = cell[me];
    atomic {
        assert(!gone && !dead);
        cell[me] = tmp + by;
        refs[me] = refs[me] + by;
        end()
    }
}

inline up() {
    if
    :: h && !w ->
        cell_add(1)
    :: else ->
        dirty = dirty || w;
        atomic {
            assert(!gone && !dead);
            shared++;
            refs[me]++;
            end()
        }
    fi
}

inline down() {
    if
    :: h && !w ->
        cell_add(-1)
    :: else ->
        dirty = dirty || w;
        atomic {
            assert(!gone && !dead);
            shared--;
            refs[me]--;
            if
            :: !shared ->
                assert(!refs[0] && !refs[1] && !field && !IS_HOT);      // b
                dead = 1;
                target = 0
            :: else
            fi;
            end()
        }
    fi
}

inline upgrade() {
    atomic {
        if
        :: shared ->
            assert(!gone && !dead);
            shared++;
            refs[me]++
        :: else ->
            assert(dead)                                    // c
        fi;
        end()
    }
}

inline answer_dead() {
    atomic {
        assert(gone || dead);                               // c
        end()
    }
}

// With the lock.
inline cool() {
    atomic {
        if
        :: MUTANT == COOLWATCH ->
            w = watch;
            watch = 1
        :: else ->
            owner = COOLING
        fi;
        lock = 0
    };
    if
    :: MUTANT != COOLEARLY ->
        shake()
    :: else
    fi;
    atomic {
        !lock -> lock = 1;
        tmp = cell[0] + cell[1];
        cell[0] = 0;
        cell[1] = 0
    };
    if
    :: watch && tmp ->          // it was not folded
        dirty = 1
    :: else
    fi;
    atomic {
        shared = shared + tmp;
        tmp = 0
    };
    atomic {                    // CAS
        if
        :: MUTANT == COOLCLEARS ->
            watch = 0
        :: MUTANT == COOLWATCH ->
            watch = watch && w
        :: else
        fi;
        owner = NOBODY;
        w = 0
    };
    atomic {
        shared = shared - BIAS;
        assert(shared > 0);
        folded = 0;
        lock = 0
    }
}

inline heat() {
    shared = shared + BIAS;
    atomic {                    // CAS; the flags stay
        owner = HOT;
        lock = 0
    }
}

proctype Thread(byte me) {
    short tmp;
    bool h;
    bool w;

    do
    :: atomic {
           refs[me] == 1 && k < K -> begin();
           k++
       };
       up()
    :: atomic {
           refs[me] -> begin()
       };
       down()
    :: atomic {                 // puts, or takes
           refs[me] && !field || refs[me] == 1 && field -> begin()
       };
       dirty = dirty || w;
       atomic {
           if
           :: !field ->
               field = 1;
               refs[me]--
           :: else ->
               field = 0;
               refs[me]++
           fi;
           end()
       }
    :: atomic {                 // weak_get
           !refs[me] && target && k < K -> begin();
           k++
       };
       do
       :: if
          :: h && !w ->
              cell_add(1);
              break
          :: !h && !w ->
              upgrade();
              break
          :: w && phase == OPEN ->
              dirty = 1;
              if
              :: phase == OPEN ->
                  upgrade();
                  break
              :: else
              fi
          :: w && phase == CLOSING ->
              atomic {
                  if
                  :: phase == CLOSING ->
                      phase = OPEN
                  :: else
                  fi
              }
          :: w && phase == COMMITTED ->
              if
              :: watch ->
                  answer_dead();
                  break
              :: else ->
                  begin()
              fi
          fi
       od
    :: atomic {
           refs[me] && rounds < ROUNDS && !lock && owner == HOT &&
           !(watch && (MUTANT == COOLWATCH)) -> lock = 1;
           rounds++
       };
       cool()
    :: atomic {
           refs[me] && rounds < ROUNDS && !lock && owner == NOBODY ->
               lock = 1;
           rounds++
       };
       heat()
    :: !refs[me] ->
        break
    od;
    over++
}

inline fold() {
    atomic {                    // with the lock
        !lock -> lock = 1
    };
    if
    :: IS_HOT && looked && MUTANT != NOFOLD ->
        shared = shared + cell[0] + cell[1];
        atomic {
            cell[0] = 0;
            cell[1] = 0;
            folded = 1
        }
    :: else
    fi;
    atomic {
        folded = folded || (MUTANT == NOFOLD && IS_HOT);
        lock = 0
    }
}

inline unwatch() {
    atomic {
        watch = 0;
        folded = 0
    }
}

inline collect() {
    atomic {
        !lock -> looked = IS_HOT;
        watch = looked
    };
    if
    :: MUTANT == FOLDEARLY ->
        fold()
    :: else
    fi;
    shake();
    if
    :: MUTANT != FOLDEARLY ->
        fold()
    :: else
    fi;
    if
    :: MUTANT == EARLYCELLS ->
        watch = 0
    :: else
    fi;
    if
    :: true ->                  // the capture proposes it
        dirty = 0;
        atomic {
            member = !dead;
            watch = 1
        };
        shake();
        atomic {
            left = (IS_HOT -> BIAS : 0);
            member = member && (!left || folded || MUTANT == UNFOLDED)
        };
        left = shared - left;
        left = left - field;
        atomic {
            member = member && !left && !dirty && !dead;
            left = 0
        }
    :: over < 2                 // or does not
    fi;
    do
    :: if
       :: !member && MUTANT != HOTWATCH ->
           unwatch()
       :: else
       fi;
       phase = CLOSING;
       if
       :: member && dirty ->
           member = 0;
           phase = OPEN
       :: else ->
           atomic {             // CAS
               if
               :: phase == CLOSING ->
                   phase = COMMITTED;
                   gone = member;
                   assert(!member || !refs[0] && !refs[1] && !CELLS);   // a
                   break
               :: else
               fi
           }
       fi
    od;
    if
    :: member ->
        target = 0
    :: else
    fi;
    shake();
    unwatch();
    atomic {
        phase = OPEN;
        member = 0;
        looked = 0
    }
}

active proctype Collector() {
    short left;
    byte n;
    bool looked;
    bool member;

    atomic {
        cell[0] = 1;
        if
        :: cell[1] = 1
        :: cell[1] = 2;
           shared = BIAS - 1
        fi;
        run Thread(0);
        run Thread(1)
    };
    do
    :: n < COLLECTIONS && !gone && !dead ->
        n++;
        collect()
    :: over == 2 && (n == COLLECTIONS || gone || dead) ->
        break
    od;
    assert(gone || dead ||
           shared + cell[0] + cell[1] - (IS_HOT -> BIAS : 0) == field);
    if
    :: !gone && !dead ->
        collect();
        assert(gone)                                        // d
    :: else
    fi
}
