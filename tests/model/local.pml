// A thread looks for garbage among objects that it made itself, alone, while
// others work.  This model exists because the thread reads counts and fields
// one after the other, with no handshake: what another thread moves meanwhile
// it may read twice, or not at all.
//
// QUESTION    Is what a look finds referred to by nobody; and is all found that
//             nobody refers to?
// THREADS     the owner, which looks once; another, which holds one object, and
//             does OPS things in all to what it reaches: counts what a field
//             holds, takes it out, stores what it holds, drops it.
// ABSTRACTED  N objects of two fields, and at most EDGES references among them,
//             in any graph; the order of the look is fixed, the graph is not.
//             The other thread's operations before the look are the graph.  Its
//             drops that the owner has to apply wait until the owner's next
//             poll, and a look does not poll.  What it reads is protected by
//             the program.  Sequentially consistent memory.
// IN C        nothing yet.
//
// THE RULE    Who stores into an object of another thread, or takes what is in
//             it, sets its flag first.  The owner reads each count and each
//             field once, and then, when all have been read, the flags and
//             others' counts again.  An object lives if more refers to it than
//             the fields that were read; if it has the flag; if others' count
//             of it has changed; and if a field that was read, of one that
//             lives, held it.
//
// INVARIANTS
//   a  What is reached from what a thread holds lives.
//   b  Where the other thread does nothing, all else is found.
//
// NOT AN ERROR
//   LATE=1     stores set the flag when they have stored: one thread has at most
//              one flag to set, and what it reaches lives without it
//   POLL=1     drops are applied as they come
//
// MUTANTS (each must be refuted)
//   NOFLAG     stores set no flag
//   FLAGFIRST  the flag is read with the count
//   ONECOUNT   others' count is read once
//   REREAD     what lives is followed through fields that are read again
//   NOEDGES    what lives is not followed
//   ANYFLAG    what has the flag is all that lives

mtype:mutant = { NONE, NOFLAG, FLAGFIRST, ONECOUNT, REREAD, NOEDGES,
                 ANYFLAG };
#ifndef MUTANT
#define MUTANT NONE
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef EDGES
#define EDGES 3
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef POLL
#define POLL 0
#endif
// Counts first, then fields; else object by object.
#ifndef COUNTS
#define COUNTS 0
#endif
#define N 3
#define FIELDS 6
#define NIL 3

byte field[FIELDS];             // of object n: 2 n and 2 n + 1
byte local_count[N];
byte shared_count[N];
bool flag[N];
byte reg[2] = NIL;              // what the other thread holds
bool start;

// The look.
byte seen_count[N];             // others', when the count was read
byte rest[N];                   // plus OFFSET
byte edge[FIELDS];
bool lives[N];
#define OFFSET 8

// Ghosts.
byte reach;
byte ops;
hidden byte i;

inline find_reach() {
    reach = 0;
    i = 0;
    do
    :: i < 2 ->
        reach = (reg[i] != NIL -> reach | (1 << reg[i]) : reach);
        i++
    :: else ->
        break
    od;
    i = 0;
    do
    :: i < N * FIELDS ->
        reach = ((reach & (1 << ((i % FIELDS) / 2))) &&
                 field[i % FIELDS] != NIL ->
                    reach | (1 << field[i % FIELDS]) : reach);
        i++
    :: else ->
        break
    od;
    i = 0
}

inline flag_set(in_time) {
    if
    :: (!LATE) == in_time && MUTANT != NOFLAG && !flag[at / 2] ->
        flag[at / 2] = 1
    :: else
    fi
}

// A field of an object that the thread reaches.
inline choose_field() {
    d_step {
        find_reach();
    }
    if
    :: reach & 1 -> at = 0
    :: reach & 1 -> at = 1
    :: reach & 2 -> at = 2
    :: reach & 2 -> at = 3
    :: reach & 4 -> at = 4
    :: reach & 4 -> at = 5
    fi;
    reach = 0
}

