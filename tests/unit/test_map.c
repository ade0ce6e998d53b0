/* The map against a tree computed from scratch, its versions, cold segments and proofs. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

#include "ledger/map.h"

enum { MODEL_MAX = 6000 };

/* All leaves, ascending by key: what the map must be equal to. */
static struct ledger_map_leaf model[MODEL_MAX];
static size_t model_count;
static uint64_t seed;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static void setup(void)
{
    seed = 88172645463325252u;
    model_count = 0;
}

/* Keys of a few days, day 0 among them, some of which differ only in their last bytes. */
static void random_key(struct ledger_map_key *out)
{
    static const uint16_t days[] = {0, 0, 1, 20000, 20001, 20002, 20003, 40000, 65535};

    for (size_t i = 0; i < sizeof(out->b); i += 8)
        put_u64(out->b + i, next());
    put_u16(out->b, days[next() % (sizeof(days) / sizeof(days[0]))]);
    if (next() % 16 == 0)
        memset(out->b + 2, (int)(next() % 2), 29);
}

static void random_leaf(struct ledger_map_leaf *out)
{
    random_key(&out->key);
    out->count = next() % 1000;
    out->live = next() % 5;
    memset(out->root.b, (int)(next() & 255), 32);
    memset(out->state.b, (int)(next() & 255), 32);
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct ledger_map_leaf *)a)->key.b,
                  ((const struct ledger_map_leaf *)b)->key.b, 32);
}

static size_t model_find(const struct ledger_map_key *key, bool *found)
{
    size_t i = 0;

    while (i < model_count && memcmp(model[i].key.b, key->b, 32) < 0)
        i++;
    *found = i < model_count && memcmp(model[i].key.b, key->b, 32) == 0;
    return i;
}

static void model_set(const struct ledger_map_leaf *leaf)
{
    bool found;
    const size_t i = model_find(&leaf->key, &found);

    if (!found) {
        ck_assert_uint_lt(model_count, MODEL_MAX);
        memmove(&model[i + 1], &model[i], (model_count - i) * sizeof(model[0]));
        model_count++;
    }
    model[i] = *leaf;
}

static unsigned bit(const struct ledger_map_key *k, unsigned depth)
{
    return (unsigned)k->b[depth / 8] >> (7 - depth % 8) & 1u;
}

static void hash_two(struct crypto_hash *out, const struct crypto_hash *l,
                     const struct crypto_hash *r)
{
    const uint8_t tag = 3;
    const struct bytes parts[] = {bytes_of(&tag, 1), crypto_hash_bytes(l), crypto_hash_bytes(r)};

    crypto_sha256_parts(out, parts, 3);
}

static void hash_leaf(struct crypto_hash *out, const struct ledger_map_leaf *leaf)
{
    struct writer w = {0};

    writer_u8(&w, 2);
    writer_put(&w, leaf->key.b, 32);
    writer_u64(&w, leaf->count);
    writer_u64(&w, leaf->live);
    writer_put(&w, leaf->root.b, 32);
    writer_put(&w, leaf->state.b, 32);
    crypto_sha256(out, writer_view(&w));
    writer_free(&w);
}

/* The definition, as docs/formats.md says it. */
static void root_of(struct crypto_hash *out, const struct ledger_map_leaf *leaves, size_t count,
                    unsigned depth)
{
    struct crypto_hash l, r;
    size_t split = 0;

    if (count == 0) {
        *out = CRYPTO_ZERO_HASH;
    } else if (count == 1) {
        hash_leaf(out, leaves);
    } else {
        while (split < count && bit(&leaves[split].key, depth) == 0)
            split++;
        root_of(&l, leaves, split, depth + 1);
        root_of(&r, leaves + split, count - split, depth + 1);
        hash_two(out, &l, &r);
    }
}

static void assert_root_is_model(const struct ledger_map *m)
{
    struct crypto_hash root, expected;

    ledger_map_root(&root, m);
    root_of(&expected, model, model_count, 0);
    ck_assert_mem_eq(root.b, expected.b, 32);
}

/* The segments that updates reported, ascending: what storage keeps. */
static struct ledger_map_segment stored[4096];
static size_t stored_count;

static void on_segment(void *ctx, const struct ledger_map_segment *s)
{
    size_t i = 0;

    (void)ctx;
    while (i < stored_count && stored[i].prefix < s->prefix)
        i++;
    if (i == stored_count || stored[i].prefix != s->prefix) {
        memmove(&stored[i + 1], &stored[i], (stored_count - i) * sizeof(stored[0]));
        stored_count++;
    }
    stored[i] = *s;
}

