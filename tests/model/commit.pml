// Nobody refers to what the concurrent collector commits, but weak references
// do: until the last moment one of them may bring a member back to life, and
// with it all that it reaches.  This model exists because the collector decides
// for all members at once, without a lock, and frees what a thread may be
// about to count.
//
// QUESTION    Does a weak reference yield its object or nothing, never what was
//             freed; does it answer "dead" only for what is dead; and is what
//             nobody holds committed in the end?
// THREADS     NT threads that use weak references, empty fields of what they
//             got, tie it to itself, drop it, and run finalizers; the
//             collector, which watches and validates two members, and does so
//             again when they have gone.
// ABSTRACTED  Two objects with a field each, any heap, each the target of weak
//             references.  An operation is between two safepoints, and is one
//             borrow section: a handshake and a grace period both end when
//             the operations have ended that were under way.  The recount is
//             one step: watch.pml divides it.  What dies by its count is not
//             used again: weak.pml, hold.pml.  Sequentially consistent memory.
//             FINALIZERS=1: both objects have finalizers and are found twice.
//             A weak reference with a callback that is an object itself, on
//             the list of what ends by its count: the list is its target, and
//             whoever ends that takes a reference to it, to call it, as from a
//             weak reference without a callback.
// IN C        weak_get     tally_weak_get, is_kept; tally_try_incref; call_take
//             drop         tally_decref, tly_weak_died, tly_destroy_family
//             collect      settle, commit, committed (live.c), tly_weaken,
//                          tly_weak_silence
//             units        tly_guard_take, tly_guard_drop
//             Edges: [weak-phase], [dirty]; [weak-target]; [dying];
//             [section] against the grace period.
//
// THE RULE    The phase is OPEN; CLOSING while the collector looks for DIRTY
//             the last time; then COMMITTED, by CAS.  Who gets a watched
//             object from a weak reference: OPEN: sets DIRTY, and goes on if
//             the phase is still OPEN; CLOSING: makes it OPEN, by CAS, and
//             starts over; COMMITTED: dead, if the object is still watched.
//             Dropped members are unwatched before CLOSING.  Targets are
//             cleared, members are DYING, which no upgrade succeeds with, and
//             the phase is OPEN again; a grace period later blocks are freed.
//             Who has got an object reads the target again, and drops the
//             object if there is none any more.
//             With finalizers: each member gets a counted unit while CLOSING,
//             by an upgrade, for the list; then HELD, by CAS, in which weak
//             references with callbacks are dead and the others work.  Targets
//             of those with callbacks are cleared, the watch is off, the phase
//             OPEN.  The finalizers run.  Then the list is watched and
//             validated, each member with one unit more.
//
// INVARIANTS
//   a  Nobody touches a block after it was freed.
//   b  What is committed is held by nobody, nor in a field of what is not.
//   c  A weak reference answers "dead" only if its object is committed, or its
//      count has been zero; with a callback, also if it is held.
//   d  A weak reference with a callback yields no object that has been held.
//   e  What has been dead is not counted up, nor held, nor committed.
//   g  What is held does not die before its finalizer has run.
//   f  After a last collection all is dead or freed.
//
// NOT AN ERROR
//   EARLYDIRTY=1  DIRTY is set before the phase is read: then each commit that
//                 is undone has one member less at the next try
//
// MUTANTS (each must be refuted)
//   NOPHASE      the phase is not read again after DIRTY
//   PLAINSTORE   COMMITTED by a store, not by CAS
//   NOWATCH      WATCH is not read again when the phase is COMMITTED
//   NOGRACE      blocks are freed without a grace period
//   DIRTYEARLY   the last dirty test comes before CLOSING
//   NODIRTY      who gets a watched object does not set DIRTY
//   LATEUNWATCH  dropped members are unwatched after the commit
//   UNITLATE     units are taken after HELD
//   UNITBLIND    the unit is added, not taken by an upgrade
//   NOUNIT       there is none
//   NOASK        who gets a watched object does not ask for the phase
//   NOLIST       what is committed stays on the list that it is found by
//   NOTARGET     the target is not read again after the upgrade
//   NODYING      the phase is OPEN again, and members are not DYING
//   NOBEGIN      the second look sets WATCH without a handshake before
//   TRUST        the second look commits what the first one held

mtype:mutant = { NONE, NOPHASE, PLAINSTORE, NOWATCH, NOGRACE, DIRTYEARLY,
                 NODIRTY, LATEUNWATCH, UNITLATE, UNITBLIND, NOUNIT, NOTARGET,
                 NODYING, NOASK, NOLIST, NOBEGIN, TRUST };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef FINALIZERS
