// A full collection beside running threads has to know the count of a HOT
// object, which is a sum over cells that threads write plainly.  This model
// exists because the collector adds the cells up, and folds those of some
// objects, when threads also make such an object cold, or HOT, and ask for it
// through weak references.
//
// QUESTION    Is a HOT object committed only when nobody refers to it; is no
//             count lost when its cells are folded; and does a weak reference
//             to it work as long as it lives?
// THREADS     two that count, put a reference into the object's own field,
//             take it out, use a weak reference, and make the object cold and
//             HOT, ROUNDS times in all; the collector, COLLECTIONS times, in
//             either mode, and once beside the threads when they have gone.
// ABSTRACTED  One object without an owner, and one column.  A handshake and a
//             grace period end when all operations have ended that were under
//             way.  That other members are committed or none is all the same:
//             the phase is COMMITTED in each collection.  What the capture
//             reads is nobody's business: it proposes the object or not.
//             Whether the collection makes it cold, by its age or because it
//             looks dead, is any choice.  More of cells is promote.pml's, of
//             the phase commit.pml's.  Sequentially consistent memory.
// IN C        up, down    tally_incref_slow_, tally_decref_slow_
//             get         tally_weak_get
//             heat        tally_make_hot: promote, tly_hot_heat
//             cool        tally_make_cold: cool_begin, cool_end
//             retire, retired   tly_hot_retire, tly_hot_retired
//             collect     find (live.c): the watch is watch.c's, the sum
//                         tly_hot_sum, the rest validate.c's and commit's
//             bury        tly_hot_bury
//             stopped     tly_find_stopped: tly_hot_fold, tly_hot_unfold
//             Edges: [hot]; [goal], [acknowledge]; [watched-count], [dirty];
//             the phase.
//
// THE RULE    A HOT object is a member like any other.  When it is watched, all
//             count in its header; when goal END has been answered its cells do
//             not change until the watch ends, and are added up: HOT, its count
//             is that sum and the header's, less the bias.  Nothing becomes HOT
//             that is watched.  An object becomes cold by way of COOLING, an
//             owner number of its own for which all count in the header, and a
//             handshake; flags stay as they are: WATCH is the collector's.  Of
//             what is watched DIRTY is set before its cells are folded.  What
//             is COOLING is no member.  A collection makes objects cold in the
//             same way: COOLING before goal BEGIN is asked for, folded when it
//             is answered, unless somebody has made it HOT again or cools it,
//             too; if the bias was all that was left a unit stays, which is
//             dropped like any reference at the end.  A collection in a stopped
//             world folds the cells of all.  What it clears is ordinary from
//             then on; garbage that waits for finalizers lives, and is HOT
//             again: an ordinary object whose count is zero is dead, and who
//             asks for it by a weak reference would be told so.
//
// INVARIANTS
//   a  What is committed is referred to by nobody.
//   b  Who finds the count zero finds no reference left.
//   c  A weak reference answers "dead" only if the object is.
//   d  When all threads have ended counts are exact; a collection frees the
//      object then.
//
// MUTANTS (each must be refuted)
//   SUMEARLY     cells are added up before goal END has been answered
//   NOSUM        they are not: the header's count is all that is looked at
//   CELLWATCH    threads count in their cells though it is watched
//   HEATWATCH    an object is made HOT that is watched
//   NOTOUCH      a watched object is made cold without DIRTY
//   HOTWATCH     the watch of what lives on ends after COMMITTED
//   COOLWATCH    made cold by WATCH, without a number for COOLING
//   COOLEARLY    the cells are folded without a handshake
//   RETIREEARLY  the collection folds them before BEGIN has been answered
//   NOKEEP       and though it was made HOT again meanwhile
//   BOTHEND      and though a thread makes it cold, too
//   STALE        and though a thread has made it cold
//   NOUNIT       and keeps no unit of what nobody refers to
//   ZERO         what waits after a stop is ordinary, whatever its count is

