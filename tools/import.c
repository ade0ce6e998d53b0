/* anju import: rows of a city's service requests become orders of order-import, with their life cycle. */
#include "tools/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/json.h"

enum { MAP_SIZE_MAX = 1024 * 1024, VALID_MS = 12 * 3600 * 1000, ROWS_SHOWN = 20, PATIENCE_MS = 60000, BEHIND_MAX = 1000, BEHIND_US = 20000 };
enum { O_GENESIS, O_KEY, O_MEMBER, O_URL, O_MAP, O_ENVELOPE, O_LIMIT, O_REPORT, O_STATE, O_PRIVATE, O_SENDERS, O_REQUEST, O_DRY_RUN, O_COUNT };

struct import {
    const char *path;
    const struct tool_option *option;
    struct arena arena;
    struct bytes file;
    struct crypto_hash file_hash, map_hash;
    const struct ledger_registry *registry; /* NULL: a dry run without genesis */
    struct import_map map;
    struct import_rows rows;
    struct signer signer;
    struct import_plan plan;
    struct import_state state;
    struct nodes nodes;
    struct import_sender *sender;
    int private_fd;
    char state_path[4096], private_path[4096];
    bool resumed;
    struct tool_progress progress;
    uint64_t records_done; /* earlier runs included */
    uint64_t records_now;  /* committed by this run */
    uint64_t seconds_ms;
    uint32_t *ms; /* of each envelope of this run, from sending to the answer */
    size_t n_ms;
    unsigned behind; /* refusals in a row by nodes that are behind */
};

/* Input. */

static enum anju_err map_file(struct bytes *out, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = bytes_of(NULL, 0);
    if (fd < 0 || fstat(fd, &st) != 0 || (st.st_size > 0 && !S_ISREG(st.st_mode))) {
        int error = fd < 0 ? errno : EISDIR;
        if (fd >= 0)
            close(fd);
        return anju_fail(ANJU_ERR_IO, "%s: %s", path, error == EISDIR ? "is not a regular file" : strerror(error));
    }
    void *data = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (data == MAP_FAILED)
        return anju_fail(ANJU_ERR_IO, "%s: %s", path, strerror(errno));
    *out = bytes_of(data, (size_t)st.st_size);
    return ANJU_OK;
}

static enum anju_err read_input(struct import *m, uint64_t limit)
{
    /* What the shipped order-import takes, for a dry run without genesis. */
    struct import_bounds bounds = {.no = 64, .type = 160, .grid = 80, .provider = 160, .source = 80, .now_ms = tool_now_ms()};
    struct bytes text;
    enum anju_err err = tool_read_file(&text, m->option[O_MAP].given, MAP_SIZE_MAX, &m->arena);

    if (err == ANJU_OK)
        err = import_map_read(&m->map, text, m->option[O_MAP].given, &m->arena);
    if (err == ANJU_OK)
        err = map_file(&m->file, m->path);
    if (err == ANJU_OK && m->registry != NULL)
        err = import_bounds_of(&bounds, m->registry);
    if (err != ANJU_OK)
        return err;
    crypto_sha256(&m->map_hash, text);
    crypto_sha256(&m->file_hash, m->file);
    err = import_rows_read(&m->rows, m->file, m->path, &m->map, &bounds);
    if (limit > 0 && m->rows.count > limit)
        m->rows.count = limit;
    return err;
}

/* What was done. */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static json_t *count_reasons(const struct import *m)
{
    json_t *counts = json_object(), *one;
    size_t index;

    json_array_foreach(m->rows.report, index, one) {
        const char *reason = json_string_value(json_object_get(one, "reason"));
        json_object_set_new(counts, reason, json_integer(json_integer_value(json_object_get(counts, reason)) + 1));
    }
    return counts;
}

