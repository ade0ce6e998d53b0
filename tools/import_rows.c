#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "rpc/json.h"
#include "tools/csv.h"
#include "tools/import.h"
#include "tools/zone.h"

enum { WORDS_MAX = 300, VALUE_SHOWN = 80 };
#define NOWHERE SIZE_MAX

/* Where the map's columns are in the file, and the row in hand. */
struct reading {
    const struct import_map *map;
    const struct import_bounds *bounds;
    struct import_rows *rows;
    struct csv csv;
    const char *name;
    size_t column[IMPORT_COLUMNS], commit[IMPORT_COMMIT_MAX], rule[IMPORT_RULES_MAX];
    size_t header_count;
    struct table ids; /* SHA-256 of an id -> line */
    size_t room;
    struct bytes id; /* of the row in hand */
};

void import_rows_report(struct import_rows *r, uint64_t line, struct bytes id, const char *reason, const char *column, struct bytes value,
                        const char *words)
{
    json_t *one = json_object();

    json_object_set_new(one, "line", json_integer((json_int_t)line));
    json_object_set_new(one, "id", bytes_are_utf8(id) && id.size <= VALUE_SHOWN ? json_of_text(id) : json_string(""));
    json_object_set_new(one, "reason", json_string(reason));
    if (column != NULL)
        json_object_set_new(one, "column", json_string(column));
    if (column != NULL && bytes_are_utf8(value) && value.size <= VALUE_SHOWN)
        json_object_set_new(one, "value", json_of_text(value));
    json_object_set_new(one, "words", json_string(words));
    json_array_append_new(r->report, one);
}

static bool refuse(struct reading *in, const char *reason, const char *column, struct bytes value, const char *words)
{
    import_rows_report(in->rows, in->csv.line, in->id, reason, column, value, words);
    return false;
}

static struct bytes trim(struct bytes b)
{
    while (b.size > 0 && (b.data[0] == ' ' || b.data[0] == '\t'))
        b = bytes_of(b.data + 1, b.size - 1);
    while (b.size > 0 && (b.data[b.size - 1] == ' ' || b.data[b.size - 1] == '\t'))
        b.size--;
    return b;
}

static struct bytes field(const struct reading *in, enum import_column c)
{
    return in->column[c] != NOWHERE ? trim(in->csv.field[in->column[c]]) : bytes_of(NULL, 0);
}

/* The header. */

static bool find_column(size_t *out, const struct reading *in, const char *name)
{
    *out = NOWHERE;
    if (name == NULL)
        return true;
    for (size_t i = 0; i < in->csv.count; i++)
        if (bytes_equal(trim(in->csv.field[i]), bytes_of_text(name)))
            *out = i;
    return *out != NOWHERE;
}

static enum anju_err read_header(struct reading *in)
{
    const struct import_map *m = in->map;
    const char *missing = NULL;
    enum anju_err err = csv_next(&in->csv);

    if (err == ANJU_ERR_NOT_FOUND)
        return anju_fail(ANJU_ERR_MISMATCH, "%s: is empty", in->name);
    if (err != ANJU_OK)
        return err;
    if (in->csv.field[0].size >= 3 && memcmp(in->csv.field[0].data, "\xef\xbb\xbf", 3) == 0)
        in->csv.field[0] = bytes_of(in->csv.field[0].data + 3, in->csv.field[0].size - 3);
    in->header_count = in->csv.count;
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (!find_column(&in->column[i], in, m->column[i]))
            missing = m->column[i];
    for (size_t i = 0; i < m->n_commit; i++)
        if (!find_column(&in->commit[i], in, m->commit[i]))
            missing = m->commit[i];
    for (size_t i = 0; i < m->n_rules; i++)
        if (!find_column(&in->rule[i], in, m->rule[i].column))
            missing = m->rule[i].column;
    if (missing != NULL)
        return anju_fail(ANJU_ERR_MISMATCH, "%s: has no column '%s', which the map names; its first column is '%.*s'; is it the right map?", in->name,
                         missing, (int)(in->csv.field[0].size < 60 ? in->csv.field[0].size : 60), (const char *)in->csv.field[0].data);
    return ANJU_OK;
}

/* One row. Each check answers false after it has put the row into the report. */

