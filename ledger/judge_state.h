/*
 * judge_state: what the parts of the engine share while one record is judged. Not for other
 * modules. Everything lives in the caller's arena. The first refusal stays (judge_refuse); an error
 * of the view goes into `err` and ends the judging.
 */
#ifndef ANJU_LEDGER_JUDGE_STATE_H
#define ANJU_LEDGER_JUDGE_STATE_H

#include "ledger/procedure_body.h"
#include "ledger/registry.h"

/* A subject that the record reads or touches: as it was, and as it will be. */
struct judge_subject {
    const struct ledger_procedure *p; /* the version that it lives under */
    uint16_t procedure;
    struct ledger_subject_id id;
    bool exists; /* in the view */
    uint64_t version;
    uint16_t state; /* before; 0 where it does not exist */
    struct ledger_attributes before;
    bool touched;
    uint16_t state_after;
    uint32_t n_after, room_after;
    struct ledger_value *after; /* ascending; before's until something changes */
};

struct judge {
    const struct ledger_view *view;
    const struct ledger_registry *registry;
    const struct ledger_actor *actor;
    const struct ledger_record *record;
    const struct ledger_procedure *p;
    const struct ledger_action *action; /* NULL: the end of a pause */
    struct arena *arena;
    enum anju_err err;
    struct ledger_judgement *out;
    struct judge_subject *self;
    struct judge_subject **subjects; /* all that were loaded, ascending by (procedure, subject) */
    uint32_t n_subjects, room_subjects;
    bool see_after; /* expressions read the attributes after the effects */
    uint32_t steps; /* expression nodes evaluated so far */
};

/* Values of expressions. */
enum judge_kind {
    JUDGE_ABSENT,
    JUDGE_BOOL,
    JUDGE_INT,
    JUDGE_TEXT,
    JUDGE_BYTES,
    JUDGE_REF,
    JUDGE_LIST,
    JUDGE_LINE
};
struct judge_value {
    enum judge_kind kind;
    bool absent;                 /* BOOL, INT: stands for an absent value */
    int64_t i;                   /* BOOL, INT */
    struct bytes bytes;          /* TEXT, BYTES: the content; LIST, LINE: the array as it stands */
    uint16_t procedure;          /* REF, and of the subjects in lines */
    struct ledger_subject_id id; /* REF */
    const struct ledger_type *type; /* LIST: of its items */
    struct bytes raw; /* canonical msgpack where it came from a field or an attribute */
};

/* Refuses, unless it is refused already. Returns false. `hint` is a format; words are for people
 * only. */
bool judge_refuse(struct judge *j, int outcome, const char *field, const char *hint, ...)
    ANJU_PRINTF(4, 5);
static inline bool judge_going(const struct judge *j)
{
    return j->err == ANJU_OK && j->out->outcome == LEDGER_APPLIED;
}

/* subject.c: the subjects of one judging. */
/* Loads once. NULL where judging ends (an error). `exists` says whether it is there. */
struct judge_subject *judge_load(struct judge *j, uint16_t procedure,
                                 const struct ledger_subject_id *id);
/* The value as expressions see it now (before or after); size 0 where absent. */
struct bytes judge_attribute(const struct judge *j, const struct judge_subject *s, uint16_t number);
struct bytes judge_after(const struct judge_subject *s, uint16_t number);
void judge_set(struct judge *j, struct judge_subject *s, uint16_t number,
               struct bytes value); /* size 0 clears */
void judge_set_uint(struct judge *j, struct judge_subject *s, uint16_t number, uint64_t v);
void judge_set_bool(struct judge *j, struct judge_subject *s, uint16_t number, bool v);
/* The effects of all touched subjects, with unique indexes checked. */
void judge_finish(struct judge *j);

/* value.c */
/* Reads a stored value by its type; NULL type: a built-in attribute, whose own bytes say what it
 * is. */
