/*
 * genesis_parts: readers of what the genesis document, the member file, and the files of calendars
 * and code lists have in common. For rpc/genesis_*.c; everybody else uses rpc/genesis_json.h.
 */
#ifndef ANJU_RPC_GENESIS_PARTS_H
#define ANJU_RPC_GENESIS_PARTS_H

#include "rpc/genesis_json.h"

/* A text of 1 to 255 bytes, copied into the arena. */
char *genesis_read_text(const struct json_in *at, struct arena *a);
void genesis_read_format(const struct json_in *root, const char *format);
void genesis_read_name(const struct json_in *at, char **zh, char **en, struct arena *a);
char *genesis_read_kind(const struct json_in *at, struct arena *a);
char **genesis_read_roles(const struct json_in *at, uint32_t *count, struct arena *a);
void genesis_read_key(const struct json_in *at, struct crypto_key *out);
/* The members of a node but `member`. */
void genesis_read_node(const struct json_in *object, struct ledger_node_info *out, struct arena *a);
/* `file`: the optional member "about" may be there. */
void genesis_read_calendar(const struct json_in *at, bool file, struct ledger_calendar *out,
                           struct arena *a);
struct ledger_code_list *genesis_read_code_lists(const struct json_in *at, uint32_t *count,
                                                 struct arena *a);
void genesis_read_limits(const struct json_in *at,
                         struct ledger_limits *out); /* absent: the default */
void genesis_read_timeouts(const struct json_in *at, struct ledger_timeouts *out);

json_t *genesis_json_of_name(const char *zh, const char *en);
json_t *genesis_json_of_roles(char *const *roles, uint32_t count);
void genesis_json_add_node(json_t *object, const struct ledger_node_info *n);
json_t *genesis_json_of_limits(const struct ledger_limits *l);
json_t *genesis_json_of_timeouts(const struct ledger_timeouts *t);
/* Pretty-printed with a final LF; takes the reference. */
void genesis_json_write(struct writer *w, json_t *value);

#endif