static bool check_form(struct reading *in)
{
    if (in->csv.count != in->header_count) {
        char words[WORDS_MAX];
        snprintf(words, sizeof(words), "the row has %zu fields, the header %zu", in->csv.count, in->header_count);
        return refuse(in, "columns", NULL, in->id, words);
    }
    in->id = field(in, COLUMN_ID);
    for (size_t i = 0; i < IMPORT_COLUMNS; i++)
        if (!bytes_are_utf8(field(in, (enum import_column)i)))
            return refuse(in, "not_utf8", in->map->column[i], in->id, "the value is not UTF-8 text");
    for (size_t i = 0; i < in->map->n_commit; i++)
        if (!bytes_are_utf8(in->csv.field[in->commit[i]]))
            return refuse(in, "not_utf8", in->map->commit[i], in->id, "the value is not UTF-8 text");
    if (in->id.size == 0)
        return refuse(in, "no_id", in->map->column[COLUMN_ID], bytes_of(NULL, 0), "the row has no id");
    return true;
}

static bool check_new_id(struct reading *in)
{
    struct crypto_hash key;
    char words[WORDS_MAX];
    bool is_new;

    crypto_sha256(&key, in->id);
    uint64_t *line = table_put(&in->ids, &key, &is_new);
    if (is_new) {
        *line = in->csv.line;
        return true;
    }
    snprintf(words, sizeof(words), "line %" PRIu64 " has the same id", *line);
    return refuse(in, "duplicate_id", in->map->column[COLUMN_ID], in->id, words);
}

static bool check_size(struct reading *in, enum import_column c, uint32_t max)
{
    char words[WORDS_MAX];

    if (field(in, c).size <= max)
        return true;
    snprintf(words, sizeof(words), "is %zu bytes long, at most %u are allowed", field(in, c).size, max);
    return refuse(in, "too_long", in->map->column[c], field(in, c), words);
}

static bool read_time(struct reading *in, uint64_t *out, enum import_column c)
{
    struct bytes text = field(in, c);
    enum anju_err err = ANJU_ERR_MALFORMED;

    *out = 0;
    if (text.size == 0)
        return true;
    for (size_t i = 0; i < in->map->n_formats && err == ANJU_ERR_MALFORMED; i++)
        err = zone_parse(out, text, in->map->format[i]);
    if (err == ANJU_OK && *out == 0)
        err = ANJU_ERR_MALFORMED; /* 0 stands for no time */
    if (err == ANJU_OK)
        return true;
    if (err == ANJU_ERR_NOT_FOUND)
        return refuse(in, "missing_hour", in->map->column[c], text, "the clock skipped this hour that day");
    return refuse(in, "bad_date", in->map->column[c], text, "is not a date of the map's form, or there is no such date");
}

static bool read_times(struct reading *in, struct import_order *o)
{
    if (!read_time(in, &o->placed, COLUMN_PLACED) || !read_time(in, &o->due, COLUMN_DUE) || !read_time(in, &o->closed, COLUMN_CLOSED))
        return false;
    if (o->placed == 0)
        return refuse(in, "no_date", in->map->column[COLUMN_PLACED], bytes_of(NULL, 0), "the row does not say when it was placed");
    if (o->closed != 0 && o->closed < o->placed)
        return refuse(in, "closed_before_placed", in->map->column[COLUMN_CLOSED], field(in, COLUMN_CLOSED), "it was closed before it was placed");
    if (o->placed > in->bounds->now_ms || o->closed > in->bounds->now_ms)
        return refuse(in, "in_the_future", in->map->column[o->placed > in->bounds->now_ms ? COLUMN_PLACED : COLUMN_CLOSED],
                      field(in, o->placed > in->bounds->now_ms ? COLUMN_PLACED : COLUMN_CLOSED), "the time has not come yet");
    return true;
}

/* The records of an order by the last that happened. */
static void set_steps(struct import_order *o, enum import_step last)
{
    o->step[o->n_steps++] = STEP_PLACE;
    if (last == STEP_CANCEL) {
        if (o->provider.size > 0)
            o->step[o->n_steps++] = STEP_DISPATCH;
        o->step[o->n_steps++] = STEP_CANCEL;
        return;
    }
    for (uint8_t step = STEP_DISPATCH; step <= (uint8_t)last; step++)
        o->step[o->n_steps++] = step;
}

static bool read_status(struct reading *in, struct import_order *o)
{
    struct bytes word = field(in, COLUMN_STATUS);

    for (size_t i = 0; i < in->map->n_words; i++)
        if (bytes_equal(word, bytes_of_text(in->map->word[i].word))) {
            set_steps(o, in->map->word[i].last);
            return true;
        }
    return refuse(in, "unknown_status", in->map->column[COLUMN_STATUS], word, "the map has no such status word");
}

