/* Signed notes, checkpoints and cosignatures: the cases of the Go implementation and of C2SP's
 * texts. */
#include <string.h>

#include "rpc/note.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

static struct arena arena;

static struct bytes note_of(json_t *c)
{
    json_t *raw = json_object_get(c, "note_base64");

    if (raw != NULL) {
        size_t size;
        uint8_t *data = vectors_base64(json_string_value(raw), &size);
        struct bytes out = arena_copy(&arena, bytes_of(data, size));
        free(data);
        return out;
    }
    raw = json_object_get(c, "note");
    return bytes_of(json_string_value(raw), json_string_length(raw));
}

/* What the Go implementation says for this error. */
static const char *words_of(enum anju_err err)
{
    switch (err) {
    case ANJU_OK:
        return "ok";
    case ANJU_ERR_MALFORMED:
        return "malformed note";
    case ANJU_ERR_MISMATCH:
        return "invalid signature for key";
    case ANJU_ERR_EXISTS:
        return "ambiguous key";
    case ANJU_ERR_NOT_FOUND:
        return "note has no verifiable signatures";
    default:
        return "?";
    }
}

/* The names of signatures in a state, in order, against a list. A signature that is there twice
 * counts once where it is known. */
static void expect_names(const struct note *n, enum note_state state, json_t *names)
{
    size_t found = 0, distinct = 0;

    for (unsigned i = 0; i < n->n; i++) {
        bool again = false;
        for (unsigned j = 0; j < i; j++)
            again = again || (n->signature[j].id == n->signature[i].id &&
                              bytes_equal(n->signature[j].raw, n->signature[i].raw));
        if (n->signature[i].state != state || (state == NOTE_UNKNOWN && again))
            continue;
        distinct++;
        const char *name = json_string_value(json_array_get(names, found++));
        ck_assert_ptr_nonnull(name);
        ck_assert(bytes_equal(n->signature[i].name, bytes_of_text(name)));
    }
    ck_assert_uint_eq(distinct, json_array_size(names));
}

START_TEST(notes_are_read_as_go_reads_them)
{
    json_t *cases = vectors_load("signed-note/notes.json"), *c;
    size_t i, j;

    ck_assert_uint_gt(json_array_size(cases), 8);
    json_array_foreach(cases, i, c)
    {
        struct note *n = arena_alloc(&arena, sizeof(*n));
        struct note_key keys[8];
        json_t *verifiers = json_object_get(c, "verifiers"), *v;
        json_array_foreach(verifiers, j, v) ck_assert_int_eq(
            note_key_decode(&keys[j], bytes_of_text(json_string_value(v))), ANJU_OK);
        enum anju_err err = note_parse(n, note_of(c), &arena);
        if (err == ANJU_OK)
            err = note_verify(n, keys, json_array_size(verifiers));
        const char *expect = vectors_text(c, "expect"), *words = words_of(err);
        ck_assert_msg(strncmp(expect, words, strlen(words)) == 0, "%s: %s, not %s",
                      vectors_text(c, "id"), words, expect);
        if (json_is_array(json_object_get(c, "verified"))) {
            expect_names(n, NOTE_VERIFIED, json_object_get(c, "verified"));
            expect_names(n, NOTE_UNKNOWN, json_object_get(c, "unverified"));
        }
    }
    json_decref(cases);
}
END_TEST

static enum anju_err decode_any(bool secret, struct bytes text)
{
    struct note_key key;
    uint8_t seed[32];

    return secret ? note_secret_decode(&key, seed, text) : note_key_decode(&key, text);
}

static void mangle(bool secret, const char *text)
{
    size_t size = strlen(text);
    char *copy = anju_strdup(text);

    ck_assert_int_eq(decode_any(secret, bytes_of_text(text)), ANJU_OK);
    for (size_t i = 0; i < size; i++)
        for (size_t j = i; j <= size; j++)
            if (j - i < size)
                ck_assert_int_ne(decode_any(secret, bytes_of(text + i, j - i)), ANJU_OK);
    for (size_t i = 0; i < size; i++) {
        copy[i]++;
        ck_assert_msg(decode_any(secret, bytes_of_text(copy)) != ANJU_OK, "%s", copy);
        copy[i]--;
    }
    free(copy);
}