mtype:mutant = { NONE, SUMEARLY, NOSUM, CELLWATCH, HEATWATCH, NOTOUCH,
                 HOTWATCH, COOLWATCH, COOLEARLY, RETIREEARLY, NOKEEP, BOTHEND,
                 STALE, NOUNIT, ZERO };
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
bool cooling;                   // by a thread
bool leaving;                   // by the collection
bool kept;                      // a unit of it is the collection's
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

inline ends() {
    assert(!refs[0] && !refs[1] && !field && !IS_HOT);      // b
    dead = 1;
    target = 0
}

inline up() {
    if
    :: h && (!w || MUTANT == CELLWATCH) ->
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
    :: h && (!w || MUTANT == CELLWATCH) ->
        cell_add(-1)
    :: else ->
        dirty = dirty || w;
        atomic {
            assert(!gone && !dead);
            shared--;
            refs[me]--;
            if
            :: !shared ->
                ends()
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

// With the lock, when nobody uses the cells.
inline column_end() {
    dirty = dirty || (watch && MUTANT != NOTOUCH);
    atomic {
        tmp = cell[0] + cell[1];
        cell[0] = 0;
        cell[1] = 0;
        shared = shared + tmp;
        tmp = 0
    };
    owner = NOBODY;             // CAS; the flags stay
    leaving = leaving && (MUTANT == STALE)
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
        cooling = 1;
        lock = 0
    };
    if
    :: MUTANT != COOLEARLY ->
        shake()
    :: else
    fi;
    atomic {
        !lock -> lock = 1
    };
    atomic {
        if
        :: MUTANT == COOLWATCH ->
            watch = watch && w
        :: else
        fi;
        w = 0
    };
    if
    :: cooling ->               // else somebody has ended it
        column_end();
        atomic {
            shared = shared - BIAS;
            assert(shared > 0);
            cooling = 0
        }
    :: else
    fi;
    lock = 0
}

inline heat() {
    if
    :: owner == COOLING ->
        atomic {
            leaving = leaving && (MUTANT == NOKEEP);
            owner = HOT
        }
    :: else ->
        shared = shared + BIAS;
        if                      // CAS; the flags stay
        :: atomic {
               !watch || MUTANT == HEATWATCH -> owner = HOT
           }
        :: atomic {
               watch && MUTANT != HEATWATCH -> shared = shared - BIAS
           }
        fi
    fi;
    lock = 0
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
          :: h && (!w || MUTANT == CELLWATCH) ->
              cell_add(1);
              break
          :: !h && !w ->
              upgrade();
              break
          :: w && !(h && MUTANT == CELLWATCH) && phase == OPEN ->
              dirty = 1;
              if
              :: phase == OPEN ->
                  upgrade();
                  break
              :: else
              fi
          :: w && !(h && MUTANT == CELLWATCH) && phase == CLOSING ->
              atomic {
                  if
                  :: phase == CLOSING ->
                      phase = OPEN
                  :: else
                  fi
              }
          :: w && !(h && MUTANT == CELLWATCH) && phase == COMMITTED ->
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
           refs[me] && rounds < ROUNDS && !lock && IS_HOT && !cooling &&
           !(watch && (MUTANT == COOLWATCH)) -> lock = 1;
           rounds++
       };
       cool()
    :: atomic {
           refs[me] && rounds < ROUNDS && !lock &&
           (owner == NOBODY || leaving && owner == COOLING && !cooling) ->
               lock = 1;
           rounds++
       };
       heat()
    :: !refs[me] ->
        break
    od;
    over++
}

inline retire() {
    if
    :: atomic {
           !lock && owner == HOT && !cooling -> leaving = 1;
           owner = COOLING
       }
    :: true
    fi
}

inline retired() {
    atomic {
        !lock -> lock = 1
    };
    if
    :: leaving && (!cooling || MUTANT == BOTHEND) ->
        if
        :: true ->
            column_end();
            atomic {            // CAS
                cooling = 0;
                shared = shared - BIAS;
                if
                :: shared <= 0 && MUTANT != NOUNIT ->
                    shared++;
                    kept = 1
                :: else
                fi
            }
        :: true ->              // it is not dead; or not all have answered
            owner = HOT
        fi
    :: else
    fi;
    atomic {
        leaving = 0;
        lock = 0
    }
}

