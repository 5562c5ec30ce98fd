// A HOT object is counted by each attached thread in a cell of its own.  This
// model exists because its count is then a sum that nobody sees at one time,
// and because an object must become HOT, and cold again, while threads count.
//
// QUESTION    Does an object that is made HOT, cold, HOT again, or immortal
//             meanwhile, die exactly when nobody refers to it, and are its
//             cells empty when its column is another object's?
// THREADS     mutator 1 owns the object; mutators 2 and 3 do not.  Each counts,
//             and may become unattached: its mutator is vacant then, with
//             what its cell holds.  2 and 3 make the object HOT and cold, 3
//             makes it immortal.
// ABSTRACTED  One object and one column, of any number.  References are handed
//             on without counting once the object has no owner; before that
//             they are brc.pml's.  The request to an owner that it merge is
//             only its outcome: it merges, or drops its last reference.
//             Threads count up at most K times in all, and make the object HOT
//             at most ROUNDS times.  A handshake is what it promises: it ends
//             when all operations have ended that attached threads were in
//             when it began.  Memory outlives the count (a grace period).
//             Sequentially consistent memory.
// IN C        incref, decref   tally_incref_slow_, tally_decref_slow_
//             upgrade          tally_try_incref
//             count_zero       tly_count_zero, give_up
//             merge            merge_into_shared
//             immortalise      owner_immortalize
//             make_hot, make_cold   the same with tally_ before it
//             Edges: [last-use] the RMW that makes the sum zero;
//             [owner-upgrade] CAS of owner; the column in local, released by
//             the CAS that makes it HOT; the handshake.
//
// THE RULE    From MERGED to HOT, by who holds a counted reference, under a
//             lock: a BIAS of the runtime's is added to the shared count, so
//             that this is above zero whatever the cells hold; then local is
//             the column; then CAS of the owner.  Back: WATCH, after which all
//             count in shared; a handshake; the cells are summed into shared
//             and zeroed, vacant mutators' too; CAS from HOT to none; the BIAS
//             is taken off, and the object may die of that.
//
// INVARIANTS
//   a  Who finds the count zero finds no reference left, nor an object that
//      is HOT, immortal or dead.
//   b  No count operation succeeds on a dead object.
//   c  Who counts in a cell finds the column in local, and it is the object's.
//   d  The cells of a column are empty when it is given to another object.
//   e  When all threads have ended the counts are exact; and made cold the
//      object is dead, unless it is immortal.
//
// MUTANTS (each must be refuted)
//   FETCHAND    the owner gives up by fetch_and, not by CAS
//   COLDSTORE   a HOT object is made cold by a store, not by CAS
//   ANYOWNER    an object is made HOT that has an owner
//   NOMERGED    made HOT when the owner is none, though not MERGED yet
//   NOBIAS      nothing is added to the shared count
//   ONEUNIT     one unit is added: too little for what cells and shared count
//               are apart
//   BORROWER    made HOT by who only borrows the object
//   NOLOCK      two threads make it HOT at once, each with a column
//   NOSHAKE     made cold without a handshake
//   COLEARLY    the column is free before its cells are zero
//   VACANT      the cell of a vacant mutator is not summed

mtype:mutant = { NONE, FETCHAND, COLDSTORE, ANYOWNER, NOMERGED, NOBIAS,
                 ONEUNIT, BORROWER, NOLOCK, NOSHAKE, COLEARLY,
                 VACANT };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef K
#define K 1
#endif
#ifndef IMMORTALS
#define IMMORTALS 1             // 0: nobody makes the object immortal
#endif
#ifndef ROUNDS
#define ROUNDS 1                // times that it is made HOT
#endif

#define BIAS (MUTANT == NOBIAS -> 0 : (MUTANT == ONEUNIT -> 1 : 20))

// The header.  (shared, merged) is one atomic word, (owner, watch) another.
#define NOBODY   0
#define HOT      8
#define IMMORTAL 9
#define COLUMN   70             // and the number of who made it HOT
byte local_count = 1;
byte owner = 1;
bool watch;
short shared = 2;
bool merged;

bool lock;
byte column;                    // the object's; 0: free
bool attached[4];
bool busy[4];                   // attached, and not at a safepoint
bool awaited[4];                // the handshake waits for this one
short cell[4];

// Ghosts.
byte refs[4];                   // references that a thread holds
byte wire;                      // on the way between threads
byte k;
byte rounds;
bool freed;
bool immortal;

#define TOTAL (refs[1] + refs[2] + refs[3] + wire)
#define ALIVE assert(!freed)
#define CELLS (cell[1] != 0 || cell[2] != 0 || cell[3] != 0)

inline begin(me) {
    atomic {
        busy[me] = attached[me];
        o = owner;
        w = watch
    }
}

inline end(me) {
    atomic {
        busy[me] = 0;
        awaited[me] = 0;
        o = 0;
        w = 0;
        tmp = 0;
        won = 0
    }
}

inline destroy() {
    atomic {
        assert(!freed);
        assert(!immortal);
        assert(owner != HOT);
        assert(TOTAL == 0);
        freed = 1;
        dead = 0
    }
}

// Plainly, in two steps, as on local; by is 1 or -1.
inline cell_add(me, by) {
    assert(local_count == column);
    tmp = cell[me];
    atomic {
        assert(column);
        cell[me] = tmp + by;
        refs[me] = refs[me] + by
    }
}