/* The newest version with `count` random changes, some to keys that are there; the model follows.
 */
static struct ledger_map *changed(struct ledger_map *m, size_t count)
{
    struct ledger_map_leaf *leaves = anju_alloc(count * sizeof(*leaves));
    struct ledger_map *after;
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        random_leaf(&leaves[i]);
        if (model_count > 0 && next() % 3 == 0)
            leaves[i].key = model[next() % model_count].key;
    }
    qsort(leaves, count, sizeof(*leaves), by_key);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || by_key(&leaves[n - 1], &leaves[i]) != 0)
            leaves[n++] = leaves[i];
    ck_assert_int_eq(ledger_map_update(&after, m, leaves, n, on_segment, NULL), ANJU_OK);
    for (size_t i = 0; i < n; i++)
        model_set(&leaves[i]);
    ledger_map_release(m);
    free(leaves);
    return after;
}

/* A loader over the model: what storage has. It can be told to lie. */
enum lie { TRUTH, FAIL, DROP_LAST, CHANGE_ONE, WRONG_ORDER, OTHER_SEGMENT };
struct store {
    size_t loads;
    enum lie lie;
};

static enum anju_err load(void *ctx, struct ledger_map_leaf **leaves, size_t *count,
                          const struct ledger_map_segment *segment)
{
    struct store *store = ctx;
    struct ledger_map_leaf *out = anju_alloc((model_count + 1) * sizeof(*out));
    size_t n = 0;

    store->loads++;
    *leaves = out;
    for (size_t i = 0; i < model_count; i++) {
        struct ledger_map_segment of;

        ledger_map_segment_of(&of, &model[i].key);
        if (of.prefix == segment->prefix && of.bits == segment->bits)
            out[n++] = model[i];
    }
    if (store->lie == FAIL)
        return anju_fail(ANJU_ERR_IO, "the disk is gone");
    if (store->lie == DROP_LAST)
        n--;
    if (store->lie == CHANGE_ONE)
        out[0].live++;
    if (store->lie == OTHER_SEGMENT)
        out[0].key.b[0] ^= 1;
    if (store->lie == WRONG_ORDER) {
        ck_assert_uint_gt(n, 1);
        const struct ledger_map_leaf first = out[0];
        out[0] = out[1];
        out[1] = first;
    }
    *count = n;
    return ANJU_OK;
}

START_TEST(a_subjects_key_begins_with_its_day_and_a_lists_with_zero)
{
    const struct ledger_subject_id id = {
        {0x4e, 0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}};
    struct writer w = {0};
    struct ledger_map_key key, other;
    struct crypto_hash hash;

    writer_put(&w, "anju/key/1", 11);
    writer_u8(&w, 1);
    writer_u16(&w, 7);
    writer_put(&w, id.b, 16);
    crypto_sha256(&hash, writer_view(&w));
    ledger_map_key_subject(&key, 7, &id);
    ck_assert_uint_eq(get_u16(key.b), 20000);
    ck_assert_mem_eq(key.b + 2, hash.b, 30);

    writer_clear(&w);
    writer_put(&w, "anju/key/1", 11);
    writer_u8(&w, 2);
    writer_u32(&w, 0); /* procedure 0, index 0 */
    writer_u8(&w, 1);
    writer_u8(&w, 1);
    writer_u16(&w, 8);
    writer_u64(&w, 70000);
    crypto_sha256(&hash, writer_view(&w));
    ledger_map_key_actor(&key, 70000);
    ck_assert_uint_eq(get_u16(key.b), 0);
    ck_assert_mem_eq(key.b + 2, hash.b, 30);
    ledger_map_key_chain(&other, bytes_of(w.data + 11, w.size - 11));
    ck_assert_mem_eq(key.b, other.b, 32);

    while (w.size < 1000) /* a long component takes the same way */
        writer_u8(&w, (uint8_t)w.size);
    crypto_sha256(&hash, writer_view(&w));
    ledger_map_key_chain(&other, bytes_of(w.data + 11, w.size - 11));
    ck_assert_mem_eq(other.b + 2, hash.b, 30);
    writer_free(&w);
}
END_TEST

