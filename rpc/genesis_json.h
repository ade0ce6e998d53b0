/*
 * genesis_json: the genesis document and the public member file as JSON (docs/formats.md,
 * "Genesis"). People read and sign off both, so they are pretty-printed; the ledger id is the
 * SHA-256 of the genesis file's bytes as they are, whatever their white space. Unknown and
 * duplicate keys, wrong types and values out of range are refused with the JSON pointer. Any
 * thread.
 */
#ifndef ANJU_RPC_GENESIS_JSON_H
#define ANJU_RPC_GENESIS_JSON_H

#include "ledger/registry.h"
#include "rpc/json.h"

enum { GENESIS_FILE_SIZE_MAX = 16 * 1024 * 1024, MEMBER_FILE_SIZE_MAX = 64 * 1024 };

/* Decodes the file's bytes; ledger_genesis_free lets the memory go (also after an error). Checks
 * form and what stands beside the compiled procedures; ledger_registry_new checks the rest.
 * MALFORMED: with the pointer. UNSUPPORTED: another format or suite. */
ANJU_MUST_CHECK enum anju_err genesis_json_decode(struct ledger_genesis *out, struct bytes file);

/* What `anju keys new` prints for others: no secret in it. */
struct member_file {
    char *name_zh, *name_en;
    char *kind;
    uint32_t n_roles;
    char **roles;
    struct crypto_key operator_key;
    bool has_approver;
    struct crypto_key approver_key;
    bool has_node;
    struct ledger_node_info node; /* its member number is 0 until genesis */
};
/* Memory from the arena. */
ANJU_MUST_CHECK enum anju_err member_file_decode(struct member_file *out, struct bytes file,
                                                 struct arena *a);
void member_file_encode(struct writer *w,
                        const struct member_file *m); /* pretty-printed, final LF */

/* The parts of a genesis document. Members are numbered in the order given; keys in the order
 * operator, approver, node of each member; keys are valid from `created` to `keys_until` (0:
 * 2099-12-31). */
struct genesis_parts {
    const char *origin;
    uint64_t created; /* ms */
    uint64_t keys_until;
    bool development;
    bool log_public;
    const struct member_file *members;
    uint32_t n_members;
    const struct bytes *procedures; /* compiled bytes */
    uint32_t n_procedures;
    const struct bytes *calendars; /* texts of calendar files (ledger/procedures/calendar.json) */
    uint32_t n_calendars;
    struct bytes
        code_lists; /* text of a code list file (ledger/procedures/codes.json); empty: none */
    const struct ledger_limits *limits;     /* NULL: the defaults, left out of the document */
    const struct ledger_timeouts *timeouts; /* NULL: the same */
};
/* Builds the document, pretty-printed and the same bytes for the same parts, and checks it by
 * decoding it and making a registry of it. MALFORMED with words that name the part. */
ANJU_MUST_CHECK enum anju_err genesis_json_build(struct writer *out,
                                                 const struct genesis_parts *parts);

/* Calendars and code lists from their files, for tests and tools. Memory from the arena. */
ANJU_MUST_CHECK enum anju_err calendar_file_decode(struct ledger_calendar *out, struct bytes file,
                                                   struct arena *a);
ANJU_MUST_CHECK enum anju_err code_list_file_decode(struct ledger_code_list **out, uint32_t *count,
                                                    struct bytes file, struct arena *a);

#endif
