// A published object may be read by threads that have not counted it, so it is
// not destroyed when its count reaches zero, but a grace period later.  This
// model exists because between the two others still try to count it, and a
// finalizer may bring it back before.
//
// QUESTION    Is a published object destroyed once, never while a borrow or a
//             reference is left, one grace period after its count was zero,
//             and is what a finalizer brings back as good as before?
// THREADS     NT threads that enter sections, borrow, upgrade, store, take and
//             drop; the poll of whoever retired the object.
// ABSTRACTED  One object, merged: its count is one word (brc.pml has the
//             owner's).  One shared field.  A grace period is what it promises:
//             it ends when all sections have ended that were open when it
//             began.  Who waits for it with which list is limbo.pml.  The
//             finalizer resurrects by storing the object in the field, or not.
//             Sequentially consistent memory; operations are not counted: runs
//             of every length.
// IN C        drop          tly_count_drop_shared, finalizer_claim
//             retire        tly_count_act, tly_limbo_add
//             finalize      tly_finalize_run
//             upgrade       tally_upgrade, tally_try_incref
//             store, take   tally_aref_exchange, publish
//             Poll          tly_limbo_poll, tly_borrow_synchronize
//             Edges: [last-use] CAS of the count; [dying]; [finalized]; [aref]
//             exchange of the field; [section] against the grace period.
//
// THE RULE    Who drops the last reference and finds a finalizer that has not
//             run keeps its unit while that runs: zero is reached only when
//             the object is really dead, and is final.
//
// INVARIANTS
//   a  Who destroys finds no reference, no borrow and no store left, and the
//      object neither destroyed nor waiting twice.
//   b  No borrow is used after the end of what it refers to.
//   c  An upgrade of what a field holds fails only if the field has changed:
//      a counted load ends.
//   d  When all threads have ended, the object is destroyed, or the field
//      holds its only reference.
//
// MUTANTS (each must be refuted)
//   ATONCE       destroyed at once
//   UPGRADEZERO  an upgrade succeeds though the count has been zero
//   ZEROFIRST    the unit is dropped first, and the finalizer runs then
//   PUBLATE      the field is stored to before the object is published

mtype:mutant = { NONE, ATONCE, UPGRADEZERO, ZEROFIRST, PUBLATE };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NT
#define NT 2
#endif

// The header: one word, and the flag FINALIZED.
byte count = 1;
bool pub;
bool dying;
bool finalized;

bool field;
bool limbo;

bool section[NT];
bool awaited[NT];               // the grace period waits for this section

// Ghosts.
bool refs[NT];
bool borrowed[NT];
byte units;                     // of finalizers
byte over;                      // threads that have ended
bool destroyed;

#if NT == 2
#define ALL(x) (x[0] + x[1])
#else
#define ALL(x) (x[0] + x[1] + x[2])
#endif

inline destroy() {
    atomic {
        assert(!destroyed);
        assert(!(ALL(refs) + units + field));
        assert(!ALL(borrowed));
        destroyed = 1
    }
}

// The count is zero.
inline retire() {
    if
    :: pub && MUTANT != ATONCE ->
        atomic {
            assert(!dying && !destroyed);
            dying = 1;
            limbo = 1
        }
    :: else ->
        destroy()
    fi
}

// Drops a reference, or after the finalizer the [unit].
inline drop(me, unit) {
    do
    :: atomic {
           assert(!destroyed);
           seen = count
       };
       if
       :: seen == 1 && !finalized && MUTANT != ZEROFIRST ->
           atomic {
               won = !finalized;
               finalized = 1;
               if
               :: won ->
                   refs[me] = 0;
                   units++;
                   wants = 1
               :: else
               fi
           }
       :: else
       fi;
       if
       :: won ->
           break
       :: else
       fi;
       atomic {
           won = (count == seen);
           if
           :: won ->
               count--;
               if
               :: unit ->
                   units--
               :: else ->
                   refs[me] = 0
               fi
           :: else
           fi
       };
       if
       :: won && seen == 1 && MUTANT == ZEROFIRST && !finalized ->
           atomic {
               finalized = 1;
               wants = 1
           };
           break
       :: won && seen == 1 && !(MUTANT == ZEROFIRST && !finalized) ->
           retire();
           break
       :: won && seen != 1 ->
           break
       :: !won
       fi
    od;
    atomic {
        won = 0;
        seen = 0
    }
}

// At a safepoint, with the unit.
inline finalize(me) {
    wants = 0;
    if
    :: atomic {                 // resurrects: counts, publishes, stores
           !field -> count++;
           pub = 1;
           field = 1
       }
    :: skip
    fi;
    if
    :: MUTANT != ZEROFIRST ->
        drop(me, 1)
    :: MUTANT == ZEROFIRST && count == 0 ->
        retire()
    :: MUTANT == ZEROFIRST && count != 0
    fi
}

inline upgrade(me) {
    do
    :: atomic {
           assert(!destroyed);
           seen = count;
           won = pub
       };
       if
       :: !won || (seen == 0 && MUTANT != UPGRADEZERO) ->
           assert(!field);      // refused
           break
       :: else ->
           atomic {
               won = (count == seen);
               if
               :: won ->
                   count++;
                   refs[me] = 1
               :: else
               fi
           };
           if
           :: won ->
               break
           :: else
           fi
       fi
    od;
    atomic {
        won = 0;
        seen = 0
    }
}

// The reference moves to the field, and what that held comes back.
inline exchange(me) {
    atomic {
        won = field;
        field = 1;
        refs[me] = won;
        won = 0
    }
}

inline store(me) {
    if
    :: MUTANT != PUBLATE ->
        pub = 1;
        exchange(me)
    :: else ->
        exchange(me);
        pub = 1
    fi
}

proctype Thread(byte me) {
    byte seen;
    bool won;
    bool wants;                 // its list of finalizers

    do
    :: !section[me] ->
        section[me] = 1
    :: atomic {
           section[me] && field -> borrowed[me] = 1
       }
    :: borrowed[me] ->
        assert(!destroyed)
    :: borrowed[me] && !refs[me] ->
        upgrade(me)
    :: section[me] ->
        atomic {
            borrowed[me] = 0;
            section[me] = 0;
            awaited[me] = 0
        }
    :: refs[me] ->
        drop(me, 0)
    :: wants && !section[me] ->
        finalize(me)
    :: refs[me] ->
        store(me)
    :: atomic {                 // take
           !refs[me] && field -> field = 0;
           refs[me] = 1
       }
    :: !section[me] && !refs[me] && !wants ->
        break
    od;
    over++
}

proctype Poll() {
    do
    :: limbo ->
        atomic {
            limbo = 0;
            awaited[0] = section[0];
            awaited[1] = section[1];
#if NT == 3
            awaited[2] = section[2]
#endif
        };
        !ALL(awaited);
        destroy()
    :: over == NT && !limbo ->
        break
    od
}

init {
    atomic {
        if
        :: finalized = 1        // its type has no finalizer
        :: skip
        fi;
        refs[0] = 1;
        run Thread(0);
        run Thread(1);
#if NT == 3
        run Thread(2);
#endif
        run Poll()
    };
    _nr_pr == 1;
    assert(destroyed || (field && count == 1))
}
