// A pool's blocks are freed by threads that do not own the pool, the pool is
// parked when it is full, woken through its owner's inbox, released when it is
// empty and carved again for another mutator.  One link a pool serves every
// inbox.  This model exists because a thread may stand still between the bit
// that it set and the push that announces it, for as long as it takes the
// pool to live a whole other life.
//
// QUESTION    Can a freed block be lost for ever, a block be handed out
//             twice, or the one link be pushed while it is still in a list?
//             Can a drop wait in the inbox of a mutator that does not run?
// THREADS     two mutators that may own the pool (1 and 2) and NFREERS others
//             that free its blocks.  No operation is counted: runs of every
//             length are covered.
// ABSTRACTED  One pool of two blocks.  Which thread holds a block: any thread
//             may free any block that is out.  A mutator that does not run is
//             one that does nothing but what a set breaker makes somebody do
//             for it; why somebody does, and only one: inbox.pml.  The count
//             behind a drop bit: handover.pml; here it frees its block.  Size
//             classes, leases, and the hysteresis of waking (here the first
//             free by the owner wakes).  Memory is sequentially consistent.
// IN C        take_pool     tly_pool_carve
//             release_pool  tly_pool_give_back
//             park          park (pool/take.c)
//             Freer, FREE   tell_frees (pool/pending.c)
//             Freer, DROP   tell_drops (pool/pending.c)
//             send          tly_inbox_send
//             drain         tly_inbox_drain, one pool of it
//             Edges: [park] parked against remote bits (Dekker, seq_cst on
//             both sides); [in-inbox] exchanges of in_inbox; [pool-owner].
//
// THE RULES   1 Park: store parked, look at the remote bits again; if there
//               are any, exchange parked: who gets the 1 acts on it.
//             2 Free: fetch_or, load parked, exchange it; who gets the 1 sends.
//             3 Send: exchange in_inbox; who gets the 0 pushes to the owner
//               that it reads then, and breaks (and helps) that very mutator.
//               Nobody's: clear the flag by an exchange, look at the owner
//               again, start anew if there is one.
//             4 Drain: read the link to the next pool, clear in_inbox, read
//               the owner, in this order.  Another's: send.  Nobody's: leave
//               it.  Mine: take the bits, then list the pool, or park it
//               again by rule 1 when the wake brought nothing.
//             5 Neither release nor carving touches in_inbox and the link;
//               the descriptor stays mapped and is never purged.
//
// INVARIANTS
//   a  The link is pushed only while it is in no inbox and in no drainer's
//      hand.
//   b  A block that is handed out is not out already.
//   c  While a block is out or its bit is not taken, its pool has an owner.
//   d  An unowned pool is not parked and has no bit set.
//   e  When nobody must move any more, no drop bit is left; a linked pool is
//      in the inbox of its own owner; each block is out, free or remote, once;
//      and the owner finds what is free: the pool is in its lists or in its
//      inbox, or it is parked with nothing free in it.
//
// MUTANTS (each must be refuted)
//   NORECHECK    parks without looking at the remote bits again
//   PARKRELAXED  looks first, parks after: the store delayed past the check
//   NOREPARK     a wake that brought nothing leaves the pool unparked
//   NOFORWARD    drain ignores a pool that belongs to another mutator
//   OWNERFIRST   drain reads the pool's owner before it clears in_inbox
//   BITSFIRST    drain takes the bits before it clears in_inbox
//   LINKLATE     drain reads the link to the next pool after the clear
//   RESETLINK    carving clears in_inbox, as a memset of a descriptor would
//   KEEPFLAG     a pusher that finds the pool unowned leaves in_inbox set
//   BREAKOWNER   a pusher breaks the owner that it reads after the push, not
//                the mutator that it pushed to
//   LAZYWAKE     a wake breaks nobody, a drop the owner that it reads after
//   HARVESTLOAD  harvest by a load and a store of zero, not by an exchange
//   NOHARVEST    release counts remote bits as free without taking them

mtype:mutant = { NONE, NORECHECK, PARKRELAXED, NOREPARK, NOFORWARD, OWNERFIRST,
                 BITSFIRST, LINKLATE, RESETLINK, KEEPFLAG, BREAKOWNER, LAZYWAKE,
                 HARVESTLOAD, NOHARVEST };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef NFREERS