static bool fits(const struct import_rule *r, struct bytes value)
{
    char text[200], *end;

    if (value.size == 0)
        return r->blank;
    if (value.size >= sizeof(text))
        return false;
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    if (!r->is_range)
        return regexec(&r->pattern, text, 0, NULL, 0) == 0;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && number >= r->min && number <= r->max;
}

static bool check_rules(struct reading *in)
{
    for (size_t i = 0; i < in->map->n_rules; i++) {
        struct bytes value = trim(in->csv.field[in->rule[i]]);
        if (!fits(&in->map->rule[i], value))
            return refuse(in, "refused_by_map", in->map->rule[i].column, value, in->map->rule[i].why);
    }
    return true;
}

static bool check_texts(struct reading *in)
{
    const struct import_bounds *b = in->bounds;

    if (field(in, COLUMN_TYPE).size == 0)
        return refuse(in, "no_type", in->map->column[COLUMN_TYPE], bytes_of(NULL, 0), "the row does not say of what type it is");
    return check_size(in, COLUMN_ID, b->no) && check_size(in, COLUMN_TYPE, b->type) && check_size(in, COLUMN_GRID, b->grid)
           && check_size(in, COLUMN_PROVIDER, b->provider) && check_size(in, COLUMN_SOURCE, b->source);
}

static void keep(struct reading *in, struct import_order *o)
{
    struct import_rows *r = in->rows;
    struct arena *a = &r->arena;

    o->line = in->csv.line;
    o->id = arena_copy(a, in->id);
    o->type = arena_copy(a, field(in, COLUMN_TYPE));
    o->grid = arena_copy(a, field(in, COLUMN_GRID));
    o->provider = arena_copy(a, o->provider);
    o->source = arena_copy(a, field(in, COLUMN_SOURCE));
    o->status = arena_copy(a, field(in, COLUMN_STATUS));
    o->commit = arena_alloc(a, (in->map->n_commit + 1) * sizeof(*o->commit));
    for (size_t i = 0; i < in->map->n_commit; i++)
        o->commit[i] = arena_copy(a, in->csv.field[in->commit[i]]);
    if (r->count == in->room) {
        in->room = in->room > 0 ? 2 * in->room : 1024;
        r->orders = anju_realloc(r->orders, in->room * sizeof(*r->orders));
    }
    r->orders[r->count++] = *o;
}

static void read_row(struct reading *in)
{
    struct import_order o = {0};

    in->id = bytes_of(NULL, 0);
    if (!check_form(in))
        return;
    o.provider = field(in, COLUMN_PROVIDER);
    if (check_texts(in) && read_times(in, &o) && read_status(in, &o) && check_rules(in) && check_new_id(in))
        keep(in, &o);
}

static int by_time(const void *a, const void *b)
{
    const struct import_order *x = a, *y = b;

    if (x->placed != y->placed)
        return x->placed < y->placed ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

enum anju_err import_rows_read(struct import_rows *out, struct bytes file, const char *name, const struct import_map *m,
                               const struct import_bounds *bounds)
{
    struct reading in = {.map = m, .bounds = bounds, .rows = out, .name = name};
    struct tool_progress progress;
    FILE *stream = file.size > 0 ? fmemopen((void *)(uintptr_t)file.data, file.size, "rb") : NULL;

    memset(out, 0, sizeof(*out));
    out->report = json_array();
    if (stream == NULL)
        return anju_fail(ANJU_ERR_MISMATCH, "%s: is empty", name);
    enum anju_err err = zone_set(m->zone);
    csv_init(&in.csv, stream, name);
    table_init(&in.ids, CRYPTO_HASH_SIZE, sizeof(uint64_t));
    if (err == ANJU_OK)
        err = read_header(&in);
    tool_progress_begin(&progress, "reading", file.size);
    while (err == ANJU_OK) {
        enum anju_err got = csv_next(&in.csv);
        if (got == ANJU_ERR_NOT_FOUND)
            break;
        out->rows++;
        if (got == ANJU_OK)
            read_row(&in);
        else
            import_rows_report(out, in.csv.line, bytes_of(NULL, 0), "malformed", NULL, in.id, anju_err_text());
        tool_progress_set(&progress, in.csv.offset);
    }
    if (err == ANJU_OK)
        tool_progress_end(&progress);
    if (out->count > 0)
        qsort(out->orders, out->count, sizeof(*out->orders), by_time);
    csv_deinit(&in.csv);
    table_free(&in.ids);
    fclose(stream);
    return err;
}

void import_rows_free(struct import_rows *r)
{
    json_decref(r->report);
    free(r->orders);
    arena_free(&r->arena);
}