inline bury() {
    atomic {
        if
        :: kept ->
            kept = 0;
            shared--;
            if
            :: !shared ->
                ends()
            :: else
            fi
        :: else
        fi
    }
}

inline add_up() {
    if
    :: !IS_HOT ->
        sum = -1                // another's column
    :: IS_HOT && MUTANT != NOSUM ->
        sum = cell[0];
        sum = sum + cell[1]
    :: else
    fi
}

inline weigh() {
    o = owner;
    atomic {
        left = shared + (o == HOT -> sum - BIAS : 0);
        member = member && watch && o != COOLING && !dirty && !dead
    };
    atomic {
        member = member && left == field;
        left = 0;
        sum = 0;
        o = NOBODY
    }
}

inline collect() {
    retire();
    if
    :: MUTANT == RETIREEARLY ->
        retired()
    :: else
    fi;
    shake();
    if
    :: MUTANT != RETIREEARLY ->
        retired()
    :: else
    fi;
    if
    :: true ->                  // the capture proposes it
        dirty = 0;
        atomic {
            member = !dead && owner != COOLING;
            watch = watch || member
        };
        if
        :: MUTANT == SUMEARLY ->
            add_up()
        :: else
        fi;
        shake();
        if
        :: MUTANT != SUMEARLY ->
            add_up()
        :: else
        fi;
        weigh()
    :: over < 2                 // or does not
    fi;
    do
    :: if
       :: !member && MUTANT != HOTWATCH ->
           watch = 0
       :: else
       fi;
       phase = CLOSING;
       if
       :: member && (dirty || dead || owner == COOLING) ->
           member = 0;
           phase = OPEN
       :: else ->
           atomic {             // CAS
               if
               :: phase == CLOSING ->
                   phase = COMMITTED;
                   gone = member;
                   assert(!member || !refs[0] && !refs[1]);     // a
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
    watch = 0;
    atomic {
        phase = OPEN;
        member = 0
    };
    bury()
}

// All threads stand still, none in an operation or with the lock.
inline stopped() {
    atomic {
        !busy[0] && !busy[1] && !lock;
        left = shared + cell[0] + cell[1] - (IS_HOT -> BIAS : 0);
        if
        :: !dead && left == field ->                                 // is cleared
            assert(!refs[0] && !refs[1]);                   // a
            gone = 1;
            target = 0
        :: IS_HOT && !cooling && (left > 0 || MUTANT == ZERO) ->
            shared = left;                                  // nobody counts it
            cell[0] = 0;
            cell[1] = 0;
            owner = NOBODY
        :: IS_HOT ->                                        // is HOT again
            shared = left + BIAS;
            cell[0] = 0;
            cell[1] = 0
        :: !IS_HOT
        fi;
        left = 0
    }
}

active proctype Collector() {
    short left;
    short sum;
    short tmp;
    byte n;
    mtype:owner o = NOBODY;
    bool member;

    atomic {
        cell[0] = 1;
        if
        :: cell[1] = 1
        :: cell[1] = 2;
           shared = BIAS - 1
        :: cell[1] = -2;
           shared = BIAS + 3
        fi;
        run Thread(0);
        run Thread(1)
    };
    do
    :: n < COLLECTIONS && !gone && !dead ->
        n++;
        collect()
    :: n < COLLECTIONS && !gone && !dead ->
        n++;
        stopped()
    :: over == 2 && (n == COLLECTIONS || gone || dead) ->
        break
    od;
    assert(gone || dead ||
           shared + cell[0] + cell[1] - (IS_HOT -> BIAS : 0) == field);
    if
    :: !gone && !dead ->
        collect();
        assert(gone || dead)                                // d
    :: else
    fi
}