#define NFREERS 2
#endif
#define NOBODY 0
#define ALL    3                // both blocks, as a mask

// The descriptor.
byte owner = NOBODY;
byte free_bits;                 // owner only
byte remote_bits;               // any thread: fetch_or, exchange
byte drop_bits;                 // any thread: fetch_or, exchange
bool parked;
bool in_inbox;
bool listed;                    // in the owner's own lists; owner only

// The mutators: whether the pool's link is in the inbox, and whether somebody
// is sure to look there, though the thread may not run.
bool inbox[3];
bool breaker[3];

// Ghosts.
byte out;                       // mask of the blocks that are handed out
bool hand;                      // popped, its link not read to the end yet
byte freers;                    // that have not ended
byte draining;                  // mutators in a drain: they may still push
bool over;                      // nobody must move any more

#define PROMPT (MUTANT != BREAKOWNER && MUTANT != LAZYWAKE)

// Any block that is out.
inline choose() {
    if
    :: out & 1 ->
        block = 1
    :: out & 2 ->
        block = 2
    fi
}

// Whoever finds in_inbox set does nothing: the one that set it will push, or
// its push will be served.  Setting the breaker is one step with the push, for
// fewer states: between the two nobody is obliged to look.
inline send(urgent) {
    atomic {
        was = in_inbox;
        in_inbox = 1
    };
    do
    :: was ->
        break
    :: else ->
        to = owner;
        if
        :: to != NOBODY ->
            atomic {
                assert(!inbox[1] && !inbox[2] && !hand);
                inbox[to] = 1;
                breaker[to] = breaker[to] || PROMPT
            };
            break
        :: to == NOBODY && MUTANT == KEEPFLAG ->
            break
        :: to == NOBODY && MUTANT != KEEPFLAG ->
            in_inbox = 0;       // nobody's: undo, and look again, because
            if                  // who found the flag set relies on it
            :: owner == NOBODY ->
                break
            :: else ->
                atomic {
                    was = in_inbox;
                    in_inbox = 1
                }
            fi
        fi
    od;
    if
    :: MUTANT == BREAKOWNER || (MUTANT == LAZYWAKE && urgent) ->
        breaker[owner] = 1
    :: else
    fi;
    atomic {
        was = 0;
        to = 0
    }
}

inline harvest() {
    if
    :: MUTANT == HARVESTLOAD ->
        free_bits = free_bits | remote_bits;
        remote_bits = 0
    :: else ->
        atomic {
            free_bits = free_bits | remote_bits;
            remote_bits = 0
        }
    fi
}

// The pool is full as far as its owner knows.  After the store every freer
// sees it parked, or the owner sees the freer's bit here.
inline park() {
    listed = 0;
    if
    :: MUTANT == PARKRELAXED ->
        if
        :: remote_bits != 0 ->
            listed = 1
        :: else ->
            parked = 1
        fi
    :: else ->
        parked = 1;
        if
        :: MUTANT != NORECHECK && remote_bits != 0 ->
            atomic {
                was = parked;
                parked = 0
            };
            if
            :: was ->
                listed = 1
            :: else             // a freer took the wake: it will push
            fi;
            was = 0
        :: else
        fi
    fi
}

// The drained pool is mine: take what is there, then list it or park it.
inline take_bits() {
    harvest();
    atomic {
        free_bits = free_bits | drop_bits;
        drop_bits = 0
    };
    if
    :: listed ->
        skip
    :: !listed && free_bits != 0 ->
        parked = 0;
        listed = 1
    :: !listed && free_bits == 0 && MUTANT != NOREPARK ->
        park()
    :: !listed && free_bits == 0 && MUTANT == NOREPARK ->
        skip
    fi
}

