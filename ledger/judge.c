#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ledger/judge_state.h"

void ledger_seal(struct crypto_hash *out, const struct ledger_subject_id *subject,
                 struct bytes salt, struct bytes value)
{
    static const char tag[] = "anju/seal/1"; /* with its NUL */
    struct bytes parts[] = {bytes_of(tag, sizeof(tag)), bytes_of(subject->b, sizeof(subject->b)),
                            salt, value};

    crypto_sha256_parts(out, parts, 4);
}

bool judge_refuse(struct judge *j, int outcome, const char *field, const char *hint, ...)
{
    char words[512];
    va_list args;

    if (!judge_going(j))
        return false;
    va_start(args, hint);
    vsnprintf(words, sizeof(words), hint, args);
    va_end(args);
    j->out->outcome = outcome;
    j->out->field = arena_text(j->arena, bytes_of_text(field));
    j->out->hint = arena_text(j->arena, bytes_of_text(words));
    j->out->clause = ledger_outcome_name(outcome);
    if (outcome >= LEDGER_REFUSED_CLAUSES_FROM && j->p != NULL) {
        const char *name = ledger_procedure_clause(j->p, (uint16_t)outcome);
        j->out->clause = name != NULL ? name : "";
    }
    return false;
}

/* The procedure that judges: the version that the subject lives under, the newest for a new one. */
static bool find_procedure(struct judge *j)
{
    const struct ledger_record *r = j->record;

    if (r->procedure == 0)
        return judge_refuse(j, LEDGER_REFUSED_BUILTIN, "",
                            "members, keys and procedures change by governance, which this ledger "
                            "does not have yet");
    if (ledger_registry_procedure(j->registry, r->procedure, 0) == NULL)
        return judge_refuse(j, LEDGER_REFUSED_PROCEDURE_UNKNOWN, "",
                            "there is no procedure %u; procedure.list shows all", r->procedure);
    j->self = judge_load(j, r->procedure, &r->subject);
    if (j->self == NULL || !judge_going(j))
        return false;
    j->p = j->self->p;
    if (j->p == NULL)
        return judge_refuse(j, LEDGER_REFUSED_PROCEDURE_VERSION, "",
                            "the subject lives under a version of procedure %u that is not here",
                            r->procedure);
    j->out->procedure_digest = j->p->digest;
    if (j->p->version != r->procedure_version)
        return judge_refuse(j, LEDGER_REFUSED_PROCEDURE_VERSION, "",
                            "the subject lives under version %u of %s, not %u", j->p->version,
                            j->p->name, r->procedure_version);
    return true;
}

/* The actions that start from a state, for people. */
static void list_actions(const struct judge *j, char *out, size_t room)
{
    size_t size = 0;

    out[0] = '\0';
    for (uint8_t i = 0; i < j->p->n_actions && size < room; i++) {
        const struct ledger_action *a = &j->p->action[i];
        bool starts = !j->self->exists && a->creates;
        for (uint8_t k = 0; k < a->n_from && j->self->exists; k++)
            starts = starts || a->from[k] == j->self->state;
        if (starts)
            size +=
                (size_t)snprintf(out + size, room - size, "%s%s", size > 0 ? ", " : "", a->name);
    }
}

static bool find_action(struct judge *j)
{
    const struct ledger_record *r = j->record;
    const struct ledger_state *state = ledger_procedure_state(j->p, j->self->state);
    char possible[300];
    bool starts;

    j->action = ledger_procedure_action(j->p, r->action);
    if (j->action == NULL)
        return judge_refuse(j, LEDGER_REFUSED_ACTION_UNKNOWN, "",
                            "%s has no action %u; procedure.get shows them", j->p->name, r->action);
    if (r->expected_version != (j->self->exists ? j->self->version : 0))
        return judge_refuse(
            j, LEDGER_REFUSED_VERSION_STALE, "",
            "the subject is at version %llu, state %s; look at it again (subject.get), then decide",
            (unsigned long long)j->self->version, state != NULL ? state->name : "none");
    starts = j->action->creates && !j->self->exists;
    for (uint8_t i = 0; i < j->action->n_from && j->self->exists; i++)
        starts = starts || j->action->from[i] == j->self->state;
    if (starts)
        return true;
    list_actions(j, possible, sizeof(possible));
    return judge_refuse(j, LEDGER_REFUSED_STATE, "",
                        "%s does not start from state %s; from here: %s", j->action->name,
                        state != NULL ? state->name : "none (the subject is not there)", possible);
}

