#include "rpc/procedure_compile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_DEFAULT = 256, TEXT_MAX = 4096, LIST_MAX = 1000 };

static const struct base {
    const char *text;
    enum type_base base;
    enum argument { NONE, RANGE, SIZE, EXACT, NAME, MAY_NAME } argument;
} bases[] = {
    {"bool", TYPE_BOOL, NONE},       {"int", TYPE_INT, RANGE},    {"money", TYPE_MONEY, RANGE},
    {"time", TYPE_TIME, NONE},       {"date", TYPE_DATE, NONE},   {"text", TYPE_TEXT, SIZE},
    {"bytes", TYPE_BYTES, EXACT},    {"hash", TYPE_HASH, NONE},   {"key", TYPE_KEY, NONE},
    {"member", TYPE_MEMBER, NONE},   {"ref", TYPE_REF, MAY_NAME}, {"code", TYPE_CODE, NAME},
    {"private", TYPE_PRIVATE, NONE}, {"file", TYPE_FILE, NONE},   {"lines", TYPE_LINES, MAY_NAME},
};

static const char all_types[] =
    "bool int[:A..B] money[:A..B] time date text[:SIZE] bytes:SIZE hash key member ref[:PROCEDURE] "
    "code:LIST private file lines:PROCEDURE; then [N] for a list, then ! where required";

/* A number that fills the text to `end`; false otherwise. */
static bool whole_number(int64_t *out, const char *begin, const char *end)
{
    char digits[24], *stop;
    size_t size = (size_t)(end - begin);

    if (size == 0 || size >= sizeof digits)
        return false;
    memcpy(digits, begin, size);
    digits[size] = '\0';
    *out = strtoll(digits, &stop, 10);
    return *stop == '\0' && (digits[0] == '-' || (digits[0] >= '0' && digits[0] <= '9'));
}

/* A..B, where A or B may be left out. */
static bool parse_range(struct type *t, const char *begin, const char *end)
{
    const char *dots = strstr(begin, "..");

    if (dots == NULL || dots >= end)
        return false;
    if (dots != begin && !whole_number(&t->min, begin, dots))
        return false;
    if (dots + 2 != end && !whole_number(&t->max, dots + 2, end))
        return false;
    return t->min <= t->max;
}

static bool parse_argument(struct type *t, enum argument kind, const char *begin, const char *end)
{
    bool given = begin != NULL;

    t->min = INT64_MIN;
    t->max = kind == SIZE ? TEXT_DEFAULT : INT64_MAX;
    switch (kind) {
    case NONE:
        return !given;
    case RANGE:
        return !given || parse_range(t, begin, end);
    case SIZE:
    case EXACT:
        if (!given)
            return kind == SIZE;
        return whole_number(&t->max, begin, end) && t->max > 0 && t->max <= TEXT_MAX;
    case NAME:
    case MAY_NAME:
        if (!given)
            return kind == MAY_NAME;
        if (end == begin || (size_t)(end - begin) >= sizeof t->argument)
            return false;
        memcpy(t->argument, begin, (size_t)(end - begin));
        return true;
    }
    return false;
}

/* Takes [N] and ! from the right; false where the brackets hold no good number. */
static bool parse_suffixes(struct type *t, const char *text, const char **end)
{
    const char *open;
    int64_t n;

    if (*end > text && (*end)[-1] == '!') {
        t->required = true;
        (*end)--;
    }
    if (*end == text || (*end)[-1] != ']')
        return true;
    open = memchr(text, '[', (size_t)(*end - text));
    if (open == NULL || !whole_number(&n, open + 1, *end - 1) || n < 1 || n > LIST_MAX)
        return false;
    t->list_max = (uint32_t)n;
    *end = open;
    return true;
}

bool type_parse(struct compile *c, struct type *out, const char *text)
{
    const char *end = text + strlen(text), *colon;
    bool good;

    *out = (struct type){0};
    good = parse_suffixes(out, text, &end);
    colon = memchr(text, ':', (size_t)(end - text));
    size_t size = (size_t)((colon != NULL ? colon : end) - text);
    for (size_t i = 0; good && i < sizeof bases / sizeof *bases; i++) {
        if (strlen(bases[i].text) != size || memcmp(bases[i].text, text, size) != 0)
            continue;
        out->base = bases[i].base;
        if (parse_argument(out, bases[i].argument, colon != NULL ? colon + 1 : NULL, end))
            return true;
        good = false;
    }
    compile_fault(c, all_types, "`%.60s` is not a type", text);
    return false;
}

void type_words(char out[96], const struct type *t)
{
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        if (bases[i].base == t->base)
            (void)snprintf(out, 96, "%s%s%s%s", bases[i].text, t->argument[0] != '\0' ? ":" : "",
                           t->argument, t->list_max > 0 ? "[]" : "");
}

bool span_parse(struct compile *c, struct span *out, const json_t *j)
{
    static const struct {
        const char *text;
        enum span_unit unit;
        uint32_t factor;
    } units[] = {
        {"s", SPAN_MS, 1},
        {"m", SPAN_MS, 60},
        {"h", SPAN_MS, 3600},
        {"d", SPAN_MS, 86400},
        {"wm", SPAN_WORKING_MINUTES, 1},
        {"wh", SPAN_WORKING_MINUTES, 60},
        {"wd", SPAN_WORKING_DAYS, 1},
    };
    const char *text = json_is_string(j) ? json_string_value(j) : "";
    char *unit;
    unsigned long count = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &unit, 10) : 0;

    *out = (struct span){0};
    for (size_t i = 0; count > 0 && count <= 100000 && i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].text) == 0 && count * units[i].factor <= 10ul * 366 * 86400) {
            out->unit = units[i].unit;
            out->count = (uint32_t)(count * units[i].factor);
            return true;
        }
    if (json_is_string(j))
        compile_fault(c, "a number and s, m, h, d, or wm, wh, wd for working time: 15m, 7d, 4wh",
                      "`%.40s` is no span of time", text);
    else
        compile_fault(c, "a number and s, m, h, d, or wm, wh, wd for working time: 15m, 7d, 4wh",
                      "this is %s, not a span of time", compile_json_words(j));
    return false;
}
