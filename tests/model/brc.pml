// A biased count is two counts: the owner's, plain, and everybody else's,
// atomic.  This model exists because an object must die exactly when the sum
// of both is zero, and no thread ever sees both at one time.
//
// QUESTION    Is an object never freed while a reference to it exists, freed
//             once, never touched afterwards, and not leaked?
// THREADS     mutator 1 owns the object; threads 2 and 3 do not.  References
//             are handed from thread to thread without counting.  The owner
//             blocks, exits, and is taken over by another thread.
// ABSTRACTED  One object and its merge request; the pool's link is inbox.pml,
//             the drop bitmap is handover.pml.  A thread's memory of a
//             published object is protected (a grace period), so an upgrade
//             may read the header of a dead object; nothing else may.  Each
//             thread counts up at most K times.  Sequentially consistent
//             memory; micro steps are statements of their own, so that plain
//             updates of the owner really interleave.
// IN C        incref        tally_incref_slow_ and the inline path before it
//             decref        tly_count_drop_slow and the inline path before it
//             count_zero    tly_count_zero: the owner's count reached 0
//             count_merge   tly_count_merge, for a request
//             send          tly_inbox_send
//             help          tly_inbox_help
//             poll          tly_poll, tly_inbox_drain
//             go_idle       tly_mutator_detach, and the exit of a thread
//             spill         tally_incref_spill_
//             Edges: [last-use] the RMW that makes the sum zero;
//             [owner-upgrade] CAS of owner before the merging RMW; [spill];
//             [breaker] against [state].
//
// INVARIANTS
//   a  Whoever frees finds no reference left, an object not yet freed, and not
//      an immortal one.
//   b  No count operation touches a freed object.
//   c  local + shared is never less than the references, not even in the
//      middle of a spill: a child of fork() or a walk may read it there.
//   d  When all threads have ended the object is freed, or what is left of
//      references is exactly what it counts, or it is immortal.
//
// MUTANTS (each must be refuted)
//   FASTPUB      the owner frees at once though the object was published
//   MERGELATE    merge writes owner and local after the shared word
//                (CPython gh-119999)
//   NOSUSPEND    merge for an idle owner without taking its state
//   NORECHECK    the owner goes idle without looking again
//   FETCHAND     ownership is given up by a fetch_and, not by a CAS: an
//                immortalised object dies
//   SPILLLATE    spill lowers local before it raises the shared count
//   UPGRADEZERO  an upgrade succeeds though the count has been zero

mtype:mutant = { NONE, FASTPUB, MERGELATE, NOSUSPEND, NORECHECK, FETCHAND,
                 SPILLLATE, UPGRADEZERO };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef K
#define K 2
#endif
#ifndef IMMORTALS
#define IMMORTALS 1             // 0: nobody makes the object immortal
#endif
#define LOCAL_MAX (K + 1)       // in C 2^32 - 1; reached by the K-th incref
#define SPILL     K             // in C 2^31

// The header.  (shared, flag) is one atomic word.
#define NOBODY   0
#define IMMORTAL 9
byte local_count = 1;
byte owner = 1;
short shared = 0;
mtype:flag = { PRIVATE, PUBLISHED, QUEUED, MERGED };
mtype:flag flag = PRIVATE;

// Mutator 1.
mtype:state = { ATTACHED, DETACHED, SUSPENDED, VACANT };
mtype:state state = ATTACHED;
bool breaker;
bool asked;                     // the object's request bit

// Ghosts.
byte refs[4];                   // references that a thread holds
byte wire;                      // on the way between threads
byte queue;                     // the reference that the inbox holds
bool freed;
bool immortal;

#define TOTAL     (refs[1] + refs[2] + refs[3] + wire + queue)
#define IDLE(s)   ((s) == DETACHED || (s) == VACANT)
#define ALIVE     assert(!freed)
#define UNMERGED0 (shared == 0 && (flag == PRIVATE || flag == PUBLISHED))

