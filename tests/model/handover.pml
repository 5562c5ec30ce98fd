// A thread that drops a reference to an object that it does not own hands the
// reference over instead of counting: it sets the object's bit in a small
// cache, later in the pool's drop bitmap, and the owner does an ordinary
// decref for it.  This model exists because such a reference is in four places
// in turn, and because the owner may block, exit or merge the object while it
// travels.
//
// QUESTION    Does every reference that is handed over come off the count
//             exactly once, promptly, and by someone who may do it?
// THREADS     the owner (0), two droppers (1, 2); with V=COLLECTED a collector.
// VARIANTS    -DV=HANDED     one object; references are handed to and fro
//             -DV=CHILD      object 0 holds object 1, both in one pool word:
//                            a death by owner, helper or dropper drops a child
//             -DV=COLLECTED  one object that may hold itself; watch and
//                            validate (handshake 0, watch, handshake 1, scan)
//             -DK=n          increfs, upgrades and stores a thread
//             -DDROPPERS=1   without thread 2 (not with CHILD)
// ABSTRACTED  One pool of one or two objects, one dropper's cache holds that
//             pool's word only.  Memory of a dead object is never reused.
//             Sequentially consistent memory; a plain update of the owner is a
//             load and a store.
// IN C        foreign_drop   hand_over (object/handover.c)
//             flush          tly_pending_flush: tell_drops
//             decref_slow    drop_counted (object/handover.c)
//             announce       tly_inbox_send
//             help           tly_inbox_help
//             drain          tly_inbox_drain
//             decref_owner   tly_count_drop_for, tly_count_zero
//             merge          tly_count_merge
//             attach         tly_mutator_attach
//             go idle        tly_mutator_detach, and the exit of a thread
//             Edges: [drop] and [merge-request] fetch_or by the dropper,
//             exchange by the drainer; [in-inbox], [breaker] against [state]
//             as in inbox.pml.
//
// THE RULES   1 Drop: the count (sh) is loaded; unmerged, not above 0, and the
//               bit not in my cache: set it there.  Otherwise count.
//             2 Then load the owner's state: not ATTACHED, flush now.  Flush
//               at a safepoint, before handshake 0 is acknowledged, at detach
//               and at exit.
//             3 Flush: fetch_or.  A bit that was set already is still mine:
//               the counting path.  Then announce, and help.
//             4 Drain: clear in_inbox, take the bits.  A bit is an ordinary
//               decref, which tests the owner.
//             5 Merge ignores drop bits: they are counted in local before, in
//               the shared count after.
//             6 A thread that goes idle and finds the breaker set attaches,
//               polls and goes idle again.  A helper destroys after it gave
//               the state back, counting as itself.
//             7 A reference in a cache or in a bitmap is external to every
//               candidate set.
//
// INVARIANTS
//   a  local + shared + what a merge holds in its hand equals the references
//      of threads, wires, caches, drop bits, drainers, queue and fields, at
//      every counting step.  (-DGHOST=0 leaves it out, so that a mutant shows
//      what it does to a program.)
//   b  Nothing is freed while referenced or twice, or touched afterwards.
//   c  Only one thread drains an inbox at a time.
//   d  A reference never waits in a cache for an idle owner.
//   e  When all threads have ended nothing is pending, and an object without
//      references is freed.
//
// MUTANTS (each must be refuted)
//   NOIMM        flush only at safepoints though the owner is idle (d)
//   EXITNOFLUSH  a thread goes with a full cache
//   NORECHECK    the owner goes idle without looking again
//   SENDNOCHECK  a dropper does not look at the owner's state after its push
//   BITSFIRST    drain takes the bits before it clears in_inbox
//   MERGEIGN     drain skips the drop bit of a merged object
//   COLIGN       flush ignores that a bit was set already
//   CACHECOL     drop ignores that the bit is set in its own cache
//   NOOWNTEST    drain decrements local without testing the owner
//   DETDESTROY   (CHILD) an owner that goes idle drains as a helper would and
//                then destroys with its own plain counts
//   CACHEINT     (COLLECTED) references in caches and bitmaps count as
//                internal
//   NOHS1        (COLLECTED) no second handshake
//   NODIRTY      (COLLECTED) no count operation sets DIRTY

mtype:mutant = { NONE, NOIMM, NORECHECK, SENDNOCHECK, MERGEIGN, COLIGN,
                 CACHECOL, NOOWNTEST, BITSFIRST, EXITNOFLUSH, DETDESTROY,
                 CACHEINT, NOHS1, NODIRTY };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef K