static json_t *summary(struct import *m)
{
    json_t *out = json_object();
    size_t already = 0, dropped = 0;
    uint64_t records = 0;

    for (size_t i = 0; i < m->rows.count; i++) {
        dropped += m->rows.orders[i].dropped;
        already += m->rows.orders[i].already;
        records += m->rows.orders[i].dropped ? 0 : m->rows.orders[i].n_steps;
    }
    json_object_set_new(out, "rows", json_integer((json_int_t)m->rows.rows));
    json_object_set_new(out, "orders", json_integer((json_int_t)(m->rows.count - dropped)));
    json_object_set_new(out, "records", json_integer((json_int_t)records));
    json_object_set_new(out, "already_there", json_integer((json_int_t)already));
    json_object_set_new(out, "not_imported", json_integer((json_int_t)json_array_size(m->rows.report)));
    json_object_set_new(out, "reasons", count_reasons(m));
    if (m->plan.n_envelopes > 0 && m->registry != NULL && m->option[O_DRY_RUN].given == NULL) {
        double seconds = (double)m->seconds_ms / 1000;
        if (m->n_ms > 0)
            qsort(m->ms, m->n_ms, sizeof(*m->ms), by_size);
        json_object_set_new(out, "envelopes", json_integer(m->plan.n_envelopes));
        json_object_set_new(out, "resumed", json_boolean(m->resumed));
        json_object_set_new(out, "records_now", json_integer((json_int_t)m->records_now));
        json_object_set_new(out, "seconds", json_real(seconds));
        json_object_set_new(out, "records_per_second", json_integer(m->seconds_ms > 0 ? (json_int_t)((double)m->records_now / seconds) : 0));
        json_object_set_new(out, "finality_ms_p50", json_integer(m->n_ms > 0 ? m->ms[m->n_ms / 2] : 0));
        json_object_set_new(out, "finality_ms_p99", json_integer(m->n_ms > 0 ? m->ms[m->n_ms * 99 / 100] : 0));
        json_object_set_new(out, "state", json_string(m->state_path));
        if (m->map.n_commit > 0)
            json_object_set_new(out, "private", json_string(m->private_path));
    }
    return out;
}

static void print_people(const struct import *m, const json_t *sum)
{
    static const char *const HEADS[] = {"line", "id", "reason", "column", "value", "what is wrong"};
    const char *name;
    json_t *value, *one;
    size_t index;

    json_object_foreach((json_t *)(uintptr_t)sum, name, value)
        if (json_is_integer(value))
            printf("%-20s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
    json_object_foreach(json_object_get(sum, "reasons"), name, value)
        printf("  %-18s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
    if (json_array_size(m->rows.report) == 0)
        return;
    struct tool_table *t = tool_table_new(HEADS, 6);
    json_array_foreach(m->rows.report, index, one) {
        char line[24];
        const char *text[6] = {line};
        static const char *const NAMES[] = {"line", "id", "reason", "column", "value", "words"};
        if (index >= ROWS_SHOWN)
            break;
        snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(one, "line")));
        for (size_t i = 1; i < 6; i++)
            text[i] = json_string_value(json_object_get(one, NAMES[i]));
        tool_table_row(t, text);
    }
    tool_table_print(t);
    if (json_array_size(m->rows.report) > ROWS_SHOWN)
        fprintf(stderr, "and %zu more: --report FILE has all\n", json_array_size(m->rows.report) - ROWS_SHOWN);
}

static int print_result(struct import *m)
{
    const char *file = m->option[O_REPORT].given;
    int code = TOOL_OK;
    json_t *sum = summary(m);

    if (file != NULL) {
        char *text = json_dumps(m->rows.report, JSON_INDENT(1));
        if (tool_write_file(file, bytes_of_text(text), 0644, true) != ANJU_OK)
            code = tool_fail_err();
        free(text);
    }
    if (tool_json) {
        if (file == NULL)
            json_object_set(sum, "report", m->rows.report);
        tool_print_json(sum);
        return code;
    }
    print_people(m, sum);
    json_decref(sum);
    return code;
}

/* Answers of the ledger. */

static enum anju_err mark_done(struct import *m, uint32_t index)
{
    struct import_envelope *e = &m->plan.envelopes[index];

    e->done = true;
    m->records_done += e->n_records;
    tool_progress_set(&m->progress, m->records_done);
    return import_state_done(&m->state, index);
}

static enum anju_err drop(struct import *m, struct import_order *o, bool already)
{
    o->dropped = true;
    o->already = already;
    return import_state_dropped(&m->state, (uint32_t)(o - m->rows.orders), already);
}

static enum anju_err drop_refused(struct import *m, struct import_order *o, const struct import_answer *a)
{
    char words[400];

