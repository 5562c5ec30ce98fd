// A weak reference does not keep its object alive, and yet hands out counted
// references to it.  This model exists because the object may die meanwhile,
// by its count or by a collection, and its block be another object's.
//
// QUESTION    Does a weak reference yield its object or nothing, never one that
//             is dead, and never what came to lie in its block; and is it good
//             as long as the object is alive, finalizer and resurrection
//             included?  Is an object whose finalizer waits or runs, for its
//             last reference was dropped, given to nobody but who finds it
//             where its finalizer has put it; and to those without a wait?
// THREADS     NT threads that count, store, take weak references and use them;
//             the poll of whoever retired the object; a collector that stops
//             the world COLLECTIONS times.
// ABSTRACTED  One object, published and merged, its control block, a shared
//             field, and a field of its own that makes it a cycle.  Who counts
//             it plainly is brc.pml's.  A grace period as in defer.pml.  An
//             operation is between two safepoints: the world is stopped when
//             nobody is in one.  Finding garbage is "its count is what its own
//             field counts".  One finalizer; callbacks are not modelled.
//             Sequentially consistent memory.
// IN C        weak_new, weak_get   the same with tally_ before them
//             upgrade       tally_try_incref, tly_count_take
//             dup           tally_aref_dup, and all counted reads
//             drop          tly_count_drop_shared, end_begin;
//                           tly_count_drop_ended
//             retire        tly_limbo_add, tly_weak_died, tly_limbo_retire
//             finalize      tly_finalize_run
//             Poll          tly_limbo_poll
//             Collector     find, hold, tly_weaken; tly_garbage_clear
//             Edges: [last-use] CAS of the count; [dying]; [weak-target],
//             release and acquire; [section] against the grace period; the stop of the
//             world.
//
// THE RULE    A weak reference is read and upgraded in one section.  The target
//             is cleared when the count has been zero for good, before the
//             grace period begins; by a collection, before its pause ends.
//             Who makes a weak reference has counted the object.
//             Who drops the last reference of an object that has a finalizer
//             sets ENDING, in the word and the step in which the count is seen
//             to be 1, and keeps the unit; who drops that unit clears it.  No
//             upgrade succeeds while it is set, but that of who has found the
//             object in a field, was refused, and finds it there again by a
//             read that began after.
//
// INVARIANTS
//   a  An upgrade touches the object only, not what lies there after it.
//   b  Who frees the block finds no reference that was not the object's own.
//   c  A weak reference to an object that somebody has counted is not dead.
//   d  When all is quiet, the object is freed, or referred to, or a cycle that
//      the next collection would find; and a freed one has no target.
//   e  ENDING is set when nobody else has counted the object; and who upgrades
//      it meanwhile could do so because its finalizer has put it there.
//   f  Who finds it in a field twice has it.
//
// MUTANTS (each must be refuted)
//   NOGRACE      death by count frees at once
//   UPGRADEZERO  an upgrade succeeds though the count has been zero
//   NULLFIRST    the target is cleared before the finalizer runs
//   NULLAFTER    the target is cleared after the grace period
//   NULLLATE     a collection clears the target after its pause
//   NEWDYING     a weak reference is made by who has only borrowed the object
//   TWOSECTIONS  the target is read in one section, upgraded in the next
//   ENDAPART     ENDING is set in a step of its own after the count was read
//   ENDGIVEN     an upgrade does not ask for ENDING
//   ENDONCE      who was refused does not look again
//   ENDWAITS     what is found again is refused as well
//   ENDSTAYS     ENDING is not cleared when the finalizer has run

mtype:mutant = { NONE, NOGRACE, UPGRADEZERO, NULLFIRST, NULLAFTER, NULLLATE,
                 NEWDYING, TWOSECTIONS, ENDAPART, ENDGIVEN, ENDONCE, ENDWAITS,
                 ENDSTAYS };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NT
#define NT 2
#endif
#ifndef COLLECTIONS
#define COLLECTIONS 2
#endif

// The object.
mtype:block = { OURS, FREE, REUSED };
mtype:block block = OURS;
byte count = 1;
bool dying;
bool finalized;
bool ending;                    // in the word of the count
bool edge;                      // its own field

bool has_block;                 // the control block exists
bool target;
bool field;
bool limbo;
bool wants;                     // a list of finalizers, with its unit

bool section[NT];
bool awaited[NT];               // the grace period waits for this section
bool stop;
bool busy[NT];                  // not at a safepoint

// Ghosts.
bool refs[NT];
bool unit;                      // of the finalizer that runs
bool put;                       // by the finalizer, into the field
byte over;                      // threads that have ended

#if NT == 2
#define ALL(x) (x[0] + x[1])
#else
#define ALL(x) (x[0] + x[1] + x[2])
#endif
#define TOUCH   assert(block != FREE && block != REUSED)
#define OUTSIDE (ALL(refs) + field + wants + unit)

inline begin(me) {
    atomic {
        !stop -> busy[me] = 1
    }
}

inline end(me) {
    busy[me] = 0
}

inline leave(me) {
    atomic {
        section[me] = 0;
        awaited[me] = 0
    }
}

inline free() {
    atomic {
        assert(block == OURS && !OUTSIDE);
        block = FREE
    };
    block = REUSED
}

inline target_clear() {
    if
    :: has_block ->
        target = 0
    :: else
    fi
}

// The count is zero.
inline retire() {
    dying = 1;
    if
    :: MUTANT != NULLAFTER ->
        target_clear()
    :: else
    fi;
    if
    :: MUTANT != NOGRACE ->
        limbo = 1
    :: else ->
        free()
    fi
}

