// Linux, with the GNU C library or one that has its loader's interface.
//
// A copy of the library is found by a note in its module (the ELF section
// .note.tally), which says where the copy's word is: notes are loaded, stay
// when symbols are stripped, and are seen of libraries whose symbols nobody
// sees.

#include "platform/module.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "base/atomic.h"
#include "base/bits.h"

// A program that is linked statically has no loader; it is its only module.
#pragma weak dladdr1
#pragma weak dlopen
#pragma weak dlclose

// ---- modules

// The loader's record of a module; NULL: of none. Where the C library can tell
// without its loader's lock, it does: the module is one that the caller knows
// to be loaded.
#ifdef DLFO_STRUCT_HAS_EH_DBASE
#define WITHOUT_LOCK true
static const struct link_map *module_at(const void *address) {
    struct dl_find_object found;
    bool has = _dl_find_object((void *)(uintptr_t)address, &found) == 0;
    return has ? found.dlfo_link_map : NULL;
}
#else
#define WITHOUT_LOCK (!dladdr1)
static const struct link_map *module_at(const void *address) {
    Dl_info info;
    void *map = NULL;
    if (!dladdr1 || !dladdr1(address, &info, &map, RTLD_DL_LINKMAP))
        return NULL;
    return map;
}
#endif

static bool is_program(const struct link_map *map) { return !*map->l_name; }

const char *tly_module_of(const void *address) {
    const struct link_map *map = module_at(address);
    if (map)
        return is_program(map) ? "the program" : map->l_name;
    return dladdr1 ? "memory" : "the program";
}

// Linked with -z nodelete, as libtally.so is.
static bool is_kept(const struct link_map *map) {
    for (const ElfW(Dyn) *at = map->l_ld; at->d_tag != DT_NULL; at++)
        if (at->d_tag == DT_FLAGS_1)
            return at->d_un.d_val & DF_1_NODELETE;
    return false;
}

bool tly_module_has(const void *address) {
    return module_at(address) != NULL || !dladdr1;
}

static bool stays(const struct link_map *map) {
    return !map || is_program(map) || is_kept(map) || !dlopen || !dlclose;
}

bool tly_module_stays(const void *address) {
    return WITHOUT_LOCK && stays(module_at(address));
}

bool tly_module_keep(const void *address) {
    const struct link_map *map = module_at(address);
    // A module that is never unloaded costs no dlopen: its lock inside
    // ThreadSanitizer is not the child's if another thread forks meanwhile.
    if (stays(map))
        return true;
    // Finds what is loaded, by the name that it was loaded by.
    void *handle = dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (handle)
        dlclose(handle);
    return handle != NULL;
}

// ---- copies

#define NOTE_NAME "Tally"

__attribute__((visibility("hidden"))) uint32_t tly_module_word; // (a)

// The distance of the word from the place that holds it: there is nothing to
// relocate.
__asm__(".pushsection .note.tally, \"a\", %note\n"
        ".balign 4\n"
        ".long 2f - 1f\n" // bytes of the name
        ".long 4f - 3f\n" // bytes of the distance
        ".long 1\n"       // type of the note
        "1: .asciz \"" NOTE_NAME "\"\n"
        "2: .balign 4\n"
        "3: .quad tly_module_word - 3b\n"
        "4: .balign 4\n"
        ".popsection\n");

// The word that a note says; NULL: the note is another's.
static uint32_t *word_of(const ElfW(Nhdr) * note, size_t align) {
    const char *name = (const char *)(note + 1);
    int64_t distance;
    if (note->n_namesz != sizeof(NOTE_NAME) || note->n_type != 1 ||
        note->n_descsz != sizeof(distance) ||
        memcmp(name, NOTE_NAME, sizeof(NOTE_NAME)) != 0)
        return NULL;
    const char *at = name + TLY_ROUND_UP(sizeof(NOTE_NAME), align);
    memcpy(&distance, at, sizeof(distance));
    return (uint32_t *)(uintptr_t)(at + distance);
}

// The word of the first copy in a segment of notes; NULL: there is none.
static uint32_t *notes_search(const char *at, size_t size, size_t align) {
    const char *end = at + size;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)at;
        uint32_t *word = word_of(note, align);
        if (word)
            return word;
        at += sizeof(*note) + TLY_ROUND_UP((size_t)note->n_namesz, align) +
              TLY_ROUND_UP((size_t)note->n_descsz, align);
    }
    return NULL;
}

// Ends the visit of modules at one whose copy runs, if it is not this one.
static int module_visit(struct dl_phdr_info *info, size_t size, void *arg) {
    (void)size;
    for (unsigned n = 0; n < info->dlpi_phnum; n++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[n];
        if (part->p_type != PT_NOTE)
            continue;
        uint32_t *word =
            notes_search((const char *)info->dlpi_addr + part->p_vaddr,
                         part->p_memsz, part->p_align > 4 ? 8 : 4);
        // ORDER[claim] seq_cst: read after this copy's own.
        if (!word || word == &tly_module_word || !tly_load_seq_cst(word))
            continue;
        *(const char **)arg =
            *info->dlpi_name ? info->dlpi_name : "the program";
        return 1;
    }
    return 0;
}

void tly_module_claim_beside(void) {
    // ORDER[claim] seq_cst: of two that begin at once each sees the other, or
    // one does.
    tly_store_seq_cst(&tly_module_word, 1);
}

bool tly_module_claim(const char **ret_other) {
    tly_module_claim_beside();
    if (!dl_iterate_phdr(module_visit, ret_other))
        return true;
    tly_module_unclaim();
    return false;
}

void tly_module_unclaim(void) {
    // ORDER[claim] seq_cst: after all that the runtime did.
    tly_store_seq_cst(&tly_module_word, 0);
}
