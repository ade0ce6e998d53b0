/*
 * overlay_body: what an overlay holds, for overlay*.c, fold.c and execute.c only.
 * Tables hold what a subject, chain, (key, nonce) or day of refusals is now; lists hold what only
 * grows. A span of edits between overlay_mark and overlay_undo can be taken back: an envelope takes
 * effect whole or not at all. Table rows are never removed: a row that was taken back is not
 * `present`.
 */
#ifndef ANJU_LEDGER_OVERLAY_BODY_H
#define ANJU_LEDGER_OVERLAY_BODY_H

#include "base/table.h"
#include "ledger/execute.h"
#include "ledger/registry.h"

enum {
    OVERLAY_TIMERS_OF_SUBJECT_MAX = 128,
    OVERLAY_SUBJECT_KEY_SIZE = 2 + LEDGER_SUBJECT_SIZE,
    OVERLAY_USED_KEY_SIZE = 4 + LEDGER_NONCE_SIZE
};

/* A list that grows; `size` is of one item. */
struct overlay_list {
    void *items;
    size_t count;
    size_t room;
};
/* Room for one more, zeroed, counted. */
void *overlay_list_add(struct overlay_list *l, size_t size);

struct overlay_subject {
    struct ledger_subject is; /* attributes are in the overlay's arena */
    uint64_t span;            /* the last span that edited it */
    bool present;
};

struct overlay_chain {
    uint64_t live;
    struct crypto_hash state;
    uint64_t size;
    struct crypto_hash *peaks; /* in the arena; merkle_peaks' order */
    uint32_t peaks_room;
    uint32_t seqs_room;
    uint64_t *seqs; /* in the arena: of the entries that this overlay appended */
    uint64_t n_seqs;
    uint64_t span;
    bool present;
    bool dirty; /* listed in `dirty`: not yet in the map */
};

struct overlay_undo {
    bool is_chain;
    uint8_t key[32];
    union {
        struct overlay_subject subject;
        struct overlay_chain chain;
    } was;
    struct crypto_hash *peaks; /* the chain's peaks as they were; in undo_arena */
};

struct ledger_overlay {
    struct ledger_view view; /* first: a view's address is the overlay's */
    const struct ledger_view *below;
    const struct ledger_registry *registry;
    struct arena arena; /* subjects' attributes, peaks, seqs */
    struct table subjects;
    struct table chains;
    struct table used;
    struct table refusals;
    struct table segments;
    struct overlay_list timers;      /* ledger_timer_row, ascending: of closed heights */
    struct overlay_list timer_edits; /* ledger_timer_row in order of time: of the height in hand */
    struct overlay_list chain_nodes; /* ledger_chain_node_row */
    size_t n_chain_items;
    size_t n_subjects;
    struct ledger_map *map; /* NULL before the first close */
    struct ledger_tip tip;
    bool has_tip;

    /* The height in hand. */
    uint64_t height;
    uint64_t time_ms;
    struct merkle_peaks log;
    struct overlay_list dirty; /* struct ledger_map_key */
    uint64_t envelope_first_seq;
    uint32_t envelope_n;     /* entries of the envelope in hand so far */
    struct arena item_arena; /* bytes that items and outcomes point to */
    struct overlay_list items;
    struct overlay_list outcomes;
    struct overlay_list log_nodes;

    /* The span in hand. */
    uint64_t span;
    bool undoable;
    struct overlay_list undo;
    struct arena undo_arena;

    /* Passing memory. */
    struct arena judge_arena; /* of one record */
    struct arena fold_arena;  /* of one entry */
    struct writer writer;
    struct overlay_list touched;                                   /* struct ledger_map_key */
    struct overlay_list leaves;                                    /* struct ledger_map_leaf */
    struct ledger_chain head;                                      /* read from below */
    struct ledger_timer timers_was[OVERLAY_TIMERS_OF_SUBJECT_MAX]; /* of the subject in hand */
    struct ledger_timer timers_now[OVERLAY_TIMERS_OF_SUBJECT_MAX];
    struct overlay_list rows[7];
};

/* What the tables' values are, and their keys. */
void overlay_subject_key(uint8_t out[OVERLAY_SUBJECT_KEY_SIZE], uint16_t procedure,
                         const struct ledger_subject_id *id);
void overlay_used_key(uint8_t out[OVERLAY_USED_KEY_SIZE], uint32_t key,
                      const uint8_t nonce[LEDGER_NONCE_SIZE]);
void overlay_day_key(uint8_t out[8], uint32_t member, uint32_t day);

/* Edits. The pointer is valid until the next edit of the same kind; a chain is marked dirty. */
enum anju_err overlay_edit_chain(struct overlay_chain **out, struct ledger_overlay *o,
                                 const struct ledger_map_key *key);
void overlay_append(struct ledger_overlay *o, const struct ledger_map_key *key,
                    struct overlay_chain *chain, uint64_t seq, const struct crypto_hash *leaf);
/* Sets a subject; its attributes are copied. */
void overlay_put_subject(struct ledger_overlay *o, const struct ledger_subject *subject);
void overlay_edit_timer(struct ledger_overlay *o, const struct ledger_timer *timer, bool removed);

/* A point to which everything can be taken back. */
struct overlay_mark {
    size_t n_timer_edits, n_chain_nodes, n_chain_items, n_subjects, n_dirty, n_items, n_log_nodes;
    struct merkle_peaks log;
};
void overlay_mark(struct overlay_mark *out, struct ledger_overlay *o);
void overlay_undo(struct ledger_overlay *o, const struct overlay_mark *to);
void overlay_keep(struct ledger_overlay *o); /* ends the span without taking anything back */

/* The edits of the height in hand laid over the timers of closed heights. */
void overlay_merge_timers(struct overlay_list *into, const struct ledger_timer_row *older,
                          size_t n_older, const struct ledger_timer_row *edits, size_t n_edits);

/* The view's `timers`. */
enum anju_err overlay_view_timers(const struct ledger_view *v, struct ledger_timer *out,
                                  size_t *count, size_t max, uint64_t until);

/* Folding (fold.c). Begin takes due timers away and lists them; each is then fired or dropped. */
enum anju_err overlay_begin(struct ledger_overlay *o, uint64_t height, uint64_t time_ms,
                            struct ledger_timer **due, size_t *n_due);
/* Moves everything by one entry; `leaf` is the entry's. */
enum anju_err overlay_fold(struct ledger_overlay *o, const struct ledger_item *item,
                           const struct crypto_hash *leaf);
enum anju_err overlay_close(struct ledger_overlay *o, const struct crypto_hash *block);
/* MTH over concatenated encoded effects. MALFORMED: they are not `count` effects, ascending. */
enum anju_err overlay_effects_root(struct crypto_hash *out, struct ledger_overlay *o,
                                   struct bytes effects, uint32_t count);

#endif