struct judge_value judge_read(struct judge *j, struct bytes raw, const struct ledger_type *type,
                              bool item);
struct bytes judge_write(struct judge *j,
                         const struct judge_value *v); /* canonical msgpack, in the arena */
bool judge_value_equal(const struct judge_value *a, const struct judge_value *b);
/* Whether a value may stand in a field or an attribute of this type; refuses with the name where
 * not. */
bool judge_check_type(struct judge *j, const char *name, const struct ledger_type *type,
                      struct bytes raw);
/* Iterates over a LIST. */
struct mp_reader judge_items(const struct judge_value *list, uint32_t *count);

/* expr.c */
struct judge_value judge_eval(struct judge *j, const struct ledger_expr *e);
bool judge_eval_bool(struct judge *j, const struct ledger_expr *e);
bool judge_cosigned(const struct judge *j, const struct judge_value *key_or_list);

/* actor.c */
bool judge_actor(struct judge *j);                      /* `by` */
bool judge_approve(struct judge *j, bool *carried_out); /* `need`: notes the approval */
void judge_lapse_approvals(struct judge *j); /* of actions that do not start from the state after */

/* clock.c */
/* Stops, moves, starts, pauses; then due_day and open. State after is known. */
void judge_clocks(struct judge *j, struct judge_subject *s);
enum judge_clock_status {
    JUDGE_CLOCK_RUNNING = 1,
    JUDGE_CLOCK_PAUSED = 2,
    JUDGE_CLOCK_STOPPED = 3
};
struct judge_clock {
    uint16_t number;
    enum judge_clock_status status;
    uint64_t end; /* ms; while paused: as if this pause had not been */
    uint64_t at;  /* paused: since when; stopped: when */
    uint64_t
        paused; /* ms of ended pauses, in the time of the longest pause (calendar or working) */
    uint64_t resume; /* paused: when it goes on by itself */
};
/* The clocks of a subject; `out` holds LEDGER_CLOCKS_MAX. */
uint32_t judge_read_clocks(struct judge_clock *out, struct bytes value);
void judge_write_clocks(struct judge *j, struct judge_subject *s, const struct judge_clock *clocks,
                        uint32_t n);
bool judge_clock_passed(const struct judge_clock *c, uint64_t now);
void judge_due_day(struct judge *j, struct judge_subject *s);

/* working.c: calendar and working time, by the procedure's calendar. They refuse (CALENDAR) outside
 * its days. */
uint64_t judge_add_span(struct judge *j, const struct ledger_procedure *p, uint64_t time_ms,
                        struct ledger_span span);
/* The span in ms of its own kind of time. */
uint64_t judge_span_ms(struct judge *j, const struct ledger_procedure *p, struct ledger_span span);
uint64_t judge_add_ms(struct judge *j, const struct ledger_procedure *p, uint64_t time_ms,
                      enum ledger_unit unit, uint64_t ms);
/* How much time of this kind lies between; 0 where `to` is not later. */
uint64_t judge_between(struct judge *j, const struct ledger_procedure *p, uint64_t from_ms,
                       uint64_t to_ms, enum ledger_unit unit);

/* effect.c: what the action does: changes, parent, touches, post, share, cases, clocks. */
void judge_effects(struct judge *j);

/* post.c */
void judge_post(struct judge *j);
void judge_share(struct judge *j);
/* A subject of another procedure whose attribute this procedure may change; refuses and gives NULL
 * where not. */
struct judge_subject *judge_reach(struct judge *j, uint16_t procedure,
                                  const struct ledger_subject_id *id, uint16_t attribute);

/* index.c */
/* The chain key bytes for index values given as expression values. False where a unique has an
 * absent part. */
bool judge_index_key(struct judge *j, struct writer *out, const struct ledger_procedure *p,
                     const struct ledger_index *index, const struct judge_value *values);
const struct ledger_index *judge_index(const struct ledger_procedure *p, uint16_t number);

#endif
