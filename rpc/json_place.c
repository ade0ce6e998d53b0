#include "rpc/json_place.h"

#include <string.h>

/* A walk over text that is known to be JSON: it only has to find where values end. */
struct walk {
    const char *text;
    size_t size;
    size_t at;
};

static void skip_space(struct walk *w)
{
    while (w->at < w->size && strchr(" \t\r\n", w->text[w->at]) != NULL && w->text[w->at] != '\0')
        w->at++;
}

static void skip_string(struct walk *w)
{
    w->at++;
    while (w->at < w->size && w->text[w->at] != '"')
        w->at += w->text[w->at] == '\\' ? 2 : 1;
    w->at++;
}

/* Brackets inside strings do not count; everything else does, so no recursion is needed. */
static void skip_value(struct walk *w)
{
    size_t depth = 0;

    do {
        skip_space(w);
        if (w->at >= w->size)
            return;
        char c = w->text[w->at];
        if (c == '"') {
            skip_string(w);
        } else if (c == '{' || c == '[') {
            depth++;
            w->at++;
        } else if (c == '}' || c == ']') {
            depth--;
            w->at++;
        } else if (c == ',' || c == ':') {
            w->at++;
        } else {
            while (w->at < w->size && strchr(" \t\r\n,:]}", w->text[w->at]) == NULL)
                w->at++;
        }
    } while (depth > 0);
}

static unsigned hex4(const char *p)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned d = c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 0x20) - 'a' + 10;
        v = v << 4 | (d & 15);
    }
    return v;
}

static size_t put_utf8(char *out, unsigned v)
{
    if (v < 0x80) {
        out[0] = (char)v;
        return 1;
    }
    if (v < 0x800) {
        out[0] = (char)(0xc0 | v >> 6);
        out[1] = (char)(0x80 | (v & 63));
        return 2;
    }
    if (v < 0x10000) {
        out[0] = (char)(0xe0 | v >> 12);
        out[1] = (char)(0x80 | (v >> 6 & 63));
        out[2] = (char)(0x80 | (v & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | v >> 18);
    out[1] = (char)(0x80 | (v >> 12 & 63));
    out[2] = (char)(0x80 | (v >> 6 & 63));
    out[3] = (char)(0x80 | (v & 63));
    return 4;
}

/* One character of a member's name, with its escapes undone. */
static size_t name_step(char out[4], const char **p, const char *end)
{
    const char *escapes = "\"\\/bfnrt", *values = "\"\\/\b\f\n\r\t";
    const char *found;
    unsigned v;

    if (**p != '\\' || end - *p < 2) {
        out[0] = *(*p)++;
        return 1;
    }
    (*p)++;
    if (**p != 'u' || end - *p < 5) {
        found = strchr(escapes, **p);
        out[0] = found != NULL && *found != '\0' ? values[found - escapes] : **p;
        (*p)++;
        return 1;
    }
    v = hex4(*p + 1);
    *p += 5;
    if (v >= 0xd800 && v < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\') {
        v = 0x10000 + ((v - 0xd800) << 10) + (hex4(*p + 2) - 0xdc00);
        *p += 6;
    }
    return put_utf8(out, v);
}

static bool name_is(const char *raw, size_t raw_size, const char *want, size_t want_size)
{
    const char *p = raw, *end = raw + raw_size;
    size_t seen = 0;

    while (p < end) {
        char step[4];
        size_t n = name_step(step, &p, end);
        if (seen + n > want_size || memcmp(want + seen, step, n) != 0)
            return false;
        seen += n;
    }
    return seen == want_size;
}

/* The next reference token of the pointer, unescaped into `out`; false at the end. */
static bool next_token(const char **pointer, char *out, size_t room, size_t *size)
{
    const char *p = *pointer;

    *size = 0;
    if (*p != '/')
        return false;
    for (p++; *p != '\0' && *p != '/'; p++) {
        char c = *p;
        if (c == '~' && (p[1] == '0' || p[1] == '1'))
            c = *++p == '0' ? '~' : '/';
        if (*size < room)
            out[(*size)++] = c;
    }
    *pointer = p;
    return true;
}

/* From the start of a value to the start of its child; false (cursor at the value) without one. */
static bool enter(struct walk *w, const char *token, size_t token_size)
{
    size_t start = w->at;
    bool object = w->text[w->at] == '{';
    size_t wanted = 0, index = 0;

    if (!object && w->text[w->at] != '[')
        return false;
    for (size_t i = 0; !object && i < token_size; i++)
        wanted = wanted * 10 + (size_t)(token[i] - '0');
    w->at++;
    for (;; index++) {
        bool hit = !object && index == wanted;
        skip_space(w);
        if (w->at >= w->size || w->text[w->at] == '}' || w->text[w->at] == ']')
            break;
        if (object) {
            size_t name = w->at + 1;
            skip_string(w);
            hit = name_is(w->text + name, w->at - 1 - name, token, token_size);
            skip_space(w);
            w->at++; /* the colon */
            skip_space(w);
        }
        if (hit)
            return true;
        skip_value(w);
        skip_space(w);
        if (w->at < w->size && w->text[w->at] == ',')
            w->at++;
    }
    w->at = start;
    return false;
}

struct json_place json_place_find(struct bytes text, const char *pointer)
{
    struct walk w = {.text = (const char *)text.data, .size = text.size};
    struct json_place place = {.line = 1, .column = 1, .exact = true};
    char token[256];
    size_t token_size;

    skip_space(&w);
    while (w.at < w.size && next_token(&pointer, token, sizeof token, &token_size))
        if (!enter(&w, token, token_size)) {
            place.exact = false;
            break;
        }
    place.begin = w.at;
    skip_value(&w);
    place.end = w.at < w.size ? w.at : w.size;
    for (size_t i = 0; i < place.begin; i++) {
        place.column++;
        if (w.text[i] == '\n') {
            place.line++;
            place.column = 1;
        }
    }
    return place;
}

size_t json_pointer_add(char *pointer, size_t room, const char *name)
{
    size_t before = strlen(pointer), at = before;

    if (at + 1 < room)
        pointer[at++] = '/';
    for (const char *p = name; *p != '\0' && at + 2 < room; p++) {
        if (*p == '~' || *p == '/') {
            pointer[at++] = '~';
            pointer[at++] = *p == '~' ? '0' : '1';
        } else {
            pointer[at++] = *p;
        }
    }
    pointer[at] = '\0';
    return before;
}

void json_pointer_cut(char *pointer, size_t size)
{
    pointer[size] = '\0';
}