inline destroy() {
    atomic {
        assert(!freed);
        assert(!immortal);
        assert(TOTAL == 0);
        freed = 1;
        dead = 0
    }
}

inline spill() {
    if
    :: MUTANT != SPILLLATE ->
        shared = shared + SPILL;
        assert(immortal || local_count + shared >= TOTAL);
        local_count = local_count - SPILL
    :: else ->
        local_count = local_count - SPILL;
        assert(immortal || local_count + shared >= TOTAL);
        shared = shared + SPILL
    fi
}

inline incref(me) {
    o = owner;
    if
    :: o == IMMORTAL ->
        refs[me]++
    :: o == me ->
        tmp = local_count;
        atomic {
            ALIVE;
            local_count = tmp + 1;
            refs[me]++
        };
        if
        :: tmp + 1 == LOCAL_MAX ->
            spill()
        :: else
        fi
    :: else ->
        atomic {
            ALIVE;
            shared++;
            refs[me]++
        }
    fi;
    atomic {
        o = 0;
        tmp = 0
    }
}

// CAS of owner from [me] to nobody; FETCHAND stores, and so always "wins".
inline give_up(me) {
    atomic {
        won = (owner == me || MUTANT == FETCHAND);
        if
        :: won ->
            owner = NOBODY
        :: else                 // immortal meanwhile
        fi
    }
}

// The owner's count is zero.
inline count_zero(me) {
    won = (shared == 0 && (flag == PRIVATE ||
        (MUTANT == FASTPUB && flag == PUBLISHED)));
    if
    :: won ->
        dead = 1                // never published: nobody can look
    :: else ->
        give_up(me);
        if
        :: won ->
            atomic {
                ALIVE;
                flag = MERGED;
                dead = (shared == 0)
            }
        :: else
        fi
    fi;
    won = 0
}

// Serves the merge request; the caller is mutator 1 or acts for it.
inline count_merge() {
    if
    :: owner == IMMORTAL ->
        queue--                 // its unit stays counted for good
    :: owner == NOBODY ->       // merged meanwhile: an ordinary decref
        atomic {
            ALIVE;
            queue--;
            shared--;
            dead = (flag == MERGED && shared == 0)
        }
    :: owner == 1 && MUTANT == MERGELATE ->
        tmp = local_count;
        atomic {
            ALIVE;
            shared = shared + tmp - 1;
            flag = MERGED;
            queue--;
            dead = (shared == 0)
        };
        if
        :: !dead ->
            ALIVE;
            local_count = 0;
            owner = NOBODY
        :: else
        fi
    :: owner == 1 && MUTANT != MERGELATE ->
        give_up(1);
        if
        :: won ->
            tmp = local_count;
            local_count = 0;
            atomic {
                ALIVE;
                shared = shared + tmp - 1;
                flag = MERGED;
                queue--;
                dead = (shared == 0)
            }
        :: else ->
            queue--
        fi
    fi;
    atomic {
        won = 0;
        tmp = 0
    }
}

inline drain() {
    breaker = 0;
    atomic {
        won = asked;
        asked = 0
    };
    if
    :: won ->
        won = 0;
        count_merge()
    :: else
    fi
}

// For whoever has just pushed.  A helper destroys after it gave the state back.
inline help() {
    do
    :: !breaker ->
        break
    :: else ->
        atomic {
            won = IDLE(state);
            idle = state;
            if
            :: won && MUTANT != NOSUSPEND ->
                state = SUSPENDED
            :: else
            fi
        };
        if
        :: !won ->
            break
        :: else ->
            won = 0;
            drain();
            if
            :: MUTANT != NOSUSPEND ->
                state = idle
            :: else
            fi;
            if
            :: dead ->
                destroy()
            :: else
            fi
        fi
    od;
    atomic {
        won = 0;
        idle = DETACHED
    }
}

// The reference has moved to the queue; this thread announces it.
inline send() {
    o = owner;
    if
    :: o == IMMORTAL ->
        queue--
    :: o == NOBODY ->           // merged meanwhile
        atomic {
            ALIVE;
            queue--;
            shared--;
            dead = (flag == MERGED && shared == 0)
        }
    :: o == 1 ->
        asked = 1;
        breaker = 1;
        help()
    fi
}

