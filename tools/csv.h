/*
 * csv: a reader of RFC 4180 text, a row at a time; quoted fields may hold commas, quotes (doubled) and
 * line ends. Lines may end in LF or CRLF. A row's fields are views that live until the next row.
 */
#ifndef ANJU_TOOLS_CSV_H
#define ANJU_TOOLS_CSV_H

#include <stdio.h>

#include "base/codec.h"

enum { CSV_FIELDS_MAX = 256, CSV_ROW_SIZE_MAX = 1024 * 1024 };

struct csv {
    FILE *in;          /* borrowed */
    const char *name;  /* of the file, for words */
    uint64_t line;     /* on which the current row begins, from 1 */
    uint64_t next_line;
    uint64_t offset;   /* bytes read so far */
    struct writer text; /* the fields of the row, unquoted */
    size_t count;
    struct bytes field[CSV_FIELDS_MAX];
};

void csv_init(struct csv *c, FILE *in, const char *name);
void csv_deinit(struct csv *c);
/* NOT_FOUND: the end. MALFORMED with file and line: a quote inside a bare field, text after a closing
 * quote, an open quote at the end, a NUL, a row over 1 MiB or 256 fields; the reader is then at the
 * beginning of the next line. */
ANJU_MUST_CHECK enum anju_err csv_next(struct csv *c);

#endif