START_TEST(an_empty_map_is_zeros_and_one_leaf_is_the_root)
{
    struct ledger_map *m = ledger_map_empty();
    struct crypto_hash root, leaf;

    ledger_map_root(&root, m);
    ck_assert(crypto_hash_is_zero(&root));
    m = changed(m, 1);
    ledger_map_root(&root, m);
    hash_leaf(&leaf, &model[0]);
    ck_assert_mem_eq(root.b, leaf.b, 32);
    ledger_map_leaf_hash(&root, &model[0]);
    ck_assert_mem_eq(root.b, leaf.b, 32);
    ledger_map_release(m);
}
END_TEST

/* Every shape on the way: from nothing over buckets of up to eight to trees. */
START_TEST(random_updates_give_the_root_of_a_tree_made_from_scratch)
{
    struct ledger_map *m = ledger_map_empty();

    for (int round = 0; round < 60; round++) {
        m = changed(m, 1 + next() % (round < 40 ? 4 : 200));
        assert_root_is_model(m);
    }
    ledger_map_release(m);
}
END_TEST

START_TEST(an_old_version_keeps_its_root_and_proofs_while_newer_ones_are_made)
{
    struct ledger_map *m = changed(ledger_map_empty(), 300);
    struct ledger_map *old = ledger_map_hold(m);
    struct ledger_map_key key = model[7].key;
    struct ledger_map_leaf was = model[7], leaf;
    struct crypto_hash root, again;
    struct writer proof = {0};
    bool found;

    ledger_map_root(&root, old);
    for (int round = 0; round < 20; round++)
        m = changed(m, 50);
    ledger_map_release(m);
    ledger_map_root(&again, old);
    ck_assert_mem_eq(root.b, again.b, 32);
    ck_assert_int_eq(ledger_map_prove(&proof, old, &key, 1), ANJU_OK);
    ck_assert_int_eq(ledger_map_check(&root, writer_view(&proof), &key, 1, &found, &leaf), ANJU_OK);
    ck_assert(found);
    ck_assert_mem_eq(&leaf, &was, sizeof(leaf));
    writer_free(&proof);
    ledger_map_release(old);
}
END_TEST

START_TEST(a_map_opened_cold_loads_only_the_segments_that_are_asked_for)
{
    struct store store = {0};
    struct ledger_map *m;
    struct ledger_map_leaf leaf;

    stored_count = 0;
    ledger_map_release(changed(ledger_map_empty(), 1500));
    m = ledger_map_open(stored, stored_count, load, &store);
    assert_root_is_model(m);
    ck_assert_uint_eq(store.loads, 0);
    leaf = model[model_count / 2];
    leaf.live++;
    for (int twice = 0; twice < 2; twice++) {
        struct ledger_map *after;

        ck_assert_int_eq(ledger_map_update(&after, m, &leaf, 1, on_segment, NULL), ANJU_OK);
        ledger_map_release(m);
        m = after;
        ck_assert_uint_eq(store.loads, 1);
    }
    model_set(&leaf);
    assert_root_is_model(m);
    for (int round = 0; round < 20; round++) {
        m = changed(m, 30);
        assert_root_is_model(m);
    }
    ledger_map_release(m);
}
END_TEST

/* What the last merge left alone may go; what was touched since must stay, for the store lacks it.
 */
START_TEST(trim_lets_untouched_segments_go_and_keeps_the_root)
{
    struct store store = {0};
    struct ledger_map *m, *trimmed;
    struct ledger_map_leaf leaf;

    stored_count = 0;
    m = ledger_map_open(NULL, 0, load, &store);
    m = changed(m, 1500);
    trimmed = ledger_map_trim(m); /* all were touched */
    ledger_map_release(m);
    leaf = model[model_count - 1];
    leaf.live++;
    model_set(&leaf);
    ck_assert_int_eq(ledger_map_update(&m, trimmed, &leaf, 1, on_segment, NULL), ANJU_OK);
    ck_assert_uint_eq(store.loads, 0);
    ledger_map_release(trimmed);
    trimmed = ledger_map_trim(m);
    ledger_map_release(m);
    assert_root_is_model(trimmed);
    ck_assert_int_eq(ledger_map_update(&m, trimmed, &leaf, 1, on_segment, NULL), ANJU_OK);
    ck_assert_uint_eq(store.loads, 0); /* the touched one is still there */
    ledger_map_release(trimmed);
    leaf = model[0]; /* of a segment that went */
    leaf.live++;
    ck_assert_int_eq(ledger_map_update(&trimmed, m, &leaf, 1, on_segment, NULL), ANJU_OK);
    ck_assert_uint_eq(store.loads, 1);
    model[0] = leaf;
    assert_root_is_model(trimmed);
    ledger_map_release(trimmed);
    ledger_map_release(m);
}
END_TEST

