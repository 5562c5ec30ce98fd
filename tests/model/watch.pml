// The concurrent collector counts the members of a set while threads work on
// them.  This model exists because no two of its reads are of one moment, and
// because a reference may be taken out of one member, uncounted, while another
// is looked at.
//
// QUESTION    Of any set at all, is what the collector commits referred to by
//             nobody: counted, borrowed, or in a field of what lives on?  And
//             does it commit all that was garbage before?
// THREADS     the collector; two mutators that read and borrow, count up,
//             drop, take out of fields and put into them.
// ABSTRACTED  Objects 1 and 2 are the set D, object 0 stands for the rest; a
//             field each (TWOFIELDS: object 1 has two).  Any heap at the
//             start, any D: what the capture proposes does not matter.  The
//             two halves of a count are one (handover.pml, brc.pml), as are
//             death and blocks (hold.pml).  A count operation of a watched
//             object is two steps, DIRTY and count, as the owner does it.  The
//             handshake is hs.pml's.  The accelerator is left out: to drop
//             more members is always sound.  Sequentially consistent memory.
// IN C        Mutator      incref_other, decref_other: tly_count_touch before
//                          the count; tally_ref_exchange: tally_touch_
//             Collector    tly_watch; end (live.c); tly_validate, round_all;
//                          tly_validate_touched
//             Edges: [watched-count], [field-store], [dirty]; [goal],
//             [acknowledge].
//
// THE RULE    DIRTY is cleared, WATCH set, then a handshake ends in which each
//             mutator passes a safepoint with no borrow open.  From then on
//             each change of a member's count or field sets DIRTY first.  A
//             round counts the members exactly, and their references to each
//             other, and then drops who is DIRTY or counted from elsewhere;
//             dropped members count as elsewhere in the next round.  What a
//             round that drops nobody leaves is committed.
//
// INVARIANTS
//   a  No thread holds or borrows what is committed, and no field of what is
//      not committed refers to it.
//   b  If nobody held any member before the collection began, all of D is
//      committed.
//
// NOT AN ERROR
//   INCDIRTY=0  counting up does not set DIRTY: so threads that are not
//               attached may count up
//
// MUTANTS (each must be refuted)
//   NOBARRIER    a change of a field does not set DIRTY
//   NODECDIRTY   counting down does not
//   COUNTFIRST   the count changes before DIRTY is set
//   NODIRTY      no dirty test
//   DIRTYFIRST   the dirty test comes before the counts are read
//   NOSHAKE      no handshake
//   SAFEPOINT    a mutator acknowledges with a borrow open
//   CLEARLATE    DIRTY is cleared after the handshake
//   REREAD       no second round: what the dropped refer to is read again, and
//                dropped

mtype:mutant = { NONE, NOBARRIER, NODECDIRTY, COUNTFIRST, NODIRTY, DIRTYFIRST,
                 NOSHAKE, SAFEPOINT, CLEARLATE, REREAD };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef INCDIRTY
#define INCDIRTY 1
#endif
#ifndef BORROWERS
#define BORROWERS 2             // mutators that borrow
#endif
#ifndef TWOFIELDS
#define TWOFIELDS 0
#endif

#define NF       (3 + TWOFIELDS)
#define OWNER(f) ((f) == 3 -> 1 : (f))
byte field[NF];                 // 0: empty
byte count[3];
bool watch;
bool dirty[3];
bool asked;                     // the handshake
bool ack[2];
bool done;

// Ghosts.
byte ref[2];                    // what a mutator holds, counted
byte borrow[2];

#define HOLDS(o)  ((o) == 0 || ref[me] == (o) || borrow[me] == (o))
#define WATCHED(o) (watch && (o) != 0)
#define NOBODY(o) (ref[0] != (o) && ref[1] != (o) && borrow[0] != (o) && \
                   borrow[1] != (o))
#define FITS(f, has) (HOLDS(OWNER(f)) && (field[f] != 0) == has)
#define SOME(has) (FITS(0, has) || FITS(1, has) || FITS(2, has) || \
                    (TWOFIELDS && FITS(NF - 1, has)))

// A field of something that the mutator holds, has or not.
inline pick(has) {
    if
    :: FITS(0, has) ->
        f = 0
    :: FITS(1, has) ->
        f = 1
    :: FITS(2, has) ->
        f = 2
#if TWOFIELDS
    :: FITS(3, has) ->
        f = 3
#endif
    fi
}

// The second half of an operation that began with a look at WATCH.
inline touch(o, due) {
    dirty[o] = dirty[o] || (w && due)
}

inline end() {
    w = 0;
    f = 0
}