/* A key is a whole text or none: its id covers its name, its type and every bit of it. */
START_TEST(every_piece_and_every_change_of_a_key_is_refused)
{
    json_t *k = vectors_load("signed-note/keys.json"), *v;
    size_t i;

    json_array_foreach(vectors_array(k, "good_verifier_keys"), i, v)
    {
        struct note_key key;
        struct writer w = {0};
        mangle(false, json_string_value(v));
        ck_assert_int_eq(note_key_decode(&key, bytes_of_text(json_string_value(v))), ANJU_OK);
        note_key_encode(&w, &key);
        ck_assert(bytes_equal(writer_view(&w), bytes_of_text(json_string_value(v))));
        writer_free(&w);
    }
    json_array_foreach(vectors_array(k, "good_signer_keys"), i, v)
        mangle(true, json_string_value(v));
    json_array_foreach(vectors_array(k, "bad_verifier_keys"), i, v)
        ck_assert_int_ne(decode_any(false, bytes_of_text(json_string_value(v))), ANJU_OK);
    json_decref(k);
}
END_TEST

START_TEST(signing_gives_the_bytes_of_the_go_implementation)
{
    json_t *k = vectors_load("signed-note/keys.json"), *c;
    struct note_key key;
    uint8_t seed[32];
    size_t i;

    json_array_foreach(vectors_array(k, "sign"), i, c)
    {
        struct bytes text = bytes_of_text(vectors_text(c, "text"));
        struct writer w = {0};
        ck_assert_int_eq(note_secret_decode(&key, seed, bytes_of_text(vectors_text(c, "signer"))),
                         ANJU_OK);
        writer_bytes(&w, text);
        writer_u8(&w, '\n');
        ck_assert_int_eq(note_sign(&w, &key, seed, text), ANJU_OK);
        ck_assert(bytes_equal(writer_view(&w), bytes_of_text(vectors_text(c, "want"))));
        writer_free(&w);
    }
    json_array_foreach(vectors_array(k, "sign_errors"), i, c)
    {
        struct writer w = {0};
        json_t *name = json_object_get(c, "existing_signature_name");
        if (name != NULL)
            ck_assert(!note_name_is_good(bytes_of_text(json_string_value(name))));
        else
            ck_assert_int_eq(note_sign(&w, &key, seed, bytes_of_text(vectors_text(c, "text"))),
                             ANJU_ERR_MALFORMED);
        writer_free(&w);
    }
    json_decref(k);
}
END_TEST

START_TEST(checkpoints_of_the_specifications_are_read_and_written)
{
    json_t *file = vectors_load("signed-note/checkpoints.json"), *c, *s;
    size_t i, j;

    json_array_foreach(vectors_array(file, "parse_ok"), i, c)
    {
        struct note *n = arena_alloc(&arena, sizeof(*n));
        struct checkpoint at;
        struct writer w = {0};
        ck_assert_int_eq(note_parse(n, note_of(c), &arena), ANJU_OK);
        if (json_is_false(json_object_get(c, "is_checkpoint"))) {
            ck_assert_int_eq(checkpoint_parse(&at, n->text), ANJU_ERR_MALFORMED);
            continue;
        }
        ck_assert_int_eq(checkpoint_parse(&at, n->text), ANJU_OK);
        ck_assert(bytes_equal(at.origin, bytes_of_text(vectors_text(c, "origin"))));
        ck_assert_uint_eq(at.size, vectors_u64(c, "size"));
        checkpoint_text(&w, vectors_text(c, "origin"), at.size, &at.root);
        ck_assert(bytes_equal(writer_view(&w), n->text));
        json_array_foreach(vectors_array(c, "signers"), j, s)
            ck_assert(bytes_equal(n->signature[j].name, bytes_of_text(json_string_value(s))));
        ck_assert_uint_eq(j, n->n);
        if (json_object_get(c, "cosigned_message") != NULL) {
            uint64_t time = vectors_u64(c, "cosignature_timestamp");
            ck_assert_uint_eq(get_u64(n->signature[1].raw.data), time);
            writer_clear(&w);
            note_cosign_message(&w, time, n->text);
            ck_assert(
                bytes_equal(writer_view(&w), bytes_of_text(vectors_text(c, "cosigned_message"))));
        }
        writer_free(&w);
    }
    json_decref(file);
}
END_TEST