inline drop(me) {
    do
    :: atomic {
           TOUCH;
           assert(target || !has_block);
           seen = count
       };
       won = 0;
       if
       :: seen == 1 && !finalized ->
           atomic {
               won = !finalized && (count == seen || MUTANT == ENDAPART);
               if
               :: won ->
                   finalized = 1;
                   ending = 1;
                   refs[me] = 0;
                   wants = 1;
                   assert(!ALL(refs) && !field)             // e
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
               :: mine ->
                   unit = 0;
                   ending = ending && MUTANT == ENDSTAYS;
                   put = 0
               :: else ->
                   refs[me] = 0
               fi
           :: else
           fi
       };
       if
       :: won && seen == 1 ->
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

// On any thread, with the unit; it uses the object like any other.
inline finalize(me) {
    if
    :: MUTANT == NULLFIRST ->
        target_clear()
    :: else
    fi;
    if
    :: atomic {                 // resurrects
           !field -> count++;
           field = 1;
           put = ending
       }
    :: atomic {
           !has_block -> has_block = 1;
           target = 1
       }
    :: atomic {                 // breaks the cycle
           edge -> edge = 0;
           count--
       }
    :: skip
    fi;
    drop(me);
    mine = 0
}

// In a section. [again]: it was found, refused, and found again.
inline upgrade(me, again) {
    do
    :: atomic {
           TOUCH;
           seen = count;
           ends = ending
       };
       if
       :: seen == 0 && MUTANT != UPGRADEZERO ->
           break
       :: ends && !((again) && MUTANT != ENDWAITS) && MUTANT != ENDGIVEN &&
          !(seen == 0 && MUTANT != UPGRADEZERO) ->
           refused = 1;
           break
       :: else ->
           atomic {
               TOUCH;
               won = (count == seen && ending == ends);
               if
               :: won ->
                   assert(!ending || put);                  // e
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
        seen = 0;
        ends = 0
    }
}

inline weak_get(me) {
    section[me] = 1;
    p = target;
    if
    :: p && MUTANT == TWOSECTIONS ->
        leave(me);
        section[me] = 1
    :: else
    fi;
    if
    :: p ->
        upgrade(me, 0)
    :: else
    fi;
    atomic {
        p = 0;
        refused = 0
    };
    leave(me)
}

// What the shared field holds, counted; the mutant makes a weak reference of
// it without.
inline dup(me) {
    section[me] = 1;
    p = field;
    if
    :: atomic {
           p && MUTANT == NEWDYING && !has_block -> has_block = 1;
           target = 1
       }
    :: p && !(MUTANT == NEWDYING && !has_block) ->
        upgrade(me, MUTANT == ENDONCE);
        if
        :: refused ->
            atomic {
                p = field;
                refused = 0
            };
            if
            :: p ->
                upgrade(me, 1);
                assert(!refused)                            // f
            :: else
            fi
        :: else
        fi
    :: !p
    fi;
    atomic {
        p = 0;
        refused = 0
    };
    leave(me)
}

proctype Thread(byte me) {
    byte seen;
    bool ends;
    bool won;
    bool refused;
    bool mine;                  // the unit, of the finalizer that runs
    bool p;

    do
    :: begin(me);
       if
       :: !refs[me] && has_block ->
           weak_get(me)
       :: !refs[me] && field ->
           dup(me)
       :: atomic {
              refs[me] && !has_block -> has_block = 1;  // weak_new
              target = 1
          }
       :: refs[me] ->
           drop(me)
       :: atomic {
              wants -> wants = 0;
              unit = 1;
              mine = 1
          };
          finalize(me)
       :: atomic {              // stores
              refs[me] && !field -> field = 1;
              refs[me] = 0
          }
       :: atomic {              // takes
              !refs[me] && field -> field = 0;
              refs[me] = 1
          }
       :: atomic {
              refs[me] && !edge -> edge = 1;
              count++
          }
       :: atomic {
              refs[me] && edge -> edge = 0;
              count--
          }
       :: skip
       fi;
       end(me)
    :: !refs[me] && !wants ->
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
        if
        :: MUTANT == NULLAFTER ->
            target_clear()
        :: else
        fi;
        free()
    :: over == NT && !limbo ->
        break
    od
}

proctype Collector() {
    byte n;
    bool garbage;

    do
    :: n < COLLECTIONS ->
        n++;
        stop = 1;
        !ALL(busy);
        garbage = (!dying && edge && count == 1);
        if
        :: garbage && !finalized ->
            finalized = 1;
            count++;
            wants = 1;
            garbage = 0
        :: garbage && finalized ->
            dying = 1;
            if
            :: MUTANT != NULLLATE ->
                target_clear()
            :: else
            fi
        :: !garbage
        fi;
        stop = 0;
        if
        :: garbage ->
            if
            :: MUTANT == NULLLATE ->
                target_clear()
            :: else
            fi;
            count = 0;
            edge = 0;
            free();
            garbage = 0
        :: else
        fi
    :: n == COLLECTIONS || over == NT ->
        break
    od
}

init {
    atomic {
        refs[0] = 1;
        if
        :: finalized = 1        // its type has no finalizer
        :: skip
        fi;
        run Thread(0);
        run Thread(1);
#if NT == 3
        run Thread(2);
#endif
        run Poll();
        run Collector()
    };
    _nr_pr == 1;
    assert(!ending || wants);
    assert((block == OURS && count == field + edge + wants && count) ||
           (block == REUSED && !target && !OUTSIDE))
}