#define FINALIZERS 0
#endif
#ifndef EARLYDIRTY
#define EARLYDIRTY 0
#endif
#ifndef TIES
#define TIES 1                  // 0: threads make no cycles
#endif
#ifndef NT
#define NT 2
#endif

mtype:phase = { OPEN, CLOSING, HELD, COMMITTED };
mtype:phase phase = OPEN;

// Objects are 1 and 2.
byte count[3];
byte field[3];
bool watch[3];
bool dirty[3];
bool dying[3];                  // the flag
bool dead[3];                   // its count has been zero
bool target[6];                 // of 1 and 2; of those with callbacks
bool running;                   // finalizers

bool busy[2];                   // in an operation
bool awaited[2];

// Ghosts.
byte ref[2];                    // what a thread holds
bool held[3];
bool gone[3];                   // committed
bool freed[3];
bool units[3];                  // the list's
bool finalized;                 // the list is through
byte over;

#define NOBODY(o)    (ref[0] != (o) && ref[1] != (o))
#define TARGET(o, c) target[(o) - 1 + 2 * (c)]
#define WAITS(o)     (held[o] && !finalized)
#define TOUCH(o)     assert(!freed[o])

inline begin() {
    busy[me] = 1
}

inline end() {
    busy[me] = 0;
    awaited[me] = 0;
    o = 0;
    w = 0;
    c = 0
}

inline answer_dead() {
    atomic {
        assert(gone[o] || dead[o] || c && held[o]);         // c
        end()
    }
}

inline upgrade() {
    atomic {
        TOUCH(o);
        if
        :: count[o] && !dying[o] ->
            assert(!dead[o] && !gone[o]);                   // b, e
            count[o]++;
            ref[me] = o;
            busy[me] = 0;
            awaited[me] = 0;
            w = 0
        :: else ->
            answer_dead()
        fi
    }
}

proctype Thread(byte me) {
    byte o;
    bool c;                     // a weak reference with a callback
    bool w;
    mtype:phase seen = OPEN;

    do
    :: atomic {                 // weak_get
           !ref[me] -> begin();
           if
           :: o = 1
           :: o = 2
           fi;
           if
           :: FINALIZERS ->
               c = 1
           :: c = 0
           fi
       };
       if
       :: !TARGET(o, c) ->
           answer_dead();
           goto next
       :: else
       fi;
watched:
       atomic {
           TOUCH(o);
           w = watch[o]
       };
       if
       :: !w || MUTANT == NOASK ->
           upgrade();
           goto got
       :: else
       fi;
#if EARLYDIRTY
       atomic {
           TOUCH(o);
           dirty[o] = 1
       };
#endif
       seen = phase;
       if
       :: seen == OPEN || seen == HELD && !c ->
           atomic {
               TOUCH(o);
               dirty[o] = dirty[o] || MUTANT != NODIRTY
           };
           if
           :: phase == seen || MUTANT == NOPHASE ->
               seen = OPEN;
               upgrade()
           :: else ->
               goto watched
           fi
       :: seen == CLOSING ->
           atomic {
               if
               :: phase == CLOSING ->
                   phase = OPEN
               :: else
               fi;
               seen = OPEN
           };
           goto watched
       :: else ->               // COMMITTED, or HELD with a callback
           atomic {
               TOUCH(o);
               w = watch[o] || MUTANT == NOWATCH;
               seen = OPEN
           };
           if
           :: w ->
               answer_dead()
           :: else ->
               upgrade()
           fi
       fi;
got:
       if
       :: ref[me] ->            // reads the target again
           atomic {
               if
               :: TARGET(o, c) || MUTANT == NOTARGET ->
                   assert(!c || !held[o]);                  // d
                   end();
                   goto next
               :: else ->
                   begin();
                   goto drops
               fi
           }
       :: else
       fi;
next:
       skip
    :: atomic {                 // drops, and what dies of it
           ref[me] -> begin()
       };
drops:
       do
       :: ref[me] ->
           atomic {
               o = ref[me];
               TOUCH(o);
               w = watch[o]
           };
           dirty[o] = dirty[o] || w;
           atomic {
               count[o]--;
               ref[me] = 0;
               if
               :: !count[o] ->
                   assert(!gone[o] && !WAITS(o));           // b, g
                   dead[o] = 1;
                   TARGET(o, 0) = 0;
                   TARGET(o, 1) = 0;
                   ref[me] = field[o];
                   field[o] = 0
               :: else
               fi
           }
       :: else ->
           atomic {
               end();
               break
           }
       od
    :: atomic {                 // empties, and holds what was in the field
           ref[me] && field[ref[me]] && field[ref[me]] != ref[me] -> begin();
           o = ref[me];
           w = watch[o]
       };
       dirty[o] = dirty[o] || w;
       atomic {
           c = 0;
           ref[me] = field[o];
           field[o] = 0;
           w = watch[o]
       };
       dirty[o] = dirty[o] || w;
       atomic {
           count[o]--;
           if
           :: !count[o] ->
               assert(!gone[o] && !WAITS(o));
               dead[o] = 1;
               TARGET(o, 0) = 0;
               TARGET(o, 1) = 0
           :: else
           fi;
           end()
       }
    :: atomic {                 // ties
           TIES && ref[me] && !field[ref[me]] -> begin();
           o = ref[me];
           w = watch[o]
       };
       dirty[o] = dirty[o] || w;
       atomic {
           if
           :: !field[o] ->
               field[o] = o;
               ref[me] = 0
           :: else
           fi;
           end()
       }
    :: atomic {                 // runs a finalizer
           running && !ref[me] ->
           if
           :: o = 1
           :: o = 2
           fi;
           if
           :: units[o] ->
               TOUCH(o);
               count[o]++;
               ref[me] = o
           :: else
           fi;
           o = 0
       }
    :: !ref[me] && !busy[me] ->
        break
    od;
    over++
}