proctype Mutator(byte me) {
    bool w;
    byte f;

    do
    :: done ->
        break
    :: atomic {                 // borrows
           !done && me < BORROWERS && SOME(1) -> pick(1);
           borrow[me] = field[f];
           end()
       }
    :: atomic {                 // counts up
           !done && borrow[me] && !ref[me] -> w = WATCHED(borrow[me])
       };
       touch(borrow[me], INCDIRTY);
       atomic {
           if
           :: count[borrow[me]] ->
               count[borrow[me]]++;
               ref[me] = borrow[me]
           :: else
           fi;
           end()
       }
    :: atomic {                 // drops
           !done && ref[me] -> w = WATCHED(ref[me])
       };
       if
       :: MUTANT != COUNTFIRST ->
           touch(ref[me], MUTANT != NODECDIRTY);
           atomic {
               count[ref[me]]--;
               ref[me] = 0;
               end()
           }
       :: else ->
           atomic {
               count[ref[me]]--;
               f = ref[me];
               ref[me] = 0
           };
           atomic {
               touch(f, true);
               end()
           }
       fi
    :: atomic {                 // takes out of a field
           !done && !ref[me] && SOME(1) -> pick(1);
           w = WATCHED(OWNER(f))
       };
       touch(OWNER(f), MUTANT != NOBARRIER);
       atomic {
           ref[me] = field[f];
           field[f] = 0;
           end()
       }
    :: atomic {                 // puts into a field
           !done && ref[me] && SOME(0) -> pick(0);
           w = WATCHED(OWNER(f))
       };
       touch(OWNER(f), MUTANT != NOBARRIER);
       atomic {
           if
           :: !field[f] ->
               field[f] = ref[me];
               ref[me] = 0
           :: else
           fi;
           end()
       }
    :: atomic {                 // a safepoint
           !done && ack[me] != asked -> ack[me] = asked;
           if
           :: MUTANT != SAFEPOINT ->
               borrow[me] = 0
           :: else
           fi
       }
    od
}

inline dirty_test() {
    drop[1] = drop[1] || (MUTANT != NODIRTY && dirty[1]);
    drop[2] = drop[2] || (MUTANT != NODIRTY && dirty[2])
}

// Subtracts a field's reference, of a member's to a member.
inline subtract(f) {
    if
    :: live[OWNER(f)] ->
        skip
    :: else ->
        y = field[f];
        atomic {
            if
            :: y ->
                left[y]--
            :: else
            fi;
            y = 0
        }
    fi
}

inline drop_reached(f) {
    atomic {
        if
        :: drop[OWNER(f)] && field[f] ->
            drop[field[f]] = 1
        :: else
        fi
    }
}

inline any_heap() {
    do
    :: i < NF ->
        if
        :: y = 0
        :: y = 1
        :: y = 2
        fi;
        field[i] = y;
        count[y]++;
        i++
    :: else ->
        i = 0;
        break
    od;
    do
    :: i < 2 ->
        if
        :: y = 0
        :: y = 1
        :: y = 2
        fi;
        ref[i] = y;
        count[y]++;
        if
        :: borrow[i] = 0
        :: i < BORROWERS ->
            borrow[i] = y
        :: i < BORROWERS ->
            borrow[i] = field[0]
        fi;
        i++
    :: else ->
        break
    od;
    count[0] = 0;
    y = 0;
    i = 0;
    garbage = (!field[0] && !ref[0] && !ref[1] && !borrow[0] && !borrow[1])
}

active proctype Collector() {
    byte left[3];               // counts, less references from members
    bool live[3];               // dropped in an earlier round
    bool drop[3];
    bool garbage;               // a ghost
    byte i;
    byte y;

    atomic {
        any_heap();
        run Mutator(0);
        run Mutator(1)
    };
    watch = 1;
    if
    :: MUTANT != NOSHAKE ->
        asked = 1;
        ack[0] && ack[1]
    :: else
    fi;
    if
    :: MUTANT == CLEARLATE ->
        dirty[1] = 0;
        dirty[2] = 0
    :: else
    fi;
round:
    if
    :: MUTANT == DIRTYFIRST ->
        dirty_test()
    :: else
    fi;
    left[1] = left[1] + count[1];
    left[2] = left[2] + count[2];
    subtract(1);
    subtract(2);
#if TWOFIELDS
    subtract(3);
#endif
    atomic {
        drop[1] = drop[1] || left[1];
        drop[2] = drop[2] || left[2];
        left[0] = 0;
        left[1] = 0;
        left[2] = 0
    };
    if
    :: MUTANT != DIRTYFIRST ->
        dirty_test()
    :: else
    fi;
    if
    :: MUTANT == REREAD ->
        drop_reached(1);
        drop_reached(2);
        drop_reached(1)
    :: MUTANT != REREAD && (drop[1] && !live[1] || drop[2] && !live[2]) ->
        atomic {
            live[1] = drop[1];
            live[2] = drop[2]
        };
        if
        :: !live[1] || !live[2] ->
            goto round
        :: else
        fi
    :: else
    fi;
    atomic {
        assert(drop[1] || NOBODY(1) && field[0] != 1 &&     // a
               !(drop[2] && field[2] == 1));
        assert(drop[2] || NOBODY(2) && field[0] != 2 &&
               !(drop[1] && field[1] == 2));
#if TWOFIELDS
        assert(drop[2] || !(drop[1] && field[3] == 2));
#endif
        assert(!garbage || !drop[1] && !drop[2]);           // b
        done = 1
    }
}
