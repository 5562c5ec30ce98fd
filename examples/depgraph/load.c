// A stanza becomes two lists: the names it declares, and the packages that
// those have. Both are built by one thread, unseen by the others, and then
// stored under the lock of the stanza's name.

#include "load.h"

#include "parse.h"

// A stanza's lists while they are made.
struct draft {
    struct name *name; // borrowed
    uint64_t place;
    uint32_t end[KINDS];
    struct string *version; // owned
    struct links *declared; // owned
    struct links *needs;    // owned
};

static void note_error(struct worker *worker, const struct parser *parser) {
    const struct piece *piece = &worker->piece;
    failure_note(&worker->run->failure, place_of(piece->file, parser->line),
                 "%s:%llu: %s", piece->path, (unsigned long long)parser->line,
                 parser->error);
}

// Appends a name, if it is neither the stanza's own nor there already: names
// with several versions or kinds count once, for the strongest kind.
static bool add_target(struct worker *worker, const struct draft *draft,
                       const struct slice *target) {
    struct vector *names = &worker->names;
    struct name *name =
        table_intern(&worker->run->table, target->at, target->size);
    if (!name)
        return false;
    if (name == draft->name)
        return true;
    for (size_t i = 0; i < names->n; i++)
        if (names->item[i] == name)
            return true;
    return vector_push(names, name);
}

// Collects the stanza's targets in worker->names, by kind.
static bool collect_targets(struct worker *worker, struct draft *draft,
                            const struct stanza *stanza) {
    worker->names.n = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        const struct slice *value = &stanza->relation[kind];
        struct parser parser = {value->at, value->at + value->size, value->line,
                                NULL};
        struct slice target;
        while (value->at && parse_relation(&parser, &target))
            if (!add_target(worker, draft, &target)) {
                failure_no_memory(&worker->run->failure);
                return false;
            }
        if (parser.error) {
            note_error(worker, &parser);
            return false;
        }
        draft->end[kind] = (uint32_t)worker->names.n;
    }
    return true;
}

// Makes the lists. A name's package stays the same while the input is read,
// so it can be read without the lock of the name.
static bool make_lists(struct worker *worker, struct draft *draft,
                       const struct slice *version) {
    const struct vector *names = &worker->names;
    draft->declared = list_new(names->n);
    draft->needs = list_new(names->n);
    draft->version = version->at ? text_new(version->at, version->size) : NULL;
    if (!draft->declared || !draft->needs || (version->at && !draft->version)) {
        failure_no_memory(&worker->run->failure);
        return false;
    }
    memcpy(draft->declared->end, draft->end, sizeof draft->end);
    memcpy(draft->needs->end, draft->end, sizeof draft->end);
    for (size_t i = 0; i < names->n; i++) {
        struct name *name = names->item[i];
        tally_set(draft->declared, to[i], name);
        tally_set(draft->needs, to[i], tally_get(name, package));
    }
    return true;
}

// Stores the draft. If a package has several stanzas, the first in the input
// counts, whoever comes first. What the draft then holds is what is left over.
static void store(struct table *table, struct draft *draft) {
    struct name *name = draft->name;
    table_lock(table, name);
    if (draft->place < name->place) {
        struct package *package = tally_get(name, package);
        name->place = draft->place;
        tally_set(package, version, draft->version);
        draft->version = tally_exchange(name, version, draft->version);
        draft->declared = tally_exchange(name, declared, draft->declared);
        draft->needs = tally_exchange(package, needs, draft->needs);
    }
    table_unlock(table, name);
}

static bool load_stanza(struct worker *worker, const struct stanza *stanza) {
    struct run *run = worker->run;
    struct draft draft = {0};
    draft.place = place_of(worker->piece.file, stanza->line);
    draft.name =
        table_intern(&run->table, stanza->package.at, stanza->package.size);
    if (!draft.name) {
        failure_no_memory(&run->failure);
        return false;
    }
    bool made = collect_targets(worker, &draft, stanza) &&
                make_lists(worker, &draft, &stanza->version);
    if (made)
        store(&run->table, &draft);
    drop(draft.version);
    drop(draft.declared);
    drop(draft.needs);
    return made;
}

static void load_piece(struct worker *worker) {
    const struct piece *piece = &worker->piece;
    struct parser parser = {piece->text, piece->text + piece->size, piece->line,
                            NULL};
    struct stanza stanza;
    while (parse_stanza(&parser, &stanza)) {
        if (!load_stanza(worker, &stanza))
            return;
        count(worker, STANZAS, 1);
        tally_safepoint();
    }
    if (parser.error)
        note_error(worker, &parser);
}

void load(struct worker *worker) {
    for (;;) {
        bool taken;
        TALLY_BLOCKING {
            taken = input_next(&worker->run->input, &worker->piece);
        }
        if (!taken)
            return;
        load_piece(worker);
    }
}
