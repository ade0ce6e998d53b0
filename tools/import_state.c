/*
 * The state file: a line of JSON that says which import this is, then lines, each one written whole:
 *   S envelope generation valid_until   it is about to be sent
 *   X order                             it was dropped: the ledger refuses it
 *   A order                             it was dropped: the ledger has it already
 *   D envelope                          it is committed
 */
#include "tools/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/json.h"

enum { HEADER_MAX = 4096 };

static json_t *header_of(const struct import_identity *id, const uint8_t seed[32])
{
    json_t *h = json_object();

    json_object_set_new(h, "format", json_string("anju-import-state/1"));
    json_object_set_new(h, "ledger", json_of_hash(&id->ledger));
    json_object_set_new(h, "file", json_of_hash(&id->file));
    json_object_set_new(h, "map", json_of_hash(&id->map));
    json_object_set_new(h, "member", json_integer(id->member));
    json_object_set_new(h, "key", json_integer(id->key));
    json_object_set_new(h, "envelope", json_integer(id->per_envelope));
    json_object_set_new(h, "limit", json_of_u64(id->limit));
    json_object_set_new(h, "seed", json_of_hex(seed, 32));
    return h;
}

/* Reads the header and compares it. */
static enum anju_err check_header(struct import_state *s, const struct import_identity *id)
{
    static const char *const WORDS[][2] = {{"ledger", "another ledger"}, {"file", "another file (or the file has changed)"}, {"map", "another map"},
                                           {"member", "another member"}, {"key", "another key"}, {"envelope", "another --envelope"}, {"limit", "another --limit"}};
    char line[HEADER_MAX];
    json_error_t error;
    enum anju_err err = ANJU_OK;

    json_t *found = fgets(line, sizeof(line), s->file) != NULL ? json_loads(line, 0, &error) : NULL;
    const char *seed = json_string_value(json_object_get(found, "seed")), *format = json_string_value(json_object_get(found, "format"));
    if (seed == NULL || format == NULL || strcmp(format, "anju-import-state/1") != 0 || hex_decode(s->seed, sizeof(s->seed), seed) != ANJU_OK) {
        json_decref(found);
        return anju_fail(ANJU_ERR_MALFORMED, "%s: is not the state of an import; name another file with --state", s->path);
    }
    json_t *wanted = header_of(id, s->seed);
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]) && err == ANJU_OK; i++)
        if (!json_equal(json_object_get(found, WORDS[i][0]), json_object_get(wanted, WORDS[i][0])))
            err = anju_fail(ANJU_ERR_MISMATCH, "%s: is the state of an import with %s; name another file with --state", s->path, WORDS[i][1]);
    json_decref(wanted);
    json_decref(found);
    return err;
}

static enum anju_err write_line(struct import_state *s, const char *format, ...) ANJU_PRINTF(2, 3);

static enum anju_err write_line(struct import_state *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(s->file, format, args);
    va_end(args);
    if (fflush(s->file) == 0)
        return ANJU_OK;
    return anju_fail(ANJU_ERR_IO, "%s: %s", s->path, strerror(errno));
}

static enum anju_err make(struct import_state *s, const struct import_identity *id)
{
    crypto_random(s->seed, sizeof(s->seed));
    json_t *header = header_of(id, s->seed);
    char *text = json_dumps(header, JSON_COMPACT);
    enum anju_err err = write_line(s, "%s\n", text);
    free(text);
    json_decref(header);
    if (err == ANJU_OK && fsync(fileno(s->file)) != 0)
        err = anju_fail(ANJU_ERR_IO, "%s: %s", s->path, strerror(errno));
    return err;
}

enum anju_err import_state_open(struct import_state *s, bool *resumed, const char *path, const struct import_identity *id)
{
    struct stat st = {0};
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    s->path = path;
    s->file = NULL;
    if (fd < 0)
        return anju_fail(ANJU_ERR_IO, "%s: %s; where the import keeps its state can be named with --state", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return anju_fail(ANJU_ERR_BUSY, "%s: another 'anju import' is at work with it", path);
    }
    s->file = fdopen(fd, "a+");
    if (s->file == NULL || fstat(fd, &st) != 0)
        return anju_fail(ANJU_ERR_IO, "%s: %s", path, strerror(errno));
    *resumed = st.st_size > 0;
    rewind(s->file);
    return *resumed ? check_header(s, id) : make(s, id);
}

static bool apply(struct import_plan *p, const char *line)
{
    unsigned long index, generation;
    unsigned long long until;

    if (sscanf(line, "S %lu %lu %llu", &index, &generation, &until) == 3 && index < p->n_envelopes && generation <= UINT16_MAX) {
        p->envelopes[index].sent = true;
        p->envelopes[index].generation = (uint16_t)generation;
        p->envelopes[index].valid_until = until;
        return true;
    }
    if (sscanf(line, "D %lu", &index) == 1 && index < p->n_envelopes) {
        p->envelopes[index].done = true;
        return true;
    }
    if ((sscanf(line, "X %lu", &index) == 1 || sscanf(line, "A %lu", &index) == 1) && index < p->rows->count) {
        p->rows->orders[index].dropped = true;
        p->rows->orders[index].already = line[0] == 'A';
        return true;
    }
    return false;
}

enum anju_err import_state_load(struct import_state *s, struct import_plan *p)
{
    char line[128];

    while (fgets(line, sizeof(line), s->file) != NULL) {
        if (strchr(line, '\n') == NULL)
            break; /* torn by a crash; nothing was sent on it */
        if (!apply(p, line))
            return anju_fail(ANJU_ERR_MALFORMED, "%s: the line '%.60s' is not one of an import's state", s->path, line);
    }
    fseek(s->file, 0, SEEK_END);
    /* A torn line is ended, so that the next one is whole. */
    long size = ftell(s->file);
    if (size > 0 && fseek(s->file, size - 1, SEEK_SET) == 0 && fgetc(s->file) != '\n') {
        fseek(s->file, 0, SEEK_END);
        if (ftruncate(fileno(s->file), size - (long)strlen(line)) != 0)
            return anju_fail(ANJU_ERR_IO, "%s: %s", s->path, strerror(errno));
    }
    fseek(s->file, 0, SEEK_END);
    return ANJU_OK;
}

enum anju_err import_state_sent(struct import_state *s, uint32_t envelope, const struct import_envelope *e)
{
    return write_line(s, "S %u %u %" PRIu64 "\n", envelope, e->generation, e->valid_until);
}

enum anju_err import_state_done(struct import_state *s, uint32_t envelope)
{
    return write_line(s, "D %u\n", envelope);
}

enum anju_err import_state_dropped(struct import_state *s, uint32_t order, bool already)
{
    return write_line(s, "%c %u\n", already ? 'A' : 'X', order);
}

void import_state_close(struct import_state *s)
{
    if (s->file != NULL)
        fclose(s->file);
    bytes_wipe(s->seed, sizeof(s->seed));
    s->file = NULL;
}
