/*
 * tools: what the subcommands of `anju` share. One file a subcommand; anju.c finds it by name.
 * Exit codes of every subcommand: 0 done (verify: valid; audit: ok), 1 refused or invalid, 2 wrong usage
 * (verify: cannot tell), 3 the world failed (file, network, disk). Words for people go to standard
 * error, what was asked for to standard output: tables, or with --json one JSON value.
 */
#ifndef ANJU_TOOLS_TOOLS_H
#define ANJU_TOOLS_TOOLS_H

#include <jansson.h>

#include "base/arena.h"
#include "ledger/registry.h"

enum tool_exit { TOOL_OK = 0, TOOL_REFUSED = 1, TOOL_USAGE = 2, TOOL_FAILED = 3 };

/* argv[0] is the subcommand's name. Returns the exit code. */
typedef int tool_fn(int argc, char **argv);
tool_fn cmd_keys, cmd_genesis, cmd_code, cmd_submit, cmd_get, cmd_history, cmd_query, cmd_receipt, cmd_verify, cmd_audit,
    cmd_import, cmd_status, cmd_members, cmd_procedure, cmd_rebuild, cmd_export, cmd_doctor, cmd_evidence;

/* ---- Arguments. Options may stand anywhere; "--" ends them. ---- */
struct tool_option {
    const char *name;    /* "--url" */
    const char *value;   /* what stands for its value in the help, such as "URL"; NULL: a flag */
    const char *help;
    const char *fallback; /* default, or NULL */
    const char *given;   /* after tool_args: the value, "" for a flag that is there, or NULL */
};
struct tool_usage {
    const char *command;  /* "submit" */
    const char *synopsis; /* "[options] RECORD.json" */
    const char *summary;
    const char *example;
    struct tool_option *options; /* ends with a NULL name; --help and --json are added for all */
};
/* Fills options; positional arguments are moved to argv[1..*n]. Returns -1 to go on, else the exit code:
 * --help prints the help (0); an unknown option, a missing value, fewer than `min` or more than `max`
 * positional arguments print what is wrong and the synopsis (2). */
int tool_args(const struct tool_usage *usage, int argc, char **argv, int *n, int min, int max);
/* The value that an option was given the index-th time; NULL after the last. The default is none of them. */
const char *tool_option_value(const struct tool_option *option, size_t index);
extern bool tool_json; /* --json was given */

/* ---- Words ---- */
/* "anju COMMAND: words" on standard error; returns `code`. */
int tool_fail(int code, const char *format, ...) ANJU_PRINTF(2, 3);
int tool_fail_err(void); /* with anju_err_text(); the code by the last error: TOOL_FAILED */
/* Prints a JSON value (and takes it over) on standard output: compact with a final LF. */
void tool_print_json(json_t *value);

/* A table for people: columns as wide as they need to be; cells are UTF-8 (double width counted). */
struct tool_table;
struct tool_table *tool_table_new(const char *const *heads, size_t columns);
void tool_table_row(struct tool_table *t, const char *const *cells); /* copies */
void tool_table_print(struct tool_table *t);                         /* prints and frees */
void tool_table_free(struct tool_table *t); /* one that is not printed */

/* A progress bar on standard error where that is a terminal, else silent. */
struct tool_progress {
    const char *label;
    uint64_t total;
    uint64_t started_ms, drawn_ms;
};
void tool_progress_begin(struct tool_progress *p, const char *label, uint64_t total);
void tool_progress_set(struct tool_progress *p, uint64_t done);
void tool_progress_end(struct tool_progress *p);

uint64_t tool_now_ms(void);

/* ---- Files ---- */
/* Reads a whole file ("-": standard input) of at most `max` bytes into the arena. Words on error. */
ANJU_MUST_CHECK enum anju_err tool_read_file(struct bytes *out, const char *path, size_t max, struct arena *a);
/* Writes beside and renames, so that a half-written file is never seen. `mode` such as 0600. EXISTS where
 * `replace` is false and it is there. */
ANJU_MUST_CHECK enum anju_err tool_write_file(const char *path, struct bytes data, unsigned mode, bool replace);
/* A secret key file: lower-case hex and LF; refuses one that others may read. */
ANJU_MUST_CHECK enum anju_err tool_read_secret(struct crypto_secret *out, const char *path);

/* Genesis and registry from a file; both live until the process ends. */
ANJU_MUST_CHECK enum anju_err tool_open_genesis(const struct ledger_registry **out, const char *path);

/* ---- The client: JSON-RPC over HTTPS with the node's TLS key pinned ---- */
struct tool_client;
/* `url` https://host:port, or NULL: the first node of genesis. The TLS key must be one of the nodes' in
 * genesis (`registry`; the one whose rpc address the URL has, else any). */
ANJU_MUST_CHECK enum anju_err tool_client_open(struct tool_client **out, const char *url, const struct ledger_registry *registry);
void tool_client_close(struct tool_client *c);
void tool_client_timeout(struct tool_client *c, long seconds); /* of one call; 60 before */
/* Calls a method; takes over params. *result is a new reference. An error answer gives REFUSED-like
 * words: returns ANJU_ERR_MISMATCH, *error (a new reference) is the error object; other errors are the
 * network's, with words. */
ANJU_MUST_CHECK enum anju_err tool_call(struct tool_client *c, json_t **result, json_t **error, const char *method, json_t *params);
/* Sends envelopes as application/octet-stream; the answer as JSON. */
ANJU_MUST_CHECK enum anju_err tool_send_batch(struct tool_client *c, json_t **answer, struct bytes batch);
/* Prints an RPC error for people (message, clause, field, hint) or as JSON; returns TOOL_REFUSED. */
int tool_print_error(const json_t *error);

#endif