START_TEST(leaves_that_do_not_have_their_segments_hash_are_refused)
{
    static const struct {
        enum lie lie;
        enum anju_err err;
    } lies[] = {{FAIL, ANJU_ERR_IO},
                {DROP_LAST, ANJU_ERR_CORRUPT},
                {CHANGE_ONE, ANJU_ERR_CORRUPT},
                {WRONG_ORDER, ANJU_ERR_CORRUPT},
                {OTHER_SEGMENT, ANJU_ERR_CORRUPT}};
    struct store store = {0};
    struct ledger_map *m, *after = NULL;
    struct writer proof = {0};

    stored_count = 0;
    ledger_map_release(changed(ledger_map_empty(), 1500));
    m = ledger_map_open(stored, stored_count, load, &store);
    writer_u8(&proof, 77);
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        store.lie = lies[i].lie;
        ck_assert_int_eq(ledger_map_update(&after, m, &model[model_count - 1], 1, NULL, NULL),
                         lies[i].err);
        ck_assert_int_eq(ledger_map_prove(&proof, m, &model[model_count - 1].key, 1), lies[i].err);
        ck_assert_uint_eq(proof.size, 1);
        ck_assert_uint_gt(strlen(anju_err_text()), 0);
    }
    store.lie = TRUTH;
    ck_assert_int_eq(ledger_map_prove(&proof, m, &model[model_count - 1].key, 1), ANJU_OK);
    writer_free(&proof);
    ledger_map_release(m);
}
END_TEST

/* Keys that are there and keys that are not, together, against the model. */
static size_t ask(struct ledger_map_key *keys, size_t max)
{
    struct ledger_map_leaf *leaves = anju_alloc(max * sizeof(*leaves));
    const size_t count = next() % (max + 1);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        random_key(&leaves[i].key);
        if (model_count > 0 && next() % 2 == 0)
            leaves[i].key = model[next() % model_count].key;
        if (next() % 4 == 0)
            leaves[i].key.b[31] ^= 1; /* a near neighbour */
    }
    qsort(leaves, count, sizeof(*leaves), by_key);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || memcmp(keys[n - 1].b, leaves[i].key.b, 32) != 0)
            keys[n++] = leaves[i].key;
    free(leaves);
    return n;
}

START_TEST(proofs_of_many_keys_say_what_is_there_and_what_never_was)
{
    struct ledger_map *m = ledger_map_empty();
    struct ledger_map_key keys[40];
    struct ledger_map_leaf leaves[40];
    bool found[40];
    struct crypto_hash root;
    struct writer proof = {0};

    for (int round = 0; round < 150; round++) {
        const size_t n = ask(keys, 40);

        ledger_map_root(&root, m);
        writer_clear(&proof);
        ck_assert_int_eq(ledger_map_prove(&proof, m, keys, n), ANJU_OK);
        ck_assert_int_eq(ledger_map_check(&root, writer_view(&proof), keys, n, found, leaves),
                         ANJU_OK);
        for (size_t i = 0; i < n; i++) {
            bool there;
            const size_t at = model_find(&keys[i], &there);

            ck_assert_int_eq(found[i], there);
            if (there)
                ck_assert_mem_eq(&leaves[i], &model[at], sizeof(leaves[i]));
        }
        m = changed(m, 1 + next() % (round < 100 ? 2 : 30));
    }
    writer_free(&proof);
    ledger_map_release(m);
}
END_TEST

