#include "tools/csv.h"

#include <string.h>

void csv_init(struct csv *c, FILE *in, const char *name)
{
    memset(c, 0, sizeof(*c));
    c->in = in;
    c->name = name;
    c->next_line = 1;
}

void csv_deinit(struct csv *c)
{
    writer_free(&c->text);
}

static int get(struct csv *c)
{
    int ch = getc_unlocked(c->in);

    c->offset += ch != EOF;
    c->next_line += ch == '\n';
    return ch;
}

static enum anju_err broken(struct csv *c, int last, const char *words)
{
    while (last != '\n' && last != EOF)
        last = get(c);
    return anju_fail(ANJU_ERR_MALFORMED, "%s: line %llu: %s", c->name, (unsigned long long)c->line, words);
}

/* Reads one field into the text; *after is what ends it: ',', '\n' or EOF. NULL, or what is wrong. */
static const char *read_field(struct csv *c, int *after)
{
    int ch = get(c);
    bool quoted = ch == '"';

    if (quoted)
        ch = get(c);
    for (;; ch = get(c)) {
        *after = ch;
        if (quoted && ch == '"') {
            ch = get(c);
            *after = ch;
            if (ch != '"') { /* the closing quote */
                if (ch == '\r')
                    *after = ch = get(c);
                return ch == ',' || ch == '\n' || ch == EOF ? NULL : "text after a closing quote";
            }
        } else if (ch == EOF) {
            return quoted ? "a quote is open at the end of the file" : NULL;
        } else if (!quoted && (ch == ',' || ch == '\n')) {
            if (ch == '\n' && c->text.size > 0 && c->text.data[c->text.size - 1] == '\r')
                c->text.size--;
            return NULL;
        } else if (!quoted && ch == '"') {
            return "a quote inside a field that does not begin with one";
        } else if (ch == 0) {
            return "a NUL byte";
        }
        if (c->text.size >= CSV_ROW_SIZE_MAX)
            return "a row over 1 MiB";
        writer_u8(&c->text, (uint8_t)ch);
    }
}

enum anju_err csv_next(struct csv *c)
{
    size_t begin[CSV_FIELDS_MAX + 1];
    int after = 0;

    writer_clear(&c->text);
    c->line = c->next_line;
    c->count = 0;
    do {
        if (c->count == CSV_FIELDS_MAX)
            return broken(c, after, "more than 256 fields");
        begin[c->count] = c->text.size;
        const char *wrong = read_field(c, &after);
        if (wrong != NULL)
            return broken(c, after, wrong);
        c->count++;
    } while (after == ',');
    begin[c->count] = c->text.size;
    if (after == EOF && c->count == 1 && c->text.size == 0)
        return ANJU_ERR_NOT_FOUND;
    for (size_t i = 0; i < c->count; i++)
        c->field[i] = bytes_of(c->text.data + begin[i], begin[i + 1] - begin[i]);
    return ANJU_OK;
}
