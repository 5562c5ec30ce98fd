// Reading goes on under the mutex: a file has one position.

#include "input.h"

#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define PIECE_SIZE ((size_t)256 << 10)
#define STANZA_MAX ((size_t)16 << 20)

void input_init(struct input *input, struct failure *failure, char **paths,
                size_t n_paths) {
    memset(input, 0, sizeof *input);
    pthread_mutex_init(&input->mutex, NULL);
    input->failure = failure;
    input->paths = paths;
    input->n_paths = n_paths;
}

static void note(struct input *input, const char *what) {
    struct piece *rest = &input->rest;
    failure_note(input->failure, place_of(rest->file, rest->line),
                 "%s:%llu: %s", rest->path, (unsigned long long)rest->line,
                 what);
}

static bool open_next(struct input *input) {
    if (input->next == input->n_paths)
        return false;
    const char *path = input->paths[input->next];
    input->rest.path = path;
    input->rest.file = input->next++;
    input->rest.line = 1;
    int error = stream_open(&input->stream, path);
    if (error == ENOPKG)
        failure_note(input->failure, place_of(input->rest.file, 0),
                     "%s: there is no program here that unpacks it", path);
    else if (error)
        failure_note(input->failure, place_of(input->rest.file, 0), "%s: %s",
                     path, strerror(error));
    input->open = !error;
    return input->open;
}

// Closes the file at its end. Returns false if it could not be unpacked.
static bool close_current(struct input *input) {
    int status = stream_close(&input->stream);
    input->open = false;
    input->files++;
    if (!status || is_interrupted())
        return true;
    char what[128];
    snprintf(what, sizeof what,
             "damaged or cut off after this line: %s ended with status %d",
             input->stream.program, status);
    note(input, what);
    return false;
}

static bool grow(struct input *input, struct piece *piece, size_t capacity) {
    if (piece->capacity >= capacity)
        return true;
    char *text = realloc(piece->text, capacity);
    if (!text) {
        failure_no_memory(input->failure);
        return false;
    }
    piece->text = text;
    piece->capacity = capacity;
    return true;
}

// Waits until there is something to read. Returns false if the run is
// interrupted first.
static bool wait_readable(int fd) {
    struct pollfd wanted = {fd, POLLIN, 0};
    while (!is_interrupted())
        if (poll(&wanted, 1, 100) > 0)
            return true;
    return false;
}

// Fills the piece up. Returns false on an error; a piece that is not full
// afterwards has the end of the file.
static bool read_on(struct input *input, struct piece *piece) {
    int fd = input->stream.fd;
    while (piece->size < piece->capacity && wait_readable(fd)) {
        ssize_t got =
            read(fd, piece->text + piece->size, piece->capacity - piece->size);
        if (got == 0)
            break;
        if (got > 0) {
            piece->size += (size_t)got;
        } else if (errno != EINTR && errno != EAGAIN) {
            note(input, strerror(errno));
            return false;
        }
    }
    return true;
}

// Returns how much of the piece is whole stanzas: up to the last blank line.
static size_t whole_stanzas(const struct piece *piece) {
    for (size_t i = piece->size; i >= 2; i--)
        if (piece->text[i - 1] == '\n' && piece->text[i - 2] == '\n')
            return i;
    return 0;
}

// Reads until the piece has a whole stanza, or the file has ended.
// Returns how much of the piece to give out, or 0 on an error.
static size_t read_stanzas(struct input *input, struct piece *piece) {
    for (;;) {
        if (!read_on(input, piece))
            return 0;
        if (piece->size < piece->capacity)
            return close_current(input) ? piece->size : 0;
        size_t cut = whole_stanzas(piece);
        if (cut)
            return cut;
        if (piece->capacity >= STANZA_MAX) {
            note(input, "a stanza of more than 16 MiB: is it a package list?");
            return 0;
        }
        if (!grow(input, piece, piece->capacity * 2))
            return 0;
    }
}

static uint64_t count_lines(const char *text, size_t size) {
    uint64_t lines = 0;
    const char *end = text + size;
    while ((text = memchr(text, '\n', (size_t)(end - text)))) {
        lines++;
        text++;
    }
    return lines;
}

// Gives [cut] bytes of the piece out, and keeps the others for the next.
static bool split(struct input *input, struct piece *piece, size_t cut) {
    struct piece *rest = &input->rest;
    size_t left = piece->size - cut;
    if (!grow(input, rest, left))
        return false;
    if (left)
        memcpy(rest->text, piece->text + cut, left);
    rest->size = left;
    piece->size = cut;
    piece->path = rest->path;
    piece->file = rest->file;
    piece->line = rest->line;
    rest->line += count_lines(piece->text, cut);
    input->bytes += cut;
    return true;
}

static bool next_locked(struct input *input, struct piece *piece) {
    while (!failure_is_set(input->failure) && !is_interrupted()) {
        if (!input->open && !open_next(input))
            return false;
        struct piece *rest = &input->rest;
        if (!grow(input, piece, rest->size + PIECE_SIZE))
            return false;
        if (rest->size)
            memcpy(piece->text, rest->text, rest->size);
        piece->size = rest->size;
        rest->size = 0;
        size_t cut = read_stanzas(input, piece);
        // What an interrupt cut short may end anywhere.
        if (cut && !is_interrupted())
            return split(input, piece, cut);
    }
    return false;
}

bool input_next(struct input *input, struct piece *piece) {
    pthread_mutex_lock(&input->mutex);
    bool taken = next_locked(input, piece);
    pthread_mutex_unlock(&input->mutex);
    return taken;
}

void input_fini(struct input *input) {
    if (input->open)
        stream_close(&input->stream);
    free(input->rest.text);
    pthread_mutex_destroy(&input->mutex);
}