// Operations that are under way end.
inline shake() {
    atomic {
        awaited[0] = busy[0];
        awaited[1] = busy[1]
    };
    !awaited[0] && !awaited[1]
}

inline drop_unit(o) {
    atomic {
        if
        :: units[o] ->
            units[o] = 0;
            dirty[o] = dirty[o] || watch[o];
            count[o]--;
            if
            :: !count[o] ->
                dead[o] = 1;
                TARGET(o, 0) = 0;
                TARGET(o, 1) = 0;
                y = field[o];
                field[o] = 0;
                dirty[y] = dirty[y] || watch[y];
                if
                :: y ->
                    count[y]--;
                    assert(count[y] || !units[y]);
                    dead[y] = !count[y];
                    TARGET(y, 0) = TARGET(y, 0) && count[y];
                    TARGET(y, 1) = TARGET(y, 1) && count[y];
                    if
                    :: !count[y] ->
                        assert(!field[y])
                    :: else
                    fi
                :: else
                fi;
                y = 0
            :: else
            fi
        :: else
        fi
    }
}

inline unwatch(o) {
    watch[o] = 0;
    in[o] = 0
}

inline watch_member(o) {
    dirty[o] = 0;
    atomic {                    // the RMW of owner tells of death
        in[o] = !dead[o] && !freed[o];
        watch[o] = in[o]
    }
}

#define EXTERNAL(o) (count[o] != units[o] + (in[1] && field[1] == (o)) + \
                     (in[2] && field[2] == (o)))
#define STAYS(o) (in[o] && !dead[o] && !dirty[o] && !EXTERNAL(o))

inline validate() {
    atomic {
        do
        :: in[1] && !STAYS(1) ->
            in[1] = 0
        :: in[2] && !STAYS(2) ->
            in[2] = 0
        :: else ->
            break
        od
    };
    if
    :: MUTANT != LATEUNWATCH ->
        watch[1] = in[1];
        watch[2] = in[2]
    :: else
    fi
}

inline take_unit(o) {
    atomic {
        if
        :: MUTANT != NOUNIT && in[o] && (count[o] || MUTANT == UNITBLIND) ->
            assert(!dead[o]);                               // e
            count[o]++;
            units[o] = 1
        :: MUTANT != NOUNIT && in[o] && !count[o] && MUTANT != UNITBLIND ->
            ok = 0
        :: else
        fi
    }
}

#define CLEAN ((!in[1] || !dirty[1]) && (!in[2] || !dirty[2]))