#define K 1
#endif
#ifndef DROPPERS
#define DROPPERS 2
#endif
#ifndef GHOST
#define GHOST 1
#endif
#define HANDED    0
#define CHILD     1
#define COLLECTED 2
#ifndef V
#define V HANDED
#endif
#if V == CHILD
#define NO 2                    // objects
#else
#define NO 1
#endif
#define LAST (NO - 1)
#define GONE 9                  // an acknowledgement of every goal

// The headers.  (shared, flag) is one atomic word.
#define NOBODY 0
#define OWNER  1
byte local_count[NO];
byte owner[NO];
short shared[NO];
mtype:flag = { PRIVATE, PUBLISHED, QUEUED, MERGED };
mtype:flag flag[NO];
byte field[NO];                 // counted fields that hold object o

// The pool and the owner's mutator.
bool drop_bit[NO];
bool merge_bit[NO];
bool in_inbox;
bool pushed;
bool breaker;
mtype:state = { ATTACHED, DETACHED, SUSPENDED };
mtype:state state = ATTACHED;

// A cache for each thread: cached[t * NO + o].
bool cached[3 * NO];

// The collector.
bool watch;
bool dirty;
bool dead_flag;
byte goal;
byte ack[3];

// Ghosts.
byte refs[3 * NO];
byte wire[NO];
byte queue[NO];                 // the reference that the inbox holds
byte hand[NO];                  // in a drainer's hand
byte moving[NO];                // local, in a merge's hand
bool freed[NO];
bool published;
bool seen_attached[3];          // the owner was, since my cache got its bit
bool draining;

#define R(t, o)   refs[(t) * NO + (o)]
#define IN_CACHES(o) (cached[NO + (o)] + cached[2 * NO + (o)])
#define TOTAL(o) \
    (R(0, o) + R(1, o) + R(2, o) + wire[o] + IN_CACHES(o) + drop_bit[o] + \
     queue[o] + hand[o] + field[o])
#define SUM(o)    (local_count[o] + shared[o] + moving[o])
#define EXACT(o)  assert(!GHOST || freed[o] || SUM(o) == TOTAL(o))
#define ALIVE(o)  assert(!freed[o])
#define UNMERGED0(o) \
    (shared[o] == 0 && (flag[o] == PRIVATE || flag[o] == PUBLISHED))

// Any count operation: DIRTY comes before the change when the object is
// watched (an owner's plain path fails its test then).
inline set_dirty() {
#if V == COLLECTED
    w = watch;
    if
    :: w && MUTANT != NODIRTY ->
        dirty = 1
    :: else
    fi
#else
    skip
#endif
}

// One death.  The killer gets what the field held, and drops it in the role
// that it plays.
inline destroy(me, o) {
    atomic {
        ALIVE(o);
        assert(TOTAL(o) == 0);
        assert(!dead_flag);
        dying[o] = 0;
        if
        :: watch ->
            dead_flag = 1       // the collector frees the block
        :: else ->
            dead_flag = (NO == 1);
            freed[o] = 1
        fi;
        if
        :: NO == 2 && o == 0 ->
            field[LAST] = 0;
            R(me, LAST)++;
            child = 1
        :: else
        fi
    }
}

// An ordinary decref by whoever plays the owner.
inline decref_owner(o, ghost) {
    if
    :: MUTANT == NOOWNTEST || owner[o] == OWNER ->
        set_dirty();
        ALIVE(o);
        tmp = local_count[o];
        atomic {
            local_count[o] = tmp - 1;
            ghost--;
            EXACT(o)
        };
        if
        :: tmp == 1 ->
            if
            :: shared[o] == 0 && flag[o] == PRIVATE ->
                dying[o] = 1
            :: else ->
                owner[o] = NOBODY;
                atomic {
                    flag[o] = MERGED;
                    dying[o] = (shared[o] == 0)
                }
            fi
        :: else
        fi
    :: else ->
        set_dirty();
        atomic {
            ALIVE(o);
            shared[o]--;
            ghost--;
            EXACT(o);
            assert(flag[o] == MERGED);
            dying[o] = (shared[o] == 0)
        }
    fi;
    tmp = 0
}

// Serves a merge request.
inline merge(o) {
    if
    :: owner[o] == NOBODY ->
        set_dirty();
        atomic {
            ALIVE(o);
            queue[o]--;
            shared[o]--;
            EXACT(o);
            dying[o] = (flag[o] == MERGED && shared[o] == 0)
        }
    :: else ->
        set_dirty();
        ALIVE(o);
        tmp = local_count[o];
        owner[o] = NOBODY;
        atomic {
            local_count[o] = 0;
            moving[o] = tmp
        };
        atomic {
            shared[o] = shared[o] + tmp - 1;
            tmp = 0;
            moving[o] = 0;
            queue[o]--;
            flag[o] = MERGED;
            EXACT(o);
            dying[o] = (shared[o] == 0)
        }
    fi
}

