#include "rpc/procedure_compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct procedure_json_fault *new_fault(struct compile *c)
{
    struct procedure_json_result *r = c->result;

    if (r->n_faults == PROCEDURE_JSON_FAULTS_MAX)
        return NULL;
    struct procedure_json_fault *f = &r->faults[r->n_faults++];
    /* A text that was not accepted has no places to find. */
    struct json_place place = c->root != NULL ? json_place_find(c->source->text, c->pointer) : (struct json_place){.line = 1, .column = 1};
    memcpy(f->pointer, c->pointer, sizeof f->pointer);
    f->line = place.line;
    f->column = place.column;
    return f;
}

void compile_fault(struct compile *c, const char *right, const char *format, ...)
{
    struct procedure_json_fault *f = new_fault(c);
    va_list args;

    if (f == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(f->wrong, sizeof f->wrong, format, args);
    va_end(args);
    (void)snprintf(f->right, sizeof f->right, "%s", right != NULL ? right : "");
}

/* How many letters must change, up to 31 each: enough to guess what was meant. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[33];
    size_t m = strnlen(a, 32), n = strnlen(b, 32);

    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned up = row[j], best = corner + (a[i - 1] != b[j - 1]);
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            corner = up;
        }
    }
    return row[n];
}

void compile_fault_unknown(struct compile *c, const char *kind, const char *text,
                           const struct names *known)
{
    char right[240];
    size_t at = 0;
    const char *nearest = NULL;
    unsigned best = 3;

    for (uint32_t i = 0; i < known->count; i++)
        if (known->items[i].used && distance(text, known->items[i].text) < best) {
            best = distance(text, known->items[i].text);
            nearest = known->items[i].text;
        }
    if (nearest != NULL) {
        (void)snprintf(right, sizeof right, "did you mean `%s`?", nearest);
    } else {
        at = (size_t)snprintf(right, sizeof right, "known here:");
        for (uint32_t i = 0; i < known->count && at + 40 < sizeof right; i++)
            if (known->items[i].used)
                at += (size_t)snprintf(right + at, sizeof right - at, " %s", known->items[i].text);
    }
    compile_fault(c, right, "there is no %s `%s`", kind, text);
}

size_t compile_go(struct compile *c, const char *name)
{
    return json_pointer_add(c->pointer, sizeof c->pointer, name);
}

size_t compile_go_item(struct compile *c, size_t index)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%zu", index);
    return compile_go(c, text);
}

void compile_back(struct compile *c, size_t mark)
{
    json_pointer_cut(c->pointer, mark);
}

static const char *json_type_words(json_type type)
{
    switch (type) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

const char *compile_json_words(const json_t *j)
{
    return j == NULL ? "nothing" : json_type_words(json_typeof(j));
}

json_t *compile_member(struct compile *c, json_t *object, const char *name, json_type type,
                       bool required)
{
    json_t *j = json_object_get(object, name);

    if (j == NULL) {
        if (required)
            compile_fault(c, NULL, "`%s` is missing; it must be %s", name, json_type_words(type));
        return NULL;
    }
    if (json_typeof(j) == type || (type == JSON_TRUE && json_is_boolean(j)))
        return j;
    size_t mark = compile_go(c, name);
    compile_fault(c, json_type_words(type), "`%s` is %s", name, compile_json_words(j));
    compile_back(c, mark);
    return NULL;
}

static bool is_listed(const char *known, const char *name)
{
    size_t size = strlen(name);

    for (const char *p = known; p != NULL && *p != '\0'; p = strchr(p, ' ')) {
        while (*p == ' ')
            p++;
        if (strncmp(p, name, size) == 0 && (p[size] == ' ' || p[size] == '\0'))
            return true;
    }
    return false;
}

void compile_only(struct compile *c, json_t *object, const char *known)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if (is_listed(known, name))
            continue;
        char right[240];
        size_t mark = compile_go(c, name);
        (void)snprintf(right, sizeof right, "known here: %s", known);
        compile_fault(c, right, "`%.60s` means nothing here", name);
        compile_back(c, mark);
    }
}

int64_t compile_integer(struct compile *c, const json_t *j, int64_t min, int64_t max,
                        int64_t otherwise)
{
    char right[80];

    (void)snprintf(right, sizeof right, "a whole number from %lld to %lld", (long long)min,
                   (long long)max);
    if (!json_is_integer(j)) {
        compile_fault(c, right, "this is %s", compile_json_words(j));
        return otherwise;
    }
    int64_t v = json_integer_value(j);
    if (v >= min && v <= max)
        return v;
    compile_fault(c, right, "%lld is out of bounds", (long long)v);
    return otherwise;
}

bool compile_name_is_good(struct compile *c, const char *text)
{
    size_t size = strlen(text);
    bool good = size > 0 && size <= 32 && text[0] >= 'a' && text[0] <= 'z';

    for (size_t i = 0; good && i < size; i++)
        good = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') ||
               text[i] == '_' || text[i] == '-';
    if (!good)
        compile_fault(c, "1 to 32 characters: small letters, digits, _ and -, a letter first",
                      "`%.40s` can't be a name", text);
    return good;
}
