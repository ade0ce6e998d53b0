#include <string.h>

#include "rpc/json.h"
#include "tools/import.h"

enum { TEXT_MAX = 400 };

static const char *const COLUMN_NAMES[IMPORT_COLUMNS + 1] = {"id", "placed", "due", "closed", "type", "grid", "provider", "status", "source", NULL};
static const char *const STEP_NAMES[IMPORT_STEPS] = {"place", "dispatch", "accept", "complete", "close", "cancel"};

static const char *text_of(const struct json_in *at, struct arena *a)
{
    return arena_text(a, bytes_of_text(json_read_text(at, TEXT_MAX)));
}

/* One text or an array of texts. */
static size_t read_texts(const char **out, size_t max, const struct json_in *at, struct arena *a)
{
    size_t count = json_is_array(at->value) ? json_count(at, max) : 1;

    if (!json_is_array(at->value))
        out[0] = text_of(at, a);
    for (size_t i = 0; json_is_array(at->value) && i < count; i++) {
        struct json_in item = json_item(at, i);
        out[i] = text_of(&item, a);
    }
    return count;
}

static void read_columns(struct import_map *m, const struct json_in *root, struct arena *a)
{
    struct json_in columns = json_member(root, "columns");

    json_only(&columns, COLUMN_NAMES);
    for (int i = 0; i < IMPORT_COLUMNS; i++) {
        bool needed = i == COLUMN_ID || i == COLUMN_PLACED || i == COLUMN_TYPE || i == COLUMN_STATUS;
        struct json_in at = needed ? json_member(&columns, COLUMN_NAMES[i]) : json_optional(&columns, COLUMN_NAMES[i]);
        if (at.value != NULL)
            m->column[i] = text_of(&at, a);
    }
}

static void read_status(struct import_map *m, const struct json_in *root, struct arena *a)
{
    struct json_in status = json_member(root, "status");
    const char *word;
    json_t *value;

    if (!json_is_object(status.value) || json_object_size(status.value) > IMPORT_WORDS_MAX) {
        json_wrong(&status, "must be an object of at most %d words of the status column, each with its last action", IMPORT_WORDS_MAX);
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)status.value, word, value) {
        struct json_in at = json_member(&status, word);
        const char *last = json_read_text(&at, TEXT_MAX);
        int step = 0;
        while (step < IMPORT_STEPS && strcmp(STEP_NAMES[step], last) != 0)
            step++;
        if (step == IMPORT_STEPS)
            json_wrong(&at, "must be place, dispatch, accept, complete, close or cancel");
        m->word[m->n_words].word = arena_text(a, bytes_of_text(word));
        m->word[m->n_words++].last = (enum import_step)step;
    }
}

static void read_rule(struct import_rule *r, const struct json_in *at, struct arena *a)
{
    static const char *const NAMES[] = {"column", "range", "pattern", "blank", "why", NULL};
    struct json_in column = json_member(at, "column"), range = json_optional(at, "range"), pattern = json_optional(at, "pattern"),
                   blank = json_optional(at, "blank"), why = json_member(at, "why");
    char words[120];

    json_only(at, NAMES);
    r->column = text_of(&column, a);
    r->why = text_of(&why, a);
    r->blank = blank.value != NULL && json_read_bool(&blank);
    r->is_range = range.value != NULL;
    if ((range.value != NULL) == (pattern.value != NULL)) {
        json_wrong(at, "must have one of range and pattern");
    } else if (r->is_range) {
        struct json_in min = json_item(&range, 0), max = json_item(&range, 1);
        r->min = json_read_int(&min, INT64_MIN, INT64_MAX);
        r->max = json_read_int(&max, r->min, INT64_MAX);
        if (json_count(&range, 2) != 2)
            json_wrong(&range, "must be [least, greatest]");
    } else {
        int rc = regcomp(&r->pattern, json_read_text(&pattern, TEXT_MAX), REG_EXTENDED | REG_NOSUB);
        if (rc != 0) {
            regerror(rc, &r->pattern, words, sizeof(words));
            json_wrong(&pattern, "is no POSIX extended regular expression: %s", words);
            r->is_range = true; /* nothing to free */
        }
    }
}

enum anju_err import_map_read(struct import_map *out, struct bytes text, const char *name, struct arena *a)
{
    static const char *const NAMES[] = {"format", "about", "origin", "zone", "time", "columns", "status", "commit", "refuse", NULL};
    struct json_fault fault = {0};
    json_t *value;

    memset(out, 0, sizeof(*out));
    enum anju_err err = json_parse(&value, text, name);
    if (err != ANJU_OK)
        return err;
    struct json_in root = json_root(value, &fault), format = json_member(&root, "format"), origin = json_member(&root, "origin"),
                   zone = json_member(&root, "zone"), time = json_member(&root, "time"), commit = json_optional(&root, "commit"),
                   refuse = json_optional(&root, "refuse");
    json_only(&root, NAMES);
    if (strcmp(json_read_text(&format, TEXT_MAX), "anju-import-map/1") != 0)
        json_wrong(&format, "must be \"anju-import-map/1\"");
    out->origin = text_of(&origin, a);
    out->zone = text_of(&zone, a);
    out->n_formats = read_texts(out->format, IMPORT_FORMATS_MAX, &time, a);
    read_columns(out, &root, a);
    read_status(out, &root, a);
    if (commit.value != NULL)
        out->n_commit = read_texts(out->commit, IMPORT_COMMIT_MAX, &commit, a);
    size_t rules = refuse.value != NULL ? json_count(&refuse, IMPORT_RULES_MAX) : 0;
    for (size_t i = 0; i < rules && !fault.found; i++) {
        struct json_in item = json_item(&refuse, i);
        out->rule[i].is_range = true;
        out->n_rules++;
        read_rule(&out->rule[i], &item, a);
    }
    json_decref(value);
    return json_finish(&fault, name);
}

void import_map_free(struct import_map *m)
{
    for (size_t i = 0; i < m->n_rules; i++)
        if (!m->rule[i].is_range)
            regfree(&m->rule[i].pattern);
    m->n_rules = 0;
}