/* The fields of the action, for people. */
static void list_fields(const struct judge *j, char *out, size_t room)
{
    size_t size = 0;

    out[0] = '\0';
    for (uint8_t i = 0; i < j->action->n_fields && size < room; i++)
        size += (size_t)snprintf(out + size, room - size, "%s%s", i > 0 ? ", " : "",
                                 j->action->field[i].name);
}

static bool check_fields(struct judge *j)
{
    const struct ledger_record *r = j->record;
    char known[300];

    for (uint32_t i = 0; i < r->n_fields; i++) {
        const struct ledger_field *f = ledger_action_field(j->action, r->fields[i].number);
        if (f == NULL) {
            list_fields(j, known, sizeof(known));
            return judge_refuse(j, LEDGER_REFUSED_FIELD_UNKNOWN, "",
                                "%s has no field %u; it has: %s", j->action->name,
                                r->fields[i].number, known);
        }
        if (!judge_check_type(j, f->name, &f->type, r->fields[i].value))
            return false;
    }
    for (uint8_t i = 0; i < j->action->n_fields; i++) {
        const struct ledger_field *f = &j->action->field[i];
        if (f->type.required && ledger_record_field(r, f->number) == NULL)
            return judge_refuse(j, LEDGER_REFUSED_FIELD_MISSING, f->name, "%s needs the field %s",
                                j->action->name, f->name);
    }
    return judge_going(j);
}

static bool check_checks(struct judge *j)
{
    for (uint8_t i = 0; i < j->action->n_checks; i++) {
        const struct ledger_check *c = &j->action->check[i];
        if (!judge_eval_bool(j, &c->that))
            return judge_refuse(
                j, c->clause != 0 ? c->clause : LEDGER_REFUSED_CHECK, "",
                "the rules of %s for %s do not allow this now: %s", j->p->name, j->action->name,
                c->clause != 0 ? ledger_procedure_clause(j->p, c->clause) : "a check failed");
    }
    return judge_going(j);
}

static void judge_record(struct judge *j)
{
    bool carried_out = true;

    if (!find_procedure(j))
        return;
    if (j->record->n_holders > 0) {
        judge_refuse(j, LEDGER_REFUSED_HOLDERS, "",
                     "there is no private store yet: leave the holders empty");
        return;
    }
    if (!find_action(j) || !check_fields(j))
        return;
    if (j->action->need.m == 0 && !judge_actor(j))
        return;
    if (!check_checks(j))
        return;
    j->self->touched = true;
    if (j->action->need.m > 0 && !judge_approve(j, &carried_out))
        return;
    if (carried_out)
        judge_effects(j);
    if (judge_going(j))
        judge_finish(j);
}

enum anju_err ledger_judge(struct ledger_judgement *out, const struct ledger_view *view,
                           const struct ledger_actor *actor, const struct ledger_record *record,
                           struct arena *a)
{
    struct judge j = {.view = view,
                      .registry = view->registry,
                      .actor = actor,
                      .record = record,
                      .arena = a,
                      .out = out};

    *out = (struct ledger_judgement){.clause = "", .field = "", .hint = ""};
    judge_record(&j);
    if (out->outcome != LEDGER_APPLIED)
        out->n_effects = 0;
    return j.err;
}