inline take_bits() {
    atomic {                    // one exchange of the drop word
        i = 0;
        do
        :: i < NO ->
            if
            :: drop_bit[i] ->
                drops[i] = 1;
                drop_bit[i] = 0;
                hand[i]++
            :: else
            fi;
            i++
        :: else ->
            break
        od;
        i = 0
    };
    atomic {                    // one exchange of the merge word
        i = 0;
        do
        :: i < NO ->
            merges[i] = merge_bit[i];
            merge_bit[i] = 0;
            i++
        :: else ->
            break
        od;
        i = 0
    }
}

inline serve(o) {
    if
    :: MUTANT == MERGEIGN && drops[o] && owner[o] == NOBODY ->
        drops[o] = 0;
        hand[o]--
    :: drops[o] && (MUTANT != MERGEIGN || owner[o] == OWNER) ->
        drops[o] = 0;
        decref_owner(o, hand[o])
    :: else
    fi;
    if
    :: merges[o] ->
        merges[o] = 0;
        merge(o)
    :: else
    fi
}

inline drain() {
    atomic {
        assert(!draining);
        draining = 1
    };
    atomic {
        got = pushed;
        pushed = 0
    };
    if
    :: got ->
        if
        :: MUTANT != BITSFIRST ->
            in_inbox = 0
        :: else
        fi;
        take_bits();
        if
        :: MUTANT == BITSFIRST ->
            in_inbox = 0
        :: else
        fi;
        serve(0);
        if
        :: NO == 2 ->
            serve(LAST)
        :: else
        fi
    :: else
    fi;
    atomic {
        draining = 0;
        got = 0
    }
}

inline help() {
    do
    :: !breaker || MUTANT == SENDNOCHECK ->
        break
    :: breaker ->
        atomic {
            won = (state == DETACHED);
            if
            :: won ->
                state = SUSPENDED
            :: else
            fi
        };
        if
        :: won ->
            won = 0;
            breaker = 0;
            drain();
            state = DETACHED
        :: else ->
            break
        fi
    od
}

inline attach() {
    atomic {
        state == DETACHED -> state = ATTACHED;
        seen_attached[1] = 1;
        seen_attached[2] = 1
    }
}

inline poll_owner() {
    breaker = 0;
    drain()
}

// The counting path of a drop: the queue inherits the reference, or the count
// falls.
inline decref_slow(o) {
    still_mine[o] = 0;
    set_dirty();
    atomic {
        w = 0;
        ALIVE(o);
        won = UNMERGED0(o);
        if
        :: won ->
            flag[o] = QUEUED;
            R(me, o)--;
            queue[o]++
        :: else ->
            shared[o]--;
            R(me, o)--;
            dying[o] = (flag[o] == MERGED && shared[o] == 0)
        fi;
        EXACT(o)
    };
    if
    :: won ->
        won = 0;
        merge_bit[o] = 1;
        push_due = 1
    :: else
    fi
}

inline foreign_drop(o) {
    atomic {
        ALIVE(o);
        won = (flag[o] != MERGED && shared[o] <= 0)
    };
    if
    :: !won ->
        still_mine[o] = 1
    :: won && cached[me * NO + o] ->
        atomic {
            won = 0;
            if
            :: MUTANT == CACHECOL ->
                R(me, o)--
            :: else ->
                still_mine[o] = 1
            fi
        }
    :: won && !cached[me * NO + o] ->
        won = 0;
        atomic {
            R(me, o)--;
            cached[me * NO + o] = 1;
            seen_attached[me] = (state == ATTACHED);
            EXACT(o)
        };
        if
        :: MUTANT != NOIMM && state != ATTACHED ->
            flush_due = 1
        :: else
        fi
    fi
}

inline flush() {
    flush_due = 0;
    push_due = 1;
    atomic {                    // one fetch_or of the drop word
        i = 0;
        do
        :: i < NO ->
            if
            :: cached[me * NO + i] ->
                cached[me * NO + i] = 0;
                if
                :: drop_bit[i] && MUTANT != COLIGN ->
                    R(me, i)++;
                    still_mine[i] = 1
                :: else ->
                    drop_bit[i] = 1
                fi
            :: else
            fi;
            i++
        :: else ->
            break
        od;
        i = 0
    }
}