START_TEST(a_proof_with_any_bit_changed_is_refused)
{
    struct ledger_map *m = changed(ledger_map_empty(), 400);
    struct ledger_map_key keys[6];
    struct ledger_map_leaf leaves[6];
    struct crypto_hash root;
    struct writer proof = {0};
    bool found[6];
    size_t n;

    do
        n = ask(keys, 6);
    while (n < 4);
    ledger_map_root(&root, m);
    ck_assert_int_eq(ledger_map_prove(&proof, m, keys, n), ANJU_OK);
    for (size_t i = 0; i < proof.size * 8; i++) {
        proof.data[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_assert_int_ne(ledger_map_check(&root, writer_view(&proof), keys, n, found, leaves),
                         ANJU_OK);
        for (size_t k = 0; k < n; k++)
            ck_assert(!found[k]);
        proof.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t size = 0; size < proof.size; size++)
        ck_assert_int_ne(
            ledger_map_check(&root, bytes_of(proof.data, size), keys, n, found, leaves), ANJU_OK);
    writer_u8(&proof, 0);
    ck_assert_int_eq(ledger_map_check(&root, writer_view(&proof), keys, n, found, leaves),
                     ANJU_ERR_MALFORMED);
    proof.size--;
    ck_assert_int_eq(ledger_map_check(&root, writer_view(&proof), keys, n, found, leaves), ANJU_OK);
    /* A proof of other keys, or for another root. */
    ck_assert_int_ne(ledger_map_check(&root, writer_view(&proof), keys + 1, n - 1, found, leaves),
                     ANJU_OK);
    root.b[0] ^= 1;
    ck_assert_int_eq(ledger_map_check(&root, writer_view(&proof), keys, n, found, leaves),
                     ANJU_ERR_MISMATCH);
    writer_free(&proof);
    ledger_map_release(m);
}
END_TEST

/* Streams by hand, each with the root that it leads to: only the form can refuse them. */
static void put_leaf(struct writer *w, const struct ledger_map_leaf *leaf)
{
    writer_u8(w, 2);
    writer_put(w, leaf->key.b, 32);
    writer_u64(w, leaf->count);
    writer_u64(w, leaf->live);
    writer_put(w, leaf->root.b, 32);
    writer_put(w, leaf->state.b, 32);
}

static enum anju_err check_one(struct writer *w, const struct crypto_hash *root,
                               const struct ledger_map_key *key, bool *found)
{
    struct ledger_map_leaf leaf;
    const enum anju_err err = ledger_map_check(root, writer_view(w), key, 1, found, &leaf);

    writer_clear(w);
    return err;
}

START_TEST(a_lying_prover_with_a_root_of_its_own_is_refused_for_the_form)
{
    struct ledger_map_leaf low = {.count = 1}, high = {.count = 2};
    struct crypto_hash low_hash, high_hash, zero = CRYPTO_ZERO_HASH, root;
    struct writer w = {0};
    bool found;

    low.key.b[0] = 0x01;
    high.key.b[0] = 0x81;
    hash_leaf(&low_hash, &low);
    hash_leaf(&high_hash, &high);
    hash_two(&root, &low_hash, &high_hash);

    /* The honest form first, so that what follows is refused for one thing only. */
    writer_u8(&w, 3);
    put_leaf(&w, &low);
    writer_u8(&w, 1);
    writer_put(&w, high_hash.b, 32);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_OK);
    ck_assert(found);

    /* The asked key hidden behind a hash. */
    writer_u8(&w, 1);
    writer_put(&w, root.b, 32);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);

    /* More shown than asked. */
    writer_u8(&w, 3);
    put_leaf(&w, &low);
    put_leaf(&w, &high);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);

    /* A leaf in a place that its key does not lead to, to prove another's absence. */
    hash_two(&root, &high_hash, &low_hash);
    writer_u8(&w, 3);
    put_leaf(&w, &high);
    writer_u8(&w, 1);
    writer_put(&w, low_hash.b, 32);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);

    /* A lone leaf below an inner node, on either side; two empty halves. */
    hash_two(&root, &low_hash, &zero);
    writer_u8(&w, 3);
    put_leaf(&w, &low);
    writer_u8(&w, 0);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);
    hash_two(&root, &zero, &high_hash);
    writer_u8(&w, 3);
    writer_u8(&w, 0);
    put_leaf(&w, &high);
    ck_assert_int_eq(check_one(&w, &root, &high.key, &found), ANJU_ERR_MALFORMED);
    hash_two(&root, &zero, &zero);
    writer_u8(&w, 3);
    writer_u8(&w, 0);
    writer_u8(&w, 0);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);

    /* An empty half in the clothes of a hash. */
    hash_two(&root, &low_hash, &zero);
    writer_u8(&w, 3);
    put_leaf(&w, &low);
    writer_u8(&w, 1);
    writer_put(&w, zero.b, 32);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);

    /* An unknown tag; deeper than the keys are long. */
    writer_u8(&w, 4);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);
    for (int i = 0; i < 300; i++)
        writer_u8(&w, 3);
    ck_assert_int_eq(check_one(&w, &root, &low.key, &found), ANJU_ERR_MALFORMED);

    /* Absence at the root of an empty map. */
    writer_u8(&w, 0);
    ck_assert_int_eq(check_one(&w, &zero, &low.key, &found), ANJU_OK);
    ck_assert(!found);
    writer_free(&w);
}
END_TEST