    snprintf(words, sizeof(words), "the ledger refuses it: %s%s%s", a->outcome, a->hint[0] != '\0' ? ": " : "", a->hint);
    import_rows_report(&m->rows, o->line, o->id, "refused_by_ledger", NULL, o->id, words);
    return drop(m, o, false);
}

/* Drops the order if the ledger has more of it than the `known` records that earlier envelopes brought. */
static enum anju_err drop_known(struct import *m, struct import_order *o, uint8_t known, bool *dropped)
{
    struct ledger_subject_id subject;
    char hex[2 * LEDGER_SUBJECT_SIZE + 1];
    json_t *result, *error;

    import_subject(&subject, &m->plan, o);
    hex_encode(hex, subject.b, sizeof(subject.b));
    enum anju_err err = nodes_call(&m->nodes, &result, &error, "subject.get", json_pack("{s:s, s:s}", "procedure", "order-import", "subject", hex));
    if (err != ANJU_OK) {
        bool absent = json_integer_value(json_object_get(error, "code")) == -32001;
        json_decref(error);
        return absent ? ANJU_OK : err;
    }
    const char *text = json_string_value(json_object_get(result, "version"));
    uint64_t version = 0;
    bool whole = json_u64_parse(&version, text != NULL ? text : "") == ANJU_OK && version == o->n_steps;
    json_decref(result);
    if (version <= known)
        return ANJU_OK;
    if (!whole)
        import_rows_report(&m->rows, o->line, o->id, "refused_by_ledger", NULL, o->id, "the ledger has this order with another history");
    *dropped = true;
    return drop(m, o, whole);
}