inline announce() {
    push_due = 0;
    atomic {
        got = in_inbox;
        in_inbox = 1
    };
    if
    :: !got ->
        pushed = 1
    :: else
    fi;
    got = 0;
    breaker = 1;
    help()
}

#define NONE_MINE (R(0, 0) + R(0, LAST) == 0)

proctype Owner() {
    byte tmp;
    byte k;
    byte g;
    byte i;
    byte o;
    bool drops[NO];
    bool merges[NO];
    bool dying[NO];
    bool got;
    bool won;
    bool child;
    bool w;

    do
    :: dying[0] ->
        destroy(0, 0)
    :: NO == 2 && dying[LAST] ->
        destroy(0, LAST)
    :: !dying[0] && child ->
        child = 0;
        decref_owner(LAST, R(0, LAST))
    :: else ->
        if
        :: R(0, 0) > 0 && k < K ->                      // incref
            k++;
            if
            :: owner[0] == OWNER ->
                set_dirty();
                tmp = local_count[0];
                atomic {
                    local_count[0] = tmp + 1;
                    tmp = 0;
                    R(0, 0)++;
                    EXACT(0)
                }
            :: else ->
                set_dirty();
                atomic {
                    ALIVE(0);
                    shared[0]++;
                    R(0, 0)++
                }
            fi
        :: atomic {
               V == HANDED && R(0, 0) > 0 -> R(0, 0)--;
               wire[0]++
           }
        :: atomic {
               wire[0] > 0 -> wire[0]--;
               R(0, 0)++
           }
        :: R(0, 0) > 0 ->
            decref_owner(0, R(0, 0))
        :: atomic {
               R(0, 0) > 0 && flag[0] == PRIVATE && !published ->
                   flag[0] = PUBLISHED;
               published = 1
           }
        :: breaker ->
            poll_owner()
        :: atomic {                                     // store to the field
               V == COLLECTED && R(0, 0) > 0 && !field[0] && k < K -> k++;
               w = watch;
               g = 1
           };
           if
           :: w ->
               dirty = 1
           :: else
           fi;
           atomic {
               if
               :: !field[0] ->
                   R(0, 0)--;
                   field[0] = 1
               :: else
               fi;
               g = 0
           }
        :: goal != ack[0] ->                            // handshake
            g = goal;
            if
            :: breaker ->
                poll_owner()
            :: else
            fi;
            ack[0] = g;
            g = 0
        :: NONE_MINE || k == K ->                       // go idle
            k = K;
            w = 0;
            state = DETACHED;
            if
            :: MUTANT == DETDESTROY ->
                help();
                do
                :: dying[0] ->
                    destroy(0, 0)
                :: NO == 2 && dying[LAST] ->
                    destroy(0, LAST)
                :: !dying[0] && child ->
                    child = 0;
                    decref_owner(LAST, R(0, LAST))
                :: else ->
                    break
                od
            :: breaker && MUTANT != NORECHECK && MUTANT != DETDESTROY ->
                attach();       // and poll, and go idle again
                goto next
            :: else
            fi;
            if
            :: attach();
               ack[0] = goal    // attach is a poll
            :: NONE_MINE ->
                break
            fi
        :: else ->
            skip
        fi;
next:
        skip
    od
}

#define MY_BITS (cached[me * NO] || cached[me * NO + LAST])
#define NO_DROP (!still_mine[0] && !still_mine[LAST])
#define NO_DEAD (!dying[0] && !dying[LAST])