START_TEST(what_is_no_checkpoint_is_refused)
{
    static const char *const BAD[] = {
        "",
        "o\n",
        "o\n1\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n18446744073709551616\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nx\n",
        "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nx"};
    struct checkpoint at;

    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        ck_assert_msg(checkpoint_parse(&at, bytes_of_text(BAD[i])) == ANJU_ERR_MALFORMED,
                      "case %zu", i);
    ck_assert_int_eq(
        checkpoint_parse(
            &at,
            bytes_of_text(
                "o\n18446744073709551615\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nmore\n")),
        ANJU_OK);
    ck_assert_uint_eq(at.size, UINT64_MAX);
    ck_assert(bytes_equal(at.extensions, bytes_of_text("more\n")));
}
END_TEST

/* One key under two names or types has two ids; a cosignature is of its time, and no note
 * signature. */
START_TEST(a_cosignature_is_bound_to_its_time_text_and_type)
{
    uint8_t secret[32] = {7}, key[32], raw[NOTE_COSIGNATURE_SIZE];
    struct note_key k[2];
    struct writer w = {0};
    struct note *n = arena_alloc(&arena, sizeof(*n));

    ck_assert_int_eq(crypto_ed25519_key_of(key, secret), ANJU_OK);
    note_key_make(&k[0], "witness.example", NOTE_COSIGNATURE, key);
    note_key_make(&k[1], "witness.example", NOTE_ED25519, key);
    ck_assert_uint_ne(k[0].id, k[1].id);
    checkpoint_text(&w, "log.example", 5, &CRYPTO_ZERO_HASH);
    struct bytes text = arena_copy(&arena, writer_view(&w));
    put_u64(raw, 1700000000);
    ck_assert_int_eq(note_cosign(raw + 8, secret, 1700000000, text), ANJU_OK);
    writer_u8(&w, '\n');
    note_line(&w, &k[0], bytes_of(raw, sizeof(raw)));
    ck_assert_int_eq(note_parse(n, writer_view(&w), &arena), ANJU_OK);
    ck_assert_int_eq(note_verify(n, k, 2), ANJU_OK);
    ck_assert_uint_eq(n->signature[0].time_s, 1700000000);
    ck_assert_int_eq(note_verify(n, &k[1], 1), ANJU_ERR_NOT_FOUND);
    ck_assert_int_eq(note_cosign_check(raw + 8, key, 1700000001, text), ANJU_ERR_MISMATCH);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t *other = anju_dup(text.data, text.size);
        other[i] ^= 1;
        ck_assert_int_eq(note_cosign_check(raw + 8, key, 1700000000, bytes_of(other, text.size)),
                         ANJU_ERR_MISMATCH);
        free(other);
    }
    writer_free(&w);
}
END_TEST

static void end(void)
{
    arena_free(&arena);
}

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("note");

    tcase_add_checked_fixture(c, NULL, end);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, notes_are_read_as_go_reads_them);
    tcase_add_test(c, every_piece_and_every_change_of_a_key_is_refused);
    tcase_add_test(c, signing_gives_the_bytes_of_the_go_implementation);
    tcase_add_test(c, checkpoints_of_the_specifications_are_read_and_written);
    tcase_add_test(c, what_is_no_checkpoint_is_refused);
    tcase_add_test(c, a_cosignature_is_bound_to_its_time_text_and_type);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("note", add_tests)