active proctype Other() {
    byte at, r, x;
    start;
    do
    :: ops < OPS && (reg[0] != NIL || reg[1] != NIL) ->
        atomic {
            ops++;
            r = (reg[0] == NIL -> 0 : 1);
            if
            // drops
            :: reg[0] != NIL -> r = 0; goto drops
            :: reg[1] != NIL -> r = 1; goto drops
            // counts what a field holds
            :: reg[r] == NIL ->
                choose_field();
                x = field[at];
                if
                :: x != NIL ->
                    shared_count[x]++;
                    reg[r] = x
                :: else
                fi;
                x = 0; at = 0; r = 0
            :: reg[r] == NIL ->
                choose_field();
                if
                :: field[at] == NIL -> at = 0; r = 0; goto next
                :: else
                fi;
                goto takes
            :: reg[r] != NIL ->
                choose_field();
                if
                :: field[at] != NIL -> at = 0; r = 0; goto next
                :: else
                fi;
                goto stores
            fi
        };
        goto next;
drops:  atomic {
            x = reg[r];
            reg[r] = NIL;
            // Else it waits for the owner.
            if
            :: shared_count[x] > 0 -> shared_count[x]--
            :: shared_count[x] == 0 && POLL -> local_count[x]--
            :: else
            fi;
            x = 0; r = 0; at = 0
        };
        goto next;
takes:  flag_set(true);
        atomic {
            reg[r] = field[at];
            field[at] = NIL
        };
        flag_set(false);
        at = 0; r = 0;
        goto next;
stores: flag_set(true);
        atomic {
            field[at] = reg[r];
            reg[r] = NIL
        };
        flag_set(false);
        at = 0; r = 0;
next:   skip
    :: else ->
        break
    od
}

// Any graph: the two fields of an object may as well be in order.
inline graph() {
    k = 0;
    do
    :: k < FIELDS ->
        if
        :: edges < EDGES && (k % 2 == 0 || field[k - 1] <= 0) ->
            field[k] = 0; edges++
        :: edges < EDGES && (k % 2 == 0 || field[k - 1] <= 1) ->
            field[k] = 1; edges++
        :: edges < EDGES && (k % 2 == 0 || field[k - 1] <= 2) ->
            field[k] = 2; edges++
        :: field[k] = NIL
        fi;
        if
        :: field[k] != NIL -> local_count[field[k]]++
        :: else
        fi;
        edge[k] = NIL;
        k++
    :: else ->
        break
    od;
    k = 0; edges = 0;
    if
    :: reg[0] = 0
    :: reg[0] = 1
    :: reg[0] = 2
    fi;
    // Given by the owner, or counted by the thread.
    if
    :: local_count[reg[0]]++
    :: shared_count[reg[0]]++
    fi
}

inline count(o) {
    atomic {
        seen_count[o] = shared_count[o];
        rest[o] = OFFSET + local_count[o] + shared_count[o];
        if
        :: MUTANT == FLAGFIRST -> lives[o] = flag[o]
        :: else
        fi
    }
}

inline look_again(o) {
    lives[o] = (MUTANT == FLAGFIRST -> lives[o] : flag[o]) ||
               (MUTANT != ONECOUNT && shared_count[o] != seen_count[o])
}

inline decide() {
    k = 0;
    do
    :: k < FIELDS ->
        if
        :: edge[k] != NIL -> rest[edge[k]]--
        :: else
        fi;
        k++
    :: else ->
        break
    od;
    k = 0;
    do
    :: k < N ->
        lives[k] = lives[k] || (rest[k] != OFFSET && MUTANT != ANYFLAG);
        k++
    :: else ->
        break
    od;
    k = 0;
    do
    :: k < N * FIELDS && MUTANT != NOEDGES ->
        if
        :: MUTANT == REREAD -> edge[k % FIELDS] = field[k % FIELDS]
        :: else
        fi;
        if
        :: lives[(k % FIELDS) / 2] && edge[k % FIELDS] != NIL ->
            lives[edge[k % FIELDS]] = 1
        :: else
        fi;
        k++
    :: else ->
        break
    od;
    k = 0
}

active proctype Owner() {
    byte k, edges;
    atomic {
        graph();
        start = 1
    };
#if COUNTS
    count(0); count(1); count(2);
    edge[0] = field[0]; edge[1] = field[1];
    edge[2] = field[2]; edge[3] = field[3];
    edge[4] = field[4]; edge[5] = field[5];
#else
    count(0); edge[0] = field[0]; edge[1] = field[1];
    count(1); edge[2] = field[2]; edge[3] = field[3];
    count(2); edge[4] = field[4]; edge[5] = field[5];
#endif
    look_again(0); look_again(1); look_again(2);
    d_step {
        decide();
        find_reach()
    };
    assert(!(reach & 1) || lives[0]);                       // a
    assert(!(reach & 2) || lives[1]);
    assert(!(reach & 4) || lives[2]);
    // b
    assert(ops || (!lives[0] + !lives[1] * 2 + !lives[2] * 4) == 7 - reach)
}