inline decref(me) {
    o = owner;
    if
    :: o == IMMORTAL ->
        refs[me]--
    :: o == me ->
        tmp = local_count;
        atomic {
            ALIVE;
            local_count = tmp - 1;
            refs[me]--
        };
        if
        :: tmp == 1 ->
            count_zero(me)
        :: else
        fi
    :: else ->
        atomic {
            ALIVE;
            refs[me]--;
            won = UNMERGED0;
            if
            :: won ->
                flag = QUEUED;
                queue++
            :: else ->
                shared--;
                dead = (flag == MERGED && shared == 0)
            fi
        };
        if
        :: won ->
            won = 0;
            send()
        :: else
        fi
    fi;
    atomic {
        o = 0;
        tmp = 0
    };
    if
    :: dead ->
        destroy()
    :: else
    fi
}

inline poll() {
    drain();
    if
    :: dead ->
        destroy()
    :: else
    fi
}

inline go_idle(to) {
    state = to;
    do
    :: !breaker || MUTANT == NORECHECK ->
        break
    :: else ->
        atomic {
            won = (state == to);
            if
            :: won ->
                state = ATTACHED
            :: else             // a helper acts: it looks again
            fi
        };
        if
        :: !won ->
            break
        :: else ->
            won = 0;
            poll();
            state = to
        fi
    od;
    won = 0
}

proctype Owner() {
    byte tmp;
    byte o;
    byte k;
    bool dead;
    bool won;
    mtype:state idle = DETACHED;

    do
    :: breaker ->
        poll()
    :: refs[1] > 0 && k < K ->
        k++;
        incref(1)
    :: refs[1] > 0 ->
        decref(1)
    :: atomic {
           refs[1] > 0 -> refs[1]--;
           wire++
       }
    :: atomic {
           wire > 0 -> wire--;
           refs[1]++
       }
    :: atomic {
           refs[1] > 0 && flag == PRIVATE -> flag = PUBLISHED
       }
    :: go_idle(DETACHED);
       atomic {
           state == DETACHED -> state = ATTACHED
       }
    :: refs[1] == 0 ->
        go_idle(VACANT);
        if
        :: atomic {
               state == VACANT -> state = ATTACHED      // taken over
           }
        :: break
        fi
    od
}

proctype Other(byte me) {
    byte tmp;
    byte o;
    byte k;
    bool dead;
    bool won;
    mtype:state idle = DETACHED;

    do
    :: refs[me] > 0 && k < K ->
        k++;
        incref(me)
    :: refs[me] > 0 ->
        decref(me)
    :: atomic {
           refs[me] > 0 -> refs[me]--;
           wire++
       }
    :: atomic {
           wire > 0 -> wire--;
           refs[me]++
       }
    :: k < K && (flag == PUBLISHED || flag == QUEUED || flag == MERGED) ->
        k++;                                            // upgrade
        atomic {
            if
            :: owner == IMMORTAL ->
                refs[me]++
            :: owner != IMMORTAL && flag != PRIVATE &&
               (!(flag == MERGED && shared == 0) || MUTANT == UPGRADEZERO) ->
                ALIVE;
                shared++;
                refs[me]++
            :: else             // was zero once: refused
            fi
        }
    :: IMMORTALS && me == 3 && refs[me] > 0 && !immortal ->
        o = owner;
        atomic {
            if
            :: owner == o ->
                owner = IMMORTAL;
                immortal = 1
            :: else
            fi;
            o = 0
        }
    :: refs[me] == 0 && wire == 0 ->
        break
    od
}

init {
    atomic {
        refs[1] = 1;
        run Owner();
        run Other(2);
        run Other(3)
    };
    _nr_pr == 1;
    assert(!queue);
    assert(immortal || (freed && TOTAL == 0) ||
           (!freed && TOTAL > 0 && local_count + shared == TOTAL))
}
