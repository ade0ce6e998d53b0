/*
 * ask: what the subcommands that only read share: the node's answer, and entries as tables.
 */
#ifndef ANJU_TOOLS_ASK_H
#define ANJU_TOOLS_ASK_H

#include "tools/nodes.h"

/* "--genesis" and "--url": the first two options of each such subcommand. */
#define ASK_OPTIONS \
    {"--genesis", "FILE", "the genesis document", "genesis.json", NULL}, \
    {"--url", "URL", "the node to ask; may be given several times (all of genesis)", NULL, NULL}

/* Asks and gives the result (a new reference), or says what is wrong: *code is then the exit code. Takes over params. */
json_t *ask(int *code, const struct tool_option *options, const char *method, json_t *params);

/* Adds the page options limit, newest first, cursor and effects to the params; false, said: a bad number. */
#define ASK_PAGE_OPTIONS \
    {"--limit", "N", "how many entries, 1 to 500 (50; with --prove all)", NULL, NULL}, \
    {"--newest-first", NULL, "the last entry first", NULL, NULL}, \
    {"--cursor", "CURSOR", "where the page before ended", NULL, NULL}, \
    {"--effects", NULL, "with what each entry changed (--json)", NULL, NULL}
bool ask_page_params(json_t *params, const struct tool_option *first);

/* Takes limit, order and cursor away: what is asked for whole has no pages. */
void ask_whole(json_t *params);

/* "--prove FILE": after the other options. */
#define ASK_PROVE_OPTION \
    {"--prove", "FILE", "fetches the proof instead, checks it, and writes it for 'anju verify' (-: standard output)", NULL, NULL}
/* Asks with "prove", checks that the proof is valid and answers what was asked, and writes it. Takes over params. */
int ask_proof(const struct tool_option *options, const char *method, json_t *params, const char *file);

/* Prints a page of entries: JSON, or a table with a line on what follows. Takes over the page. */
int ask_print_page(json_t *page);

/* The text of a JSON value in one line, in a buffer of `size`. */
void ask_value_text(char *out, size_t size, const json_t *value);

#endif
