/*
 * list_proof: answers with nothing left out, for someone who trusts the genesis document and nobody
 * here (docs/formats.md, "Proofs of lists"). One question over one or many chains as of one height:
 * a page of their entries by position, a span of block time, the last n, what has a value now (or
 * the state of a subject), or how many; a key that never was is proved absent. Chain keys and their
 * types are held against the index's proved declaration; the tree's sizes come from the map.
 * Decoders borrow from their input; arrays are in the caller's arena. Pure; any thread.
 */
#ifndef ANJU_LEDGER_LIST_PROOF_H
#define ANJU_LEDGER_LIST_PROOF_H

#include "ledger/map.h"
#include "ledger/receipt.h"

enum {
    LEDGER_LIST_CHAINS_MAX = 1024,
    LEDGER_LIST_ENTRIES_MAX = 65536,  /* of all chains together */
    LEDGER_LIST_SUBJECTS_MAX = 65536, /* the same */
    LEDGER_LIST_SIZE_MAX = LEDGER_RECEIPT_SIZE_MAX,
    LEDGER_CHAIN_KEY_SIZE_MAX = 6 + LEDGER_INDEX_PARTS_MAX * (3 + UINT16_MAX),
};

enum ledger_ask {
    LEDGER_ASK_PAGE = 1,  /* a = first index, b = how many at most; all of it: 0 and UINT64_MAX */
    LEDGER_ASK_TIME = 2,  /* entries with a <= time < b, ms */
    LEDGER_ASK_LAST = 3,  /* the last b; a = 0 */
    LEDGER_ASK_NOW = 4,   /* the subjects that have the value now; of a subject key: its state */
    LEDGER_ASK_COUNT = 5, /* only how many: entries, and subjects that have the value now */
};
enum { LEDGER_LIST_RECORDS = 1, LEDGER_LIST_EFFECTS = 2 }; /* bits of `parts` */

struct ledger_question {
    enum ledger_ask ask;
    uint64_t a, b; /* 0 where `ask` says nothing of them */
    uint8_t parts; /* what stands beside every entry */
};

/* A chain key, read. */
enum ledger_chain_kind { LEDGER_CHAIN_SUBJECT, LEDGER_CHAIN_ACTOR, LEDGER_CHAIN_INDEX };
struct ledger_chain_name {
    enum ledger_chain_kind kind;
    uint16_t procedure;
    struct ledger_subject_id subject; /* SUBJECT */
    uint32_t member;                  /* ACTOR */
    uint16_t index;                   /* INDEX */
    uint8_t n_parts;
    struct ledger_chain_part {
        enum ledger_part_type type;
        struct bytes value; /* borrowed */
    } part[LEDGER_INDEX_PARTS_MAX];
};
/* MALFORMED with words: not a chain key in its one form. */
ANJU_MUST_CHECK enum anju_err ledger_chain_name_decode(struct ledger_chain_name *out,
                                                       struct bytes key);
void ledger_chain_map_key(struct ledger_map_key *out, const struct ledger_chain_name *name,
                          struct bytes key);

/* Hashes of a range proof. */
struct ledger_boundary {
    uint8_t n;
    struct crypto_hash *hash;
};

/* What declares an index: the one entry of the chain of its built-in subject. */
struct ledger_list_declaration {
    uint8_t entry[LEDGER_ENTRY_SIZE];
    uint32_t index; /* of the effect in its entry */
    struct ledger_path path;
    struct bytes effect;
};

struct ledger_list_entry {
    uint8_t bytes[LEDGER_ENTRY_SIZE];
    struct bytes record;  /* where parts has LEDGER_LIST_RECORDS */
    struct bytes effects; /* all of them, concatenated; where it has LEDGER_LIST_EFFECTS */
};

/* A subject as it is now: opens the state digest of its leaf. */
struct ledger_list_subject {
    struct ledger_subject_id id;
    uint64_t version;
    uint16_t state;
    struct bytes attributes;
    bool has_last; /* where the index is late: the last entry of the subject's chain */
    uint8_t last[LEDGER_ENTRY_SIZE];
    struct ledger_boundary boundary;
};

struct ledger_list_chain {
    struct bytes key;
    uint64_t begin; /* index in the chain of the first entry shown */
    struct ledger_boundary boundary;
    uint32_t n_entries;
    struct ledger_list_entry *entries;
    uint32_t n_subjects;
    struct ledger_list_subject *subjects; /* ascending by id */
};

