#include "tests/unit/stored.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/procedure_files.h"

void stored_begin(struct stored *s, const char *dir, size_t merge_weight)
{
    struct store_options options = {
        .map_size = (uint64_t)4 << 30, .merge_weight = merge_weight, .free_bytes_min = 1};
    struct bytes compiled = files_compile("tests/procedures", "bead.json");

    memset(s, 0, sizeof *s);
    fixture_init(&s->f, 4, &compiled, 1);
    free((void *)(uintptr_t)compiled.data);
    s->dir = anju_strdup(dir);
    options.dir = s->dir;
    s->now = FIXTURE_CREATED;
    ck_assert_msg(store_open(&s->store, &options, s->f.registry) == ANJU_OK, "%s", anju_err_text());
}

void stored_end(struct stored *s)
{
    store_close(s->store);
    fixture_deinit(&s->f);
    free(s->dir);
}

static struct bytes certificate_of(struct stored *s, const struct ledger_tip *tip)
{
    struct ledger_certificate c;
    struct writer w = {0};
    struct bytes out;

    fixture_certify(&s->f, &c, tip->height, &tip->block, &tip->result);
    ledger_certificate_encode(&w, &c);
    out = arena_copy(&s->f.arena, writer_view(&w));
    writer_free(&w);
    return out;
}

void stored_commit(struct stored *s, uint64_t ms, const struct bytes *envelopes, uint16_t n)
{
    const struct ledger_view *head = store_head_view(s->store);
    struct ledger_overlay *o = ledger_overlay_new(head);
    struct ledger_block block;
    struct store_commit commit = {.overlay = o, .block = &block};
    struct arena a = {0};

    s->now += ms;
    commit.raw = fixture_block(&s->f, head->tip(head), s->now, envelopes, n);
    ck_assert_msg(ledger_block_decode(&block, commit.raw, &s->f.genesis.ledger_id, &a) == ANJU_OK,
                  "%s", anju_err_text());
    ck_assert_int_eq(ledger_execute(o, &block), ANJU_OK);
    commit.certificate = certificate_of(s, ledger_overlay_tip(o));
    ck_assert_msg(store_commit(s->store, &commit) == ANJU_OK, "%s", anju_err_text());
    arena_free(&a);
}

struct bytes stored_record(struct stored *s, uint16_t action, const struct ledger_subject_id *id,
                           uint64_t version, const char *no, const char *colour, const char *shape,
                           int64_t size)
{
    struct ledger_value fields[4];
    struct ledger_record r = {.procedure = THING,
                              .procedure_version = 1,
                              .action = action,
                              .subject = *id,
                              .expected_version = version,
                              .fields = fields};

    if (no != NULL)
        fields[r.n_fields++] = (struct ledger_value){1, fixture_str(&s->f, no)};
    if (colour != NULL)
        fields[r.n_fields++] = (struct ledger_value){2, fixture_str(&s->f, colour)};
    if (shape != NULL)
        fields[r.n_fields++] = (struct ledger_value){3, fixture_str(&s->f, shape)};
    if (size != 0)
        fields[r.n_fields++] = (struct ledger_value){4, fixture_int(&s->f, size)};
    return fixture_record(&s->f, &r);
}

/* ---- chain keys ---- */

static void put_head(struct writer *w, uint16_t index, uint8_t n)
{
    writer_u8(w, 2);
    writer_u16(w, THING);
    writer_u16(w, index);
    writer_u8(w, n);
}

static void put_text(struct writer *w, const char *text)
{
    writer_u8(w, text != NULL ? LEDGER_PART_STR : LEDGER_PART_ABSENT);
    writer_u16(w, (uint16_t)(text != NULL ? strlen(text) : 0));
    if (text != NULL)
        writer_bytes(w, bytes_of_text(text));
}

static void put_uint(struct writer *w, uint64_t v)
{
    writer_u8(w, LEDGER_PART_UINT);
    writer_u16(w, 8);
    writer_u64(w, v);
}

void stored_key_colour(struct writer *w, const char *colour)
{
    put_head(w, THING_LIST_COLOUR, 1);
    put_text(w, colour);
}

void stored_key_colour_shape(struct writer *w, const char *colour, const char *shape)
{
    put_head(w, THING_LIST_COLOUR_SHAPE, 2);
    put_text(w, colour);
    put_text(w, shape);
}

void stored_key_open(struct writer *w, bool open)
{
    put_head(w, THING_LIST_OPEN, 1);
    writer_u8(w, LEDGER_PART_BOOL);
    writer_u16(w, 1);
    writer_u8(w, open);
}

void stored_key_colour_state(struct writer *w, const char *colour, uint64_t state)
{
    put_head(w, THING_COUNT_COLOUR_STATE, 2);
    put_text(w, colour);
    put_uint(w, state);
}

void stored_key_no(struct writer *w, const char *no)
{
    put_head(w, THING_UNIQUE_NO, 1);
    put_text(w, no);
}

void stored_key_subject(struct writer *w, const struct ledger_subject_id *id)
{
    writer_u8(w, 1);
    writer_u16(w, THING);
    writer_put(w, id->b, LEDGER_SUBJECT_SIZE);
}

void stored_key_actor(struct writer *w, uint32_t member)
{
    writer_u8(w, 2);
    writer_u16(w, 0);
    writer_u16(w, 0);
    writer_u8(w, 1);
    put_uint(w, member);
}