proctype Other(byte me) {
    byte tmp;
    byte k;
    byte i;
    byte g;
    bool drops[NO];
    bool merges[NO];
    bool dying[NO];
    bool still_mine[NO];        // references that must take the counting path
    bool got;
    bool won;
    bool flush_due;
    bool push_due;
    bool child;
    bool w;
    bool ack_due;

    do
    :: flush_due ->
        flush()
    :: !flush_due && still_mine[0] ->
        decref_slow(0)
    :: NO == 2 && !flush_due && still_mine[LAST] ->
        decref_slow(LAST)
    :: NO == 2 && !flush_due && dying[LAST] ->
        destroy(me, LAST)
    :: !flush_due && NO_DROP && NO_DEAD && !push_due && child ->
        child = 0;
        foreign_drop(LAST)
    :: !flush_due && dying[0] ->
        destroy(me, 0)
    :: !flush_due && NO_DROP && push_due ->
        announce()
    :: else ->
        assert(seen_attached[me] || !MY_BITS);          // d
        seen_attached[me] = 1;
        if
        :: child ->
            skip
        :: ack_due ->
            ack_due = 0;
            ack[me] = g;
            g = 0
        :: !ack_due && !child ->
            if
            :: atomic {
                   wire[0] > 0 -> wire[0]--;
                   R(me, 0)++
               }
            :: atomic {
                   V == HANDED && R(me, 0) > 0 -> R(me, 0)--;
                   wire[0]++
               }
            :: R(me, 0) > 0 && k < K ->                 // incref
                k++;
                set_dirty();
                atomic {
                    ALIVE(0);
                    shared[0]++;
                    R(me, 0)++;
                    w = 0;
                    EXACT(0)
                }
            :: published && k < K ->                    // upgrade
                k++;
                set_dirty();
                atomic {
                    w = 0;
                    if
                    :: !freed[0] && !dead_flag && flag[0] != PRIVATE &&
                       !(flag[0] == MERGED && shared[0] == 0) ->
                        shared[0]++;
                        R(me, 0)++;
                        EXACT(0)
                    :: else
                    fi
                }
            :: V == COLLECTED && R(me, 0) > 0 && !field[0] && k < K ->
                k++;                                    // store
                set_dirty();
                atomic {
                    w = 0;
                    if
                    :: !field[0] ->
                        R(me, 0)--;
                        field[0] = 1
                    :: else
                    fi
                }
            :: V == COLLECTED && R(me, 0) > 0 && field[0] ->
                set_dirty();                            // take
                atomic {
                    w = 0;
                    if
                    :: field[0] ->
                        field[0] = 0;
                        R(me, 0)++
                    :: else
                    fi
                }
            :: goal != ack[me] ->                       // handshake
                g = goal;
                flush_due = MY_BITS;
                ack_due = 1
            :: R(me, 0) > 0 ->
                foreign_drop(0)
            :: NO == 2 && R(me, LAST) > 0 ->
                foreign_drop(LAST)
            :: MY_BITS ->                               // safepoint
                flush_due = 1
            :: R(me, 0) + R(me, LAST) == 0 &&
               (!MY_BITS || MUTANT == EXITNOFLUSH) ->
                break
            fi
        fi
    od;
    ack[me] = GONE
}

#define ACKED(t)  (ack[t] >= goal || (t == 0 && state != ATTACHED))
#define ALL_ACKED (ACKED(0) && ACKED(1) && ACKED(2))

proctype Collector() {
    byte r;
    byte s;

    goal = 1;
    ALL_ACKED;
    atomic {
        if
        :: freed[0] || dead_flag ->
            goto out
        :: else ->
            dirty = 0
        fi
    };
    atomic {
        if
        :: freed[0] || dead_flag ->
            goto out
        :: else ->
            watch = 1
        fi
    };
    if
    :: MUTANT != NOHS1 ->
        goal = 2;
        ALL_ACKED
    :: else
    fi;
    r = local_count[0];
    r = r + shared[0];
    s = field[0];
    if
    :: MUTANT == CACHEINT ->
        r = r - IN_CACHES(0) - drop_bit[0]
    :: else
    fi;
    atomic {
        if
        :: !dirty && !dead_flag && r == s && r > 0 ->
            assert(TOTAL(0) == field[0]);               // b: commit
            freed[0] = 1;
            field[0] = 0
        :: else ->
            watch = 0;
            if
            :: dead_flag ->
                freed[0] = 1
            :: else
            fi
        fi
    };
out:
    skip
}

#define NO_BITS(o) (!drop_bit[o] && !merge_bit[o] && !IN_CACHES(o) && !queue[o])

init {
    atomic {
        flag[0] = PRIVATE;
        flag[LAST] = PRIVATE;
        owner[0] = OWNER;
        owner[LAST] = OWNER;
        local_count[0] = 1;
        R(0, 0) = 1;
        seen_attached[1] = 1;
        seen_attached[2] = 1;
        if
        :: V == CHILD ->
            local_count[0] = 2;
            R(1, 0) = 1;
            local_count[LAST] = 2;
            field[LAST] = 1;
            R(2, LAST) = 1
        :: V == COLLECTED ->
            local_count[0] = 3;
            R(1, 0) = 1;
            field[0] = 1;
            run Collector()
        :: else
        fi;
        run Owner();
        run Other(1);
        if
        :: DROPPERS == 2 ->
            run Other(2)
        :: else ->
            ack[2] = GONE
        fi
    };
    _nr_pr == 1;
    assert(NO_BITS(0) && NO_BITS(LAST));
    assert(TOTAL(0) > 0 || freed[0]);
    assert(TOTAL(LAST) > 0 || freed[LAST])
}