struct ledger_list_proof {
    struct crypto_hash ledger_id;
    struct ledger_question question;
    uint8_t header[LEDGER_HEADER_SIZE];
    uint8_t result[LEDGER_RESULT_SIZE];
    struct ledger_certificate certificate;
    struct bytes map; /* one proof for all keys */
    uint32_t n_declarations;
    struct ledger_list_declaration *declarations; /* ascending by (procedure, index) */
    uint32_t n_chains;
    struct ledger_list_chain *chains; /* ascending by key */
};

/* The encoding ends with the proof's id, digest("anju/list/1", all before it): a question changed
 * on the way is seen, even where what is shown happens to answer the other one too. */
void ledger_list_encode(struct writer *w, const struct ledger_list_proof *p);
void ledger_list_id(struct crypto_hash *out, const struct ledger_list_proof *p);
/* MALFORMED / MISMATCH (its id) / UNSUPPORTED / TOO_LARGE with words; what decodes encodes to the
 * same bytes. */
ANJU_MUST_CHECK enum anju_err ledger_list_decode(struct ledger_list_proof *out, struct bytes in,
                                                 struct arena *a);
/* The rules of a question's numbers. MALFORMED with words. */
ANJU_MUST_CHECK enum anju_err ledger_question_check(const struct ledger_question *q);

/* A declaration, read (not yet held against the map). */
struct ledger_declared {
    uint16_t procedure;
    struct ledger_index index;
    bool late;
    uint64_t since; /* seq of its entry */
    struct ledger_subject_id subject;
    struct crypto_hash leaf;  /* of its entry */
    struct crypto_hash state; /* state digest */
};
ANJU_MUST_CHECK enum anju_err ledger_declaration_decode(struct ledger_declared *out,
                                                        const struct ledger_list_declaration *d,
                                                        const struct crypto_hash *ledger_id,
                                                        struct arena *a);

/* The keys of the map that a proof asks for, ascending, each once: of the chains, of the
 * declarations, of the subjects shown. In the arena. */
void ledger_list_map_keys(struct ledger_map_key **out, size_t *count,
                          const struct ledger_list_proof *p, const struct ledger_chain_name *names,
                          const struct ledger_declared *declared, struct arena *a);

/* What a verification looked at, in this order; bits of `checked`. */
enum ledger_list_check {
    LEDGER_LIST_CHECK_LEDGER = 1,
    LEDGER_LIST_CHECK_RESULT = 2,
    LEDGER_LIST_CHECK_QUESTION = 4,
    LEDGER_LIST_CHECK_INDEXES = 8,
    LEDGER_LIST_CHECK_MAP = 16,
    LEDGER_LIST_CHECK_ENTRIES = 32,
    LEDGER_LIST_CHECK_COMPLETE = 64,
    LEDGER_LIST_CHECK_CONTENTS = 128,
    LEDGER_LIST_CHECK_STATES = 256,
    LEDGER_LIST_CHECK_NOW = 512,
    LEDGER_LIST_CHECK_SIGNATURES = 1024,
};
enum { LEDGER_LIST_CHECKS = 11 };
const char *ledger_list_check_words(enum ledger_list_check check); /* one clause in English */

/* What is proved of one chain. */
struct ledger_list_answer {
    struct ledger_chain_name name;
    bool present;         /* false: there never was an entry or a subject with this key */
    uint64_t count, live; /* entries in all; subjects that have the value now */
    uint32_t first, n;    /* the answer among the shown entries */
    const struct ledger_declared *declared; /* of an index */
};

struct ledger_list_report {
    enum ledger_verdict verdict;
    unsigned checked;
    enum ledger_list_check failed;
    char reason[256];
    struct crypto_hash id;
    struct ledger_header header;
    struct ledger_result result;
    size_t n_map_keys;
    uint32_t n_answers;
    struct ledger_list_answer *answers; /* of each chain, in the arena given */
    struct ledger_signers signers;
};

/* Verifies against the genesis document's registry and a set path (already verified; NULL: genesis
 * only). Needs no clock, network or other secret. Never fails otherwise than by its verdict. */
void ledger_list_verify(struct ledger_list_report *out, const struct ledger_list_proof *p,
                        const struct ledger_registry *registry, const struct ledger_set_path *path,
                        struct arena *a);

#endif