// Looks at all objects, or at the list; [first]: they have finalizers to run.
inline collect(first) {
    if
    :: MUTANT != NOBEGIN ->
        shake()                 // goal BEGIN
    :: else
    fi;
    watch_member(1);
    watch_member(2);
    shake();
    do
    :: if
       :: !first && MUTANT == TRUST && (units[1] || units[2]) ->
           skip
       :: else ->
           validate()
       fi;
       if
       :: !in[1] && !in[2] ->
           break
       :: else
       fi;
       ok = 1;
       if
       :: MUTANT == DIRTYEARLY ->
           ok = CLEAN
       :: else
       fi;
       phase = CLOSING;
       if
       :: MUTANT != DIRTYEARLY && MUTANT != TRUST ->
           ok = CLEAN
       :: else
       fi;
       if
       :: first && MUTANT != UNITLATE && ok ->
           take_unit(1);
           take_unit(2)
       :: else
       fi;
       atomic {                 // CAS
           ok = ok && (phase == CLOSING || MUTANT == PLAINSTORE);
           if
           :: ok && !first ->
               phase = COMMITTED;
               gone[1] = gone[1] || in[1];
               gone[2] = gone[2] || in[2];
               assert(!in[1] || NOBODY(1) && !(!in[2] && field[2] == 1));
               assert(!in[2] || NOBODY(2) && !(!in[1] && field[1] == 2))
           :: ok && first ->
               phase = HELD;
               held[1] = held[1] || in[1];
               held[2] = held[2] || in[2];
               assert(!in[1] || !dead[1] && NOBODY(1));     // e
               assert(!in[2] || !dead[2] && NOBODY(2))
           :: else ->
               phase = OPEN
           fi
       };
       if
       :: ok ->
           break
       :: !ok && first ->
           drop_unit(1);
           drop_unit(2)
       :: else
       fi
    od;
    ok = 0;
    if
    :: first && MUTANT == UNITLATE && phase == HELD ->
        take_unit(1);
        take_unit(2)
    :: else
    fi;
    if
    :: phase == COMMITTED ->
        TARGET(1, 0) = TARGET(1, 0) && (!in[1] || MUTANT == NOLIST);
        TARGET(2, 0) = TARGET(2, 0) && (!in[2] || MUTANT == NOLIST);
        TARGET(1, 1) = TARGET(1, 1) && !in[1];
        TARGET(2, 1) = TARGET(2, 1) && !in[2];
        if
        :: MUTANT != NODYING && MUTANT != NOLIST ->
            dying[1] = dying[1] || in[1];
            dying[2] = dying[2] || in[2]
        :: else
        fi;
        phase = OPEN;
        if
        :: MUTANT != NOGRACE ->
            shake()
        :: else
        fi;
        atomic {                // cleared, freed, and used again
            if
            :: in[1] && field[1] && !in[2] || in[2] && field[2] && !in[1] ->
                // A reference to what lives on is dropped.
                y = (in[1] -> field[1] : field[2]);
                if
                :: !in[y] ->
                    dirty[y] = dirty[y] || watch[y];
                    count[y]--;
                    assert(count[y] || !units[y] && !field[y]);
                    dead[y] = !count[y];
                    TARGET(y, 0) = TARGET(y, 0) && count[y];
                    TARGET(y, 1) = TARGET(y, 1) && count[y]
                :: else
                fi;
                y = 0
            :: else
            fi;
            freed[1] = freed[1] || in[1];
            freed[2] = freed[2] || in[2];
            units[1] = units[1] && !in[1];
            units[2] = units[2] && !in[2];
            field[1] = (in[1] -> 0 : field[1]);
            field[2] = (in[2] -> 0 : field[2]);
            watch[1] = watch[1] && !in[1];
            watch[2] = watch[2] && !in[2]
        }
    :: phase == HELD ->
        TARGET(1, 1) = TARGET(1, 1) && !in[1];
        TARGET(2, 1) = TARGET(2, 1) && !in[2]
    :: else
    fi;
    unwatch(1);
    unwatch(2);
    phase = OPEN
}

active proctype Collector() {
    bool in[3];                 // the members
    bool ok;
    byte y;

    atomic {
        y = 0;
        if
        :: field[1] = 1; count[1]++
        :: field[1] = 2; count[2]++
        :: skip
        fi;
        if
        :: field[2] = 1; count[1]++
        :: field[2] = 2; count[2]++
        :: skip
        fi;
        if
        :: ref[0] = 1; count[1]++
        :: ref[0] = 2; count[2]++
        :: skip
        fi;
        if
        :: count[1] && count[2] ->
            skip
        :: else ->
            goto out
        fi;
        TARGET(1, 0) = 1;
        TARGET(2, 0) = 1;
        TARGET(1, 1) = FINALIZERS;
        TARGET(2, 1) = FINALIZERS;
        run Thread(0);
        if
        :: NT == 2 ->
            run Thread(1)
        :: else
        fi
    };
    do
    :: FINALIZERS ->
        collect(1);
        running = 1;
        atomic {
            running = 0;
            finalized = 1
        };
        collect(0);
        drop_unit(1);
        drop_unit(2);
        break
    :: !FINALIZERS ->
        collect(0);
        break
    od;
    over == NT;
    collect(0);
    assert((dead[1] || freed[1]) && (dead[2] || freed[2]));     // f
    assert(phase == OPEN && !watch[1] && !watch[2]);
out:
    skip
}