/* Nothing of this member's will ever be taken, whatever the row says. */
static bool is_hopeless(const char *outcome)
{
    static const char *const NAMES[] = {"actor", "procedure_unknown", "procedure_version", "action_unknown"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        if (strcmp(outcome, NAMES[i]) == 0)
            return true;
    return false;
}

/* The envelope had no effect: what the ledger has or refuses is dropped, the rest makes a new envelope. *behind: the
 * node that refuses has not yet executed the block with the order's first part; the same envelope is to be sent again. */
static enum anju_err on_refused(struct import *m, const struct import_answer *a, bool *behind)
{
    const struct import_envelope *e = &m->plan.envelopes[a->envelope];
    struct import_order *culprit = import_plan_order(&m->plan, a->envelope, a->record);
    uint32_t first, end;
    bool dropped = false;
    enum anju_err err = ANJU_OK;

    if (culprit == NULL)
        return anju_fail(ANJU_ERR_MALFORMED, "the node refuses record %u of an envelope that has it not", a->record);
    if (is_hopeless(a->outcome))
        return anju_fail(ANJU_ERR_MISMATCH, "the ledger refuses all records of this member: %s: %s", a->outcome, a->hint);
    import_plan_orders(&m->plan, a->envelope, &first, &end);
    if (strcmp(a->outcome, "version_stale") == 0 || strcmp(a->outcome, "unique") == 0)
        for (uint32_t i = first; i < end && err == ANJU_OK; i++)
            if (!m->rows.orders[i].dropped)
                err = drop_known(m, &m->rows.orders[i], i == first ? e->first_step : 0, &dropped);
    *behind = err == ANJU_OK && !dropped && strcmp(a->outcome, "version_stale") == 0 && e->first_step > 0 && culprit == &m->rows.orders[first]
              && m->behind++ < BEHIND_MAX;
    if (err == ANJU_OK && !dropped && !*behind)
        err = drop_refused(m, culprit, a);
    return err;
}

/* An envelope that can never take effect: it is too late for it, unless it was committed before that. */
static enum anju_err on_skipped(struct import *m, const struct import_answer *a, bool *committed)
{
    struct writer wire = {0};
    struct crypto_hash id;
    uint16_t records;
    char hex[65];
    json_t *result, *error;

    if (strcmp(a->outcome, "expired") != 0)
        return anju_fail(ANJU_ERR_MISMATCH, "the ledger takes no envelope of this key: %s%s%s", a->outcome, a->hint[0] != '\0' ? ": " : "", a->hint);
    enum anju_err err = import_plan_wire(&wire, &records, &id, NULL, &m->plan, a->envelope);
    writer_free(&wire);
    if (err != ANJU_OK)
        return err;
    hex_encode(hex, id.b, sizeof(id.b));
    err = nodes_call(&m->nodes, &result, &error, "record.get", json_pack("{s:s}", "envelope", hex));
    *committed = err == ANJU_OK;
    json_decref(result);
    bool absent = json_integer_value(json_object_get(error, "code")) == -32001;
    json_decref(error);
    return absent ? ANJU_OK : err;
}

static enum anju_err on_answer(struct import *m, const struct import_answer *a)
{
    struct import_envelope *e = &m->plan.envelopes[a->envelope];
    bool committed = a->fate == FATE_COMMITTED, behind = false;
    enum anju_err err = ANJU_OK;

    switch (a->fate) {
    case FATE_COMMITTED:
        m->behind = 0;
        m->ms[m->n_ms++] = a->ms;
        m->records_now += e->n_records;
        break;
    case FATE_REFUSED: err = on_refused(m, a, &behind); break;
    case FATE_SKIPPED: err = on_skipped(m, a, &committed); break;
    case FATE_INVALID: return anju_fail(ANJU_ERR_MISMATCH, "the node finds an envelope invalid: %s", a->hint);
    }
    if (err == ANJU_OK && committed)
        return mark_done(m, a->envelope);
    if (behind) {
        usleep(BEHIND_US);
        return err;
    }
    e->sent = false;
    e->generation++;
    return err;
}

/* Sending. */

static enum anju_err write_openings(struct import *m, const struct writer *w)
{
    size_t done = 0;

    while (done < w->size) {
        ssize_t n = write(m->private_fd, w->data + done, w->size - done);
        if (n <= 0)
            return anju_fail(ANJU_ERR_IO, "%s: %s", m->private_path, strerror(errno));
        done += (size_t)n;
    }
    return ANJU_OK;
}

/* Makes the bytes of an envelope, keeps what is needed to make them again, and the private values. */
static enum anju_err make_wire(struct import *m, struct writer *wire, uint32_t index)
{
    struct import_envelope *e = &m->plan.envelopes[index];
    struct writer openings = {0};
    struct crypto_hash id;
    uint16_t records;
    bool again = e->sent;

    if (!again)
        e->valid_until = tool_now_ms() + VALID_MS;
    enum anju_err err = import_plan_wire(wire, &records, &id, again ? NULL : &openings, &m->plan, index);
    if (err == ANJU_OK && records == 0)
        err = mark_done(m, index);
    else if (err == ANJU_OK && !again) {
        err = write_openings(m, &openings);
        if (err == ANJU_OK)
            err = import_state_sent(&m->state, index, e);
        e->sent = true;
    }
    bytes_wipe(openings.data, openings.size);
    writer_free(&openings);
    return err;
}

struct feed { /* what is handed to the senders next */
    uint32_t next;
    uint32_t *again; /* envelopes that come once more, with a new generation */
    size_t n_again;
    struct writer wire; /* of `index`, where not empty */
    uint32_t index;
};

/* The envelope to make next; false: none can be made now. */
static bool choose(const struct import *m, struct feed *f, uint32_t *index)
{
    if (f->n_again > 0) {
        *index = f->again[--f->n_again];
        return true;
    }
    while (f->next < m->plan.n_envelopes && m->plan.envelopes[f->next].done)
        f->next++;
    if (f->next == m->plan.n_envelopes || (m->plan.envelopes[f->next].first_step > 0 && !m->plan.envelopes[f->next - 1].done))
        return false;
    *index = f->next++;
    return true;
}

/* Fills the senders' queue. */
static enum anju_err feed(struct import *m, struct feed *f)
{
    enum anju_err err = ANJU_OK;

    for (;;) {
        if (f->wire.size == 0) {
            if (!choose(m, f, &f->index))
                return ANJU_OK;
            err = make_wire(m, &f->wire, f->index);
            if (err != ANJU_OK)
                return err;
            if (f->wire.size == 0)
                continue; /* nothing is left of it */
        }
        if (!import_sender_put(m->sender, f->index, writer_view(&f->wire)))
            return ANJU_OK;
        writer_clear(&f->wire);
    }
}

static enum anju_err send_all(struct import *m)
{
    struct feed f = {.again = anju_alloc((m->plan.n_envelopes + 1) * sizeof(*f.again))};
    struct import_answer a;
    enum anju_err err;

    for (;;) {
        err = feed(m, &f);
        if (err == ANJU_OK)
            err = import_sender_take(m->sender, &a);
        if (err == ANJU_ERR_CLOSED) { /* nothing is under way */
            err = ANJU_OK;
            break;
        }
        if (err == ANJU_OK)
            err = on_answer(m, &a);
        if (err != ANJU_OK)
            break;
        if (!m->plan.envelopes[a.envelope].done)
            f.again[f.n_again++] = a.envelope;
    }
    writer_free(&f.wire);
    free(f.again);
    return err;
}

static enum anju_err open_files(struct import *m, uint32_t per_envelope, uint64_t limit)
{
    const struct import_identity id = {.ledger = m->registry->ledger_id, .file = m->file_hash, .map = m->map_hash, .member = m->signer.member,
                                       .key = m->signer.key, .per_envelope = per_envelope, .limit = limit};
    const char *state = m->option[O_STATE].given, *private = m->option[O_PRIVATE].given;

    snprintf(m->state_path, sizeof(m->state_path), "%s%s", state != NULL ? state : m->path, state != NULL ? "" : ".anju-state");
    snprintf(m->private_path, sizeof(m->private_path), "%s%s", private != NULL ? private : m->path, private != NULL ? "" : ".anju-private");
    enum anju_err err = import_state_open(&m->state, &m->resumed, m->state_path, &id);
    if (err != ANJU_OK)
        return err;
    m->plan = (struct import_plan){.map = &m->map, .rows = &m->rows, .signer = &m->signer, .seed = bytes_of(m->state.seed, sizeof(m->state.seed)),
                                   .procedure = ledger_registry_procedure_named(m->registry, "order-import")};
    err = import_plan_make(&m->plan, per_envelope);
    if (err == ANJU_OK)
        err = import_state_load(&m->state, &m->plan);
    if (err != ANJU_OK || m->map.n_commit == 0)
        return err;
    m->private_fd = open(m->private_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (m->private_fd < 0)
        return anju_fail(ANJU_ERR_IO, "%s: %s; where private values go can be named with --private", m->private_path, strerror(errno));
    return ANJU_OK;
}

static enum anju_err run(struct import *m, uint32_t per_envelope, uint64_t limit, unsigned senders, unsigned per_request)
{
    const struct import_sending sending = {.registry = m->registry, .url = &m->option[O_URL], .senders = senders, .per_request = per_request,
                                           .patience_ms = PATIENCE_MS};
    enum anju_err err = open_files(m, per_envelope, limit);

    if (err != ANJU_OK)
        return err;
    if (m->resumed)
        fprintf(stderr, "anju import: going on where %s says that the last run ended\n", m->state_path);
    for (uint32_t i = 0; i < m->plan.n_envelopes; i++)
        m->records_done += m->plan.envelopes[i].done ? m->plan.envelopes[i].n_records : 0;
    m->ms = anju_alloc((m->plan.n_envelopes + 1) * sizeof(*m->ms));
    nodes_init(&m->nodes, &m->option[O_URL], m->registry);
    tool_progress_begin(&m->progress, "importing", m->plan.n_records);
    uint64_t began = tool_now_ms();
    err = import_sender_open(&m->sender, &sending);
    if (err == ANJU_OK)
        err = send_all(m);
    m->seconds_ms = tool_now_ms() - began;
    if (err == ANJU_OK)
        tool_progress_end(&m->progress);
    return err;
}

static void let_go(struct import *m)
{
    import_sender_close(m->sender);
    import_plan_free(&m->plan);
    import_state_close(&m->state);
    import_rows_free(&m->rows);
    import_map_free(&m->map);
    signer_close(&m->signer);
    nodes_deinit(&m->nodes);
    arena_free(&m->arena);
    free(m->ms);
    if (m->private_fd >= 0)
        close(m->private_fd);
    if (m->file.size > 0)
        munmap((void *)(uintptr_t)m->file.data, m->file.size);
}

/* A number of an option between two others; 0, and said: it is none. */
static uint64_t number_of(const struct tool_option *o, uint64_t min, uint64_t max)
{
    uint64_t value = 0;

    if (json_u64_parse(&value, o->given) == ANJU_OK && value >= min && value <= max)
        return value;
    tool_fail(TOOL_USAGE, "%s %s: must be from %" PRIu64 " to %" PRIu64, o->name, o->given, min, max);
    return 0;
}

static int import(struct import *m)
{
    const struct tool_option *o = m->option;
    uint64_t per_envelope = number_of(&o[O_ENVELOPE], 1, LEDGER_ENVELOPE_RECORDS_DEFAULT), limit = 0;
    uint64_t senders = number_of(&o[O_SENDERS], 1, IMPORT_SENDERS_MAX), per_request = number_of(&o[O_REQUEST], 1, 64);
    bool dry = o[O_DRY_RUN].given != NULL;

    if (o[O_LIMIT].given != NULL && (limit = number_of(&o[O_LIMIT], 1, UINT32_MAX)) == 0)
        return TOOL_USAGE;
    if (per_envelope == 0 || senders == 0 || per_request == 0)
        return TOOL_USAGE;
    if (o[O_MAP].given == NULL)
        return tool_fail(TOOL_USAGE, "--map is missing; tools/maps has some to use or to copy");
    if (!dry || access(o[O_GENESIS].given, F_OK) == 0) {
        if (tool_open_genesis(&m->registry, o[O_GENESIS].given) != ANJU_OK)
            return tool_fail_err();
        if (!dry && signer_open(&m->signer, m->registry, o[O_KEY].given, o[O_MEMBER].given) != ANJU_OK)
            return tool_fail_err();
    }
    enum anju_err err = read_input(m, limit);
    if (err != ANJU_OK)
        return tool_fail(err == ANJU_ERR_IO || err == ANJU_ERR_NOT_FOUND ? TOOL_FAILED : TOOL_REFUSED, "%s", anju_err_text());
    if (dry)
        return print_result(m);
    err = run(m, (uint32_t)per_envelope, limit, (unsigned)senders, (unsigned)per_request);
    if (err == ANJU_OK)
        return print_result(m);
    if (m->progress.total == 0)
        return tool_fail_err();
    return tool_fail(TOOL_FAILED, "%s\n%" PRIu64 " of %" PRIu64 " records are done; the same command goes on from there", anju_err_text(), m->records_done,
                     m->plan.n_records);
}

int cmd_import(int argc, char **argv)
{
    struct tool_option options[O_COUNT + 1] = {
        [O_GENESIS] = {"--genesis", "FILE", "the genesis document", "genesis.json", NULL},
        [O_KEY] = {"--key", "FILE", "the key that signs; its member has the role import", "operator.key", NULL},
        [O_MEMBER] = {"--member", "N", "the member's number (the key's, where not given)", NULL, NULL},
        [O_URL] = {"--url", "URL", "a node; may be given several times (all of genesis)", NULL, NULL},
        [O_MAP] = {"--map", "FILE", "how the file is read (tools/maps has some)", NULL, NULL},
        [O_ENVELOPE] = {"--envelope", "N", "records in an envelope, 1 to 1000", "100", NULL},
        [O_LIMIT] = {"--limit", "N", "import the first N orders only", NULL, NULL},
        [O_REPORT] = {"--report", "FILE", "write the rows that can't be imported here, as JSON", NULL, NULL},
        [O_STATE] = {"--state", "FILE", "where it keeps how far it came (FILE.csv.anju-state)", NULL, NULL},
        [O_PRIVATE] = {"--private", "FILE", "committed values and salts (FILE.csv.anju-private)", NULL, NULL},
        [O_SENDERS] = {"--senders", "N", "requests at the same time, 1 to 16", "4", NULL},
        [O_REQUEST] = {"--per-request", "N", "envelopes in a request, 1 to 64", "4", NULL},
        [O_DRY_RUN] = {"--dry-run", NULL, "only read the file and report; needs no node and no key", NULL, NULL},
    };
    const struct tool_usage usage = {
        "import", "--map MAP.json [options] FILE.csv",
        "Turns rows of a city's service requests into orders, with their life cycle, in the order of placing.\n"
        "Interrupted, it goes on where it was when the same command is given again, without a duplicate.\n"
        "Rows that can't be imported are reported and the rest goes on.",
        "anju import boston.csv --map tools/maps/boston.json --key district/operator.key --report rows.json", options};
    struct import m = {.option = options, .private_fd = -1};
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    m.path = argv[1];
    code = import(&m);
    let_go(&m);
    return code;
}