inline incref(me) {
    begin(me);
    if
    :: o == IMMORTAL ->
        refs[me]++
    :: o == HOT && !w && busy[me] ->
        cell_add(me, 1)
    :: o == me ->
        tmp = local_count;
        atomic {
            ALIVE;
            local_count = tmp + 1;
            refs[me]++
        }
    :: else ->
        atomic {
            ALIVE;
            shared++;
            refs[me]++
        }
    fi;
    end(me)
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

inline count_zero(me) {
    give_up(me);
    if
    :: won ->
        atomic {
            ALIVE;
            merged = 1;
            dead = (shared == 0)
        }
    :: else
    fi
}

inline merge(me) {
    give_up(me);
    if
    :: won ->
        tmp = local_count;
        local_count = 0;
        atomic {
            ALIVE;
            shared = shared + tmp;
            merged = 1
        }
    :: else
    fi;
    end(me)
}

inline decref(me) {
    begin(me);
    if
    :: o == IMMORTAL ->
        refs[me]--
    :: o == HOT && !w && busy[me] ->
        cell_add(me, -1)
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
            shared--;
            dead = (merged && shared == 0)
        }
    fi;
    if
    :: dead ->
        destroy()
    :: else
    fi;
    end(me)
}

// Of a borrow: the memory is there, the object may be dead.
inline upgrade(me) {
    begin(me);
    if
    :: o == IMMORTAL ->
        refs[me]++
    :: o == HOT && !w && busy[me] ->
        ALIVE;
        cell_add(me, 1)
    :: else ->
        atomic {
            if
            :: !merged || shared > 0 ->
                ALIVE;
                shared++;
                refs[me]++
            :: else             // was zero once: refused
            fi
        }
    fi;
    end(me)
}

inline immortalise() {
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
}

// With the lock.
inline make_hot(me) {
    o = owner;
    if
    :: (o == NOBODY && (merged || MUTANT == NOMERGED)) ||
       (o == 1 && MUTANT == ANYOWNER) ->
        rounds++;
        shared = shared + BIAS;
        local_count = COLUMN + me;
        atomic {
            won = (owner == o);
            if
            :: won ->
                owner = HOT;
                column = COLUMN + me
            :: else             // immortal meanwhile
            fi
        };
        if
        :: !won ->
            shared = shared - BIAS
        :: else
        fi
    :: else
    fi;
    atomic {
        o = 0;
        won = 0;
        lock = 0
    }
}

inline column_end() {
    atomic {
        assert(!CELLS);
        column = 0
    }
}

// With the lock.
inline make_cold() {
    atomic {
        o = owner;
        watch = 1
    };
    if
    :: o == HOT ->
        atomic {                // the handshake
            awaited[1] = busy[1];
            awaited[2] = busy[2];
            awaited[3] = busy[3]
        };
        MUTANT == NOSHAKE || !(awaited[1] || awaited[2] || awaited[3]);
        if
        :: MUTANT == COLEARLY ->
            column_end()
        :: else
        fi;
        i = 1;
        do
        :: i <= 3 ->
            if
            :: attached[i] || MUTANT != VACANT ->
                atomic {        // nobody else is at it
                    tmp = tmp + cell[i];
                    cell[i] = 0
                }
            :: else
            fi;
            i++
        :: else ->
            break
        od;
        shared = shared + tmp;
        atomic {
            won = (owner == HOT || MUTANT == COLDSTORE);
            if
            :: won ->
                owner = NOBODY
            :: else             // immortal meanwhile
            fi;
            watch = 0
        };
        column_end();
        if
        :: won ->
            atomic {
                shared = shared - BIAS;
                dead = (shared == 0)
            }
        :: else
        fi;
        if
        :: dead ->
            destroy()
        :: else
        fi
    :: else ->
        watch = 0
    fi;
    atomic {
        o = 0;
        tmp = 0;
        i = 0;
        won = 0;
        lock = 0
    }
}

proctype Thread(byte me) {
    short tmp;
    byte o;
    byte i;
    bool w;
    bool dead;
    bool won;

    do
    :: atomic {
           refs[me] > 0 && k < K -> k++
       };
       incref(me)
    :: atomic {
           refs[me] == 0 && me != 1 && k < K && !immortal -> k++
       };
       upgrade(me)
    :: refs[me] > 0 ->
        decref(me)
    :: me == 1 && refs[1] > 0 && owner == 1 ->
        begin(me);
        merge(1)
    :: atomic {
           merged && refs[me] > 0 -> refs[me]--;
           wire++
       }
    :: atomic {
           merged && wire > 0 -> wire--;
           refs[me]++
       }
    :: atomic {
           me != 1 || owner != 1 -> attached[me] = !attached[me]
       }
    :: atomic {
           me != 1 && (refs[me] > 0 || MUTANT == BORROWER) &&
           rounds < ROUNDS && (!lock || MUTANT == NOLOCK) && !column ->
           lock = 1
       };
       make_hot(me)
    :: atomic {
           me != 1 && column && !lock && owner == HOT -> lock = 1
       };
       make_cold()
    :: IMMORTALS && me == 3 && refs[me] > 0 && !immortal ->
        immortalise()
    :: refs[me] == 0 && wire == 0 ->
        break
    od;
    attached[me] = 0
}

init {
    short tmp;
    byte o;
    byte i;
    bool dead;
    bool won;

    atomic {
        attached[1] = 1;
        attached[2] = 1;
        attached[3] = 1;
        refs[1] = 1;
        refs[2] = 1;
        refs[3] = 1;
        run Thread(1);
        run Thread(2);
        run Thread(3)
    };
    _nr_pr == 1;
    if
    :: owner == HOT ->
        assert(shared + cell[1] + cell[2] + cell[3] == BIAS);
        make_cold()
    :: else
    fi;
    assert(freed || immortal)
}