START_TEST(a_reader_proves_cold_keys_with_its_own_loader)
{
    struct store owners = {.lie = CHANGE_ONE}, own = {0};
    struct ledger_map *m;
    struct ledger_map_leaf leaf;
    struct crypto_hash root;
    struct writer proof = {0};
    bool found;

    stored_count = 0;
    ledger_map_release(changed(ledger_map_empty(), 800));
    m = ledger_map_open(stored, stored_count, load, &owners);
    ck_assert_int_eq(ledger_map_prove(&proof, m, &model[3].key, 1), ANJU_ERR_CORRUPT);
    ck_assert_int_eq(ledger_map_prove_with(&proof, m, &model[3].key, 1, load, &own), ANJU_OK);
    ledger_map_root(&root, m);
    ck_assert_int_eq(ledger_map_check(&root, writer_view(&proof), &model[3].key, 1, &found, &leaf),
                     ANJU_OK);
    ck_assert(found);
    writer_free(&proof);
    ledger_map_release(m);
}
END_TEST

/* Readers bring the same cold segments at once, while newer versions are made. */
static enum anju_err load_still(void *ctx, struct ledger_map_leaf **leaves, size_t *count,
                                const struct ledger_map_segment *segment)
{
    struct store own = {0};

    (void)ctx;
    return load(&own, leaves, count, segment);
}

static void *prove_all(void *ctx)
{
    struct ledger_map *m = ctx;
    struct writer proof = {0};
    struct crypto_hash root;
    size_t wrong = 0;

    ledger_map_root(&root, m);
    for (size_t i = 0; i < model_count; i += 7) {
        struct ledger_map_leaf leaf;
        bool found;

        writer_clear(&proof);
        if (ledger_map_prove(&proof, m, &model[i].key, 1) != ANJU_OK ||
            ledger_map_check(&root, writer_view(&proof), &model[i].key, 1, &found, &leaf) !=
                ANJU_OK ||
            !found)
            wrong++;
    }
    writer_free(&proof);
    ledger_map_release(m);
    return (void *)(uintptr_t)wrong;
}

START_TEST(readers_on_other_threads_prove_while_versions_are_made_and_let_go)
{
    struct ledger_map *m;
    struct ledger_map_leaf leaf;
    pthread_t readers[3];

    stored_count = 0;
    ledger_map_release(changed(ledger_map_empty(), 900));
    m = ledger_map_open(stored, stored_count, load_still, NULL);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&readers[i], NULL, prove_all, ledger_map_hold(m)), 0);
    for (size_t i = 0; i < 200; i++) {
        struct ledger_map *after, *trimmed;

        leaf = model[i * 4];
        leaf.live += i;
        ck_assert_int_eq(ledger_map_update(&after, m, &leaf, 1, NULL, NULL), ANJU_OK);
        trimmed = ledger_map_trim(after); /* keeps all that was just touched */
        ledger_map_release(trimmed);
        ledger_map_release(after);
    }
    ledger_map_release(m);
    for (size_t i = 0; i < 3; i++) {
        void *wrong;

        ck_assert_int_eq(pthread_join(readers[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("map");

    tcase_add_checked_fixture(c, setup, NULL);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_subjects_key_begins_with_its_day_and_a_lists_with_zero);
    tcase_add_test(c, an_empty_map_is_zeros_and_one_leaf_is_the_root);
    tcase_add_test(c, random_updates_give_the_root_of_a_tree_made_from_scratch);
    tcase_add_test(c, an_old_version_keeps_its_root_and_proofs_while_newer_ones_are_made);
    tcase_add_test(c, a_map_opened_cold_loads_only_the_segments_that_are_asked_for);
    tcase_add_test(c, trim_lets_untouched_segments_go_and_keeps_the_root);
    tcase_add_test(c, leaves_that_do_not_have_their_segments_hash_are_refused);
    tcase_add_test(c, proofs_of_many_keys_say_what_is_there_and_what_never_was);
    tcase_add_test(c, a_proof_with_any_bit_changed_is_refused);
    tcase_add_test(c, a_lying_prover_with_a_root_of_its_own_is_refused_for_the_form);
    tcase_add_test(c, a_reader_proves_cold_keys_with_its_own_loader);
    tcase_add_test(c, readers_on_other_threads_prove_while_versions_are_made_and_let_go);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("map", add_tests)