inline drain(me) {
    if
    :: MUTANT == BITSFIRST ->
        o = owner;
        if
        :: o == me ->
            take_bits()
        :: else
        fi
    :: MUTANT == OWNERFIRST ->
        o = owner
    :: else
    fi;
    if
    :: MUTANT == LINKLATE ->
        in_inbox = 0;
        hand = 0
    :: else ->
        atomic {
            hand = 0;           // the link to the next pool is read first
            in_inbox = 0        // an exchange: it also acquires the bits
        }
    fi;
    if
    :: MUTANT != OWNERFIRST ->
        o = owner
    :: else
    fi;
    if
    :: o == me && MUTANT != BITSFIRST ->
        take_bits()
    :: o != me && o != NOBODY && MUTANT != NOFORWARD ->
        send(1)                 // carved for another mutator meanwhile
    :: else                     // in the arena: no bit is set
    fi;
    o = 0
}

// Only the owner of an empty pool; the arena's lock is one atomic step.
inline release_pool() {
    atomic {
        assert(!parked && !drop_bits && !out);
        assert(!remote_bits || MUTANT == NOHARVEST);
        listed = 0;
        owner = NOBODY
    }
}

inline take_pool(me) {
    atomic {
        owner == NOBODY && !over -> owner = me;
        assert(!parked && !drop_bits && !out);
        if
        :: MUTANT == RESETLINK ->
            in_inbox = 0
        :: else
        fi;
        free_bits = ALL;
        listed = 1
    }
}

#define MINE  (owner == me && !over)
#define QUIET (!freers && !draining && !breaker[1] && !breaker[2])
#define EMPTY (free_bits == ALL || \
    (MUTANT == NOHARVEST && (free_bits | remote_bits) == ALL))

proctype Mutator(byte me) {
    bool got;
    byte block;
    byte o;
    byte to;
    bool was;

    do
    :: take_pool(me)
    :: MINE && listed && free_bits != 0 ->              // allocate
        atomic {
            block = (free_bits & 1 -> 1 : 2);
            free_bits = free_bits & ~block;
            assert(!(out & block));
            out = out | block;
            block = 0
        }
    :: MINE && listed && free_bits == 0 ->              // allocate, slow path
        harvest();
        if
        :: free_bits == 0 ->
            park()
        :: else
        fi
    :: atomic {
           MINE && out != 0 -> choose();            // free, as the owner
           out = out & ~block;
           free_bits = free_bits | block;
           block = 0
       };
       if
       :: !listed ->
            atomic {
                was = parked;
                parked = 0
            };
            if
            :: was ->
                listed = 1
            :: else             // a freer took the wake: it will push
            fi;
            was = 0
       :: else
       fi
    :: MINE && listed && EMPTY ->                       // or who acts for it
        release_pool()
    :: atomic {                                         // poll, or a helper
           (breaker[me] || inbox[me]) && !over -> breaker[me] = 0;
           got = inbox[me];     // batch pop
           inbox[me] = 0;
           hand = hand || got;
           draining++
       };
       if
       :: got ->
            drain(me)
       :: else
       fi;
       atomic {
           got = 0;
           draining--
       }
    :: atomic {
           QUIET -> over = 1;
           break
       }
    od
}

proctype Freer() {
    byte block;
    byte to;
    bool was;

    do
    :: atomic {
           out != 0 -> choose();
           out = out & ~block
       };
       assert(owner != NOBODY);
       if
       :: atomic {                                      // FREE
              remote_bits = remote_bits | block;
              block = 0
          };
          if
          :: parked ->
               atomic {
                   was = parked;
                   parked = 0
               };
               if
               :: was ->
                   send(0)
               :: else
               fi
          :: else
          fi
       :: atomic {                                      // DROP
              drop_bits = drop_bits | block;
              block = 0
          };
          send(1)
       fi;
       was = 0
    :: atomic {
           freers--;
           break
       }
    od
}

#define OVERLAP ((out & free_bits) | (out & remote_bits) | \
                 (free_bits & remote_bits))

init {
    atomic {
        byte n;
        freers = NFREERS;
        run Mutator(1);
        run Mutator(2);
        n = 0;
        do
        :: n < NFREERS ->
            run Freer();
            n++
        :: else ->
            break
        od;
        n = 0
    };
    _nr_pr == 1;
    assert(!drop_bits);
    assert(!in_inbox || inbox[owner]);
    if
    :: owner == NOBODY ->
        assert(!parked && !remote_bits && !out)
    :: else ->
        assert((out | free_bits | remote_bits) == ALL && !OVERLAP);
        assert(listed || in_inbox || (parked && !remote_bits && !free_bits))
    fi
}
