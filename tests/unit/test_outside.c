/* The forms of other systems: kept checkpoints, the policy, proofs, COSE receipts, and cosigning
 * among nodes. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cosign.h"
#include "node/frames.h"
#include "rpc/outside.h"
#include "rpc/policy.h"
#include "rpc/tiles.h"
#include "storage/file.h"
#include "tests/unit/fixture.h"
#include "tests/unit/unit.h"

static char dir[64];
static struct arena arena;

static void begin(void)
{
    strcpy(dir, "/tmp/anju-outside-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void end(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
    arena_free(&arena);
}

/* ---- Kept checkpoints ---- */

static struct kept_checkpoint kept(uint64_t height, uint64_t time_ms, unsigned cosignatures)
{
    struct kept_checkpoint k = {.height = height,
                                .size = 10 * height,
                                .time_ms = time_ms,
                                .has_log_sig = true,
                                .n = (uint8_t)cosignatures};

    k.root.b[0] = (uint8_t)height;
    for (unsigned i = 0; i < cosignatures; i++) {
        k.by[i].node.b[0] = (uint8_t)(i + 1);
        k.by[i].time_s = time_ms / 1000 + i;
        k.by[i].ed25519[3] = (uint8_t)height;
    }
    return k;
}

static struct checkpoints *reopen(struct checkpoints *c)
{
    checkpoints_close(c);
    ck_assert_int_eq(checkpoints_open(&c, dir, false), ANJU_OK);
    return c;
}

START_TEST(checkpoints_are_found_by_height_size_and_quorum_before_and_after_a_restart)
{
    struct checkpoints *c = NULL;
    struct kept_checkpoint k;

    ck_assert_int_eq(checkpoints_open(&c, dir, false), ANJU_OK);
    ck_assert_int_eq(checkpoints_newest(c, &k, 0), ANJU_ERR_NOT_FOUND);
    for (uint64_t h = 1; h <= 20; h++) {
        struct kept_checkpoint one = kept(h, 1000 * h, h % 2 == 0 ? 3 : 1);
        ck_assert_int_eq(checkpoints_add(c, &one), ANJU_OK);
    }
    for (int round = 0; round < 2; round++) {
        for (uint64_t h = 1; h <= 20; h++) {
            struct kept_checkpoint want = kept(h, 1000 * h, h % 2 == 0 ? 3 : 1);
            ck_assert_int_eq(checkpoints_at(c, &k, h), ANJU_OK);
            ck_assert_uint_eq(k.n, want.n);
            ck_assert_mem_eq(&k.root, &want.root, sizeof(k.root));
            ck_assert_mem_eq(k.by, want.by, want.n * sizeof(want.by[0]));
        }
        ck_assert_int_eq(checkpoints_at(c, &k, 21), ANJU_ERR_NOT_FOUND);
        ck_assert_int_eq(checkpoints_covering(c, &k, 31, 3), ANJU_OK);
        ck_assert_uint_eq(k.height, 4);
        ck_assert_int_eq(checkpoints_covering(c, &k, 41, 3), ANJU_OK);
        ck_assert_uint_eq(k.height, 6);
        ck_assert_int_eq(checkpoints_covering(c, &k, 195, 0), ANJU_OK);
        ck_assert_uint_eq(k.height, 20);
        ck_assert_int_eq(checkpoints_covering(c, &k, 201, 0), ANJU_ERR_NOT_FOUND);
        ck_assert_int_eq(checkpoints_newest(c, &k, 3), ANJU_OK);
        ck_assert_uint_eq(k.height, 20);
        ck_assert_int_eq(checkpoints_newest(c, &k, 4), ANJU_ERR_NOT_FOUND);
        c = reopen(c);
    }
    checkpoints_close(c);
}
END_TEST

START_TEST(a_cosignature_counts_once_and_only_while_its_checkpoint_is_open)
{
    struct checkpoints *c = NULL;
    struct kept_checkpoint k = kept(1, 1000, 0);
    struct kept_cosignature by = {.time_s = 1};

    ck_assert_int_eq(checkpoints_open(&c, dir, false), ANJU_OK);
    ck_assert_int_eq(checkpoints_add(c, &k), ANJU_OK);
    ck_assert(checkpoints_cosign(c, 1, &by));
    ck_assert(!checkpoints_cosign(c, 1, &by));
    ck_assert(!checkpoints_cosign(c, 2, &by));
    for (uint64_t h = 2; h <= 1 + CHECKPOINTS_OPEN; h++) {
        k = kept(h, 1000 * h, 0);
        ck_assert_int_eq(checkpoints_add(c, &k), ANJU_OK);
    }
    by.node.b[0] = 9;
    ck_assert(!checkpoints_cosign(c, 1, &by));
    ck_assert_int_eq(checkpoints_at(c, &k, 1), ANJU_OK);
    ck_assert_uint_eq(k.n, 1);
    checkpoints_close(c);
}
END_TEST

/* A day at full detail, then one an hour: the one with the most cosignatures, the first among
 * equals. */
START_TEST(after_a_day_one_checkpoint_an_hour_is_left)
{
    const uint64_t hour = 3600 * 1000;
    struct checkpoints *c = NULL;
    struct kept_checkpoint k;
    uint64_t left = 0;

    ck_assert_int_eq(checkpoints_open(&c, dir, false), ANJU_OK);
    for (uint64_t h = 1; h <= 60; h++) {
        k = kept(h, h * hour / 2, h % 2 == 1 ? 3 : 2); /* two an hour, 30 hours */
        ck_assert_int_eq(checkpoints_add(c, &k), ANJU_OK);
    }
    c = reopen(c);
    for (uint64_t h = 1; h <= 60; h++) {
        enum anju_err err = checkpoints_at(c, &k, h);
        bool old = h / 2 < 30 - CHECKPOINTS_HOURS;
        ck_assert_int_eq(err, old && h % 2 == 0 ? ANJU_ERR_NOT_FOUND : ANJU_OK);
        left += err == ANJU_OK;
    }
    ck_assert_uint_gt(left, 50);
    checkpoints_close(c);
}
END_TEST

/* What a crash left half written, or a bad disk changed, is left out; the rest is there and grows
 * on. */
START_TEST(a_cut_or_damaged_file_loses_its_tail_alone)
{
    struct checkpoints *c = NULL;
    struct kept_checkpoint k;
    char path[128];
    struct stat st;

    for (int how = 0; how < 2; how++) {
        ck_assert_int_eq(checkpoints_open(&c, dir, false), ANJU_OK);
        for (uint64_t h = 1; h <= 6; h++) {
            k = kept(10 * (uint64_t)how + h, 1000 * h, 2);
            ck_assert_int_eq(checkpoints_add(c, &k), ANJU_OK);
        }
        checkpoints_close(c);
        snprintf(path, sizeof(path), "%s/checkpoints/0", dir);
        ck_assert_int_eq(stat(path, &st), 0);
        if (how == 0)
            ck_assert_int_eq(truncate(path, st.st_size - 1), 0);
        else {
            FILE *f = fopen(path, "r+");
            ck_assert_ptr_nonnull(f);
            ck_assert_int_eq(fseek(f, -5, SEEK_END), 0);
            fputc(fgetc(f) ^ 1, f);
            ck_assert_int_eq(fseek(f, -5, SEEK_END), 0);
            fputc('x', f);
            fclose(f);
        }
        ck_assert_int_eq(checkpoints_open(&c, dir, false), ANJU_OK);
        ck_assert_int_eq(checkpoints_at(c, &k, 10 * (uint64_t)how + 6), ANJU_ERR_NOT_FOUND);
        ck_assert_int_eq(checkpoints_at(c, &k, 10 * (uint64_t)how + 5), ANJU_OK);
        checkpoints_close(c);
    }
}
END_TEST

/* ---- Notes, policy, proofs ---- */

static struct fixture fixture;

static const struct ledger_set *set_of(void)
{
    return &fixture.registry->set;
}

START_TEST(the_policy_lists_all_keys_and_asks_for_a_quorum)
{
    struct writer w = {0};
    char want[64];

    fixture_init(&fixture, 4, NULL, 0);
    outside_policy(&w, "log.example", set_of());
    writer_u8(&w, 0);
    const char *text = (const char *)w.data;
    for (unsigned i = 0; i < set_of()->n; i++) {
        struct note_key key;
        struct writer line = {0};
        outside_cosign_key(&key, "log.example", &set_of()->node[i]);
        note_key_encode(&line, &key);
        writer_u8(&line, 0);
        ck_assert_ptr_nonnull(strstr(text, (char *)line.data));
        writer_free(&line);
    }
    snprintf(want, sizeof(want), "group validators %u v0", ledger_set_quorum(set_of()));
    ck_assert_ptr_nonnull(strstr(text, want));
    ck_assert_ptr_nonnull(strstr(text, "\nquorum validators\n"));
    writer_free(&w);
    fixture_deinit(&fixture);
}
END_TEST

START_TEST(a_tlog_proof_has_one_text_and_every_cut_is_refused)
{
    struct tlog_proof p = {.extra = bytes_of_text("entry"), .index = 12, .path = {.n = 2}}, back;
    struct writer w = {0};

    p.path.hash[1].b[5] = 7;
    p.note = bytes_of_text("o\n1\nroot\n\n\xe2\x80\x94 x AAAAAAA=\n");
    tlog_proof_encode(&w, &p);
    ck_assert_int_eq(tlog_proof_decode(&back, writer_view(&w), &arena), ANJU_OK);
    ck_assert_uint_eq(back.index, 12);
    ck_assert(bytes_equal(back.extra, p.extra) && bytes_equal(back.note, p.note));
    ck_assert_mem_eq(&back.path.hash[1], &p.path.hash[1], 32);
    for (size_t n = 0; n < w.size - p.note.size; n++)
        ck_assert_int_eq(tlog_proof_decode(&back, bytes_of(w.data, n), &arena), ANJU_ERR_MALFORMED);
    static const char *const BAD[] = {
        "c2sp.org/tlog-proof@v1\nindex 01\n\nx\n", "c2sp.org/tlog-proof@v2\nindex 1\n\nx\n",
        "c2sp.org/tlog-proof@v1\nextra \nindex 1\n\nx\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx\n", "c2sp.org/tlog-proof@v1\nindex 1\n\n"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        ck_assert_int_eq(tlog_proof_decode(&back, bytes_of_text(BAD[i]), &arena),
                         ANJU_ERR_MALFORMED);
    writer_free(&w);
}
END_TEST

START_TEST(cose_receipts_have_one_encoding_and_every_change_is_seen)
{
    struct cose_file f = {.size = 70000, .index = 300, .path = {.n = 3}, .n = 2}, back;
    struct writer w = {0};

    for (unsigned i = 0; i < 3; i++)
        f.path.hash[i].b[0] = (uint8_t)i;
    f.receipt[0].node.b[1] = 1;
    f.receipt[1].sig.b[2] = 2;
    cose_file_encode(&w, &f, "log.example");
    ck_assert_int_eq(cose_file_decode(&back, writer_view(&w), "log.example"), ANJU_OK);
    ck_assert_mem_eq(&back, &f, sizeof(f));
    ck_assert_int_eq(cose_file_decode(&back, writer_view(&w), "log.other12"), ANJU_ERR_MALFORMED);
    for (size_t n = 0; n < w.size; n++) {
        ck_assert_int_ne(cose_file_decode(&back, bytes_of(w.data, n), "log.example"), ANJU_OK);
        for (unsigned bit = 0; bit < 8; bit++) {
            w.data[n] ^= (uint8_t)(1u << bit);
            if (cose_file_decode(&back, writer_view(&w), "log.example") == ANJU_OK)
                ck_assert_int_ne(memcmp(&back, &f, sizeof(f)), 0);
            w.data[n] ^= (uint8_t)(1u << bit);
        }
    }
    writer_free(&w);
}
END_TEST

/* The bytes that an ES256K signer of another library is given (computed by hand from RFC 9052 4.4).
 */
START_TEST(the_root_is_signed_as_rfc_9052_lays_it_out)
{
    static const char HEX[] =
        "846a5369676e617475726531" /* ["Signature1", */
        "5842"                     /* bstr of 66 */
        "a501382e0458200100000000000000000000000000000000000000000000000000000000000000" /* {1: -47,
                                                                                            4: kid,
                                                                                          */
        "0fa1016b6c6f672e6578616d706c65" /* 15: {1: "log.example"}, */
        "19018b01"                       /* 395: 1, */
        "6473697a6519012c"               /* "size": 300} */
        "40"                             /* h'', */
        "58200200000000000000000000000000000000000000000000000000000000000000"; /* root] */
    uint8_t raw[(sizeof(HEX) - 1) / 2];
    struct crypto_hash node = {{1}}, root = {{2}}, want, got;

    ck_assert_int_eq(hex_decode(raw, sizeof(raw), HEX), ANJU_OK);
    crypto_sha256(&want, bytes_of(raw, sizeof(raw)));
    cose_root_digest(&got, &node, "log.example", 300, &root);
    ck_assert_mem_eq(&got, &want, 32);
}
END_TEST

START_TEST(tile_paths_have_one_text)
{
    static const struct {
        const char *text;
        struct tile tile;
    } GOOD[] = {{"0/000", {0, 0, 256}},
                {"0/x001/x234/067", {0, 1234067, 256}},
                {"1/000.p/1", {1, 0, 1}},
                {"entries/999.p/255", {TILE_ENTRIES, 999, 255}},
                {"entries/x001/000", {TILE_ENTRIES, 1000, 256}}};
    static const char *const BAD[] = {"",
                                      "0",
                                      "0/",
                                      "0/0",
                                      "0/00",
                                      "0/x000/000",
                                      "0/1234",
                                      "00/000",
                                      "8/000",
                                      "0/000.p/0",
                                      "0/000.p/256",
                                      "0/000.p/01",
                                      "0/000/",
                                      "0/x001/x002",
                                      "entries",
                                      "entries/x",
                                      "0/000.p/",
                                      "-1/000",
                                      "0/x999/x999/x999/x999/x999/x999/x999/999"};
    char text[TILE_PATH_SIZE];
    struct tile t;

    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        ck_assert_int_eq(tile_path_parse(&t, bytes_of_text(GOOD[i].text)), ANJU_OK);
        ck_assert_int_eq(t.level, GOOD[i].tile.level);
        ck_assert_uint_eq(t.index, GOOD[i].tile.index);
        ck_assert_uint_eq(t.width, GOOD[i].tile.width);
        tile_path(text, &t);
        ck_assert_str_eq(text, GOOD[i].text);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
        ck_assert_msg(tile_path_parse(&t, bytes_of_text(BAD[i])) != ANJU_OK, "%s", BAD[i]);
    /* C2SP's example: 70,000 entries. */
    ck_assert_uint_eq(tile_width(0, 272, 70000), 256);
    ck_assert_uint_eq(tile_width(0, 273, 70000), 112);
    ck_assert_uint_eq(tile_width(1, 0, 70000), 256);
    ck_assert_uint_eq(tile_width(1, 1, 70000), 17);
    ck_assert_uint_eq(tile_width(2, 0, 70000), 1);
    ck_assert_uint_eq(tile_width(2, 1, 70000), 0);
    ck_assert_uint_eq(tile_width(0, UINT64_MAX, 70000), 0);
}
END_TEST

/* ---- Cosigning: four nodes on a wire of their own ---- */

enum { NODES = 4, WIRE_MAX = 64 };
static struct cosign *nodes[NODES];
static struct {
    int from, to;
    uint8_t body[FRAME_COSIGN_SIZE];
    size_t size;
} wire[WIRE_MAX];
static unsigned wired;
static uint64_t clock_ms;

static uint64_t now(void)
{
    return clock_ms;
}

static bool send_to(void *ctx, int peer, struct bytes body)
{
    ck_assert_uint_lt(wired, WIRE_MAX);
    wire[wired].from = (int)(uintptr_t)ctx;
    wire[wired].to = peer;
    wire[wired].size = body.size;
    memcpy(wire[wired++].body, body.data, body.size);
    return true;
}

static void deliver(void)
{
    for (unsigned i = 0; i < wired; i++)
        ck_assert(cosign_peer_frame(nodes[wire[i].to], wire[i].from,
                                    bytes_of(wire[i].body, wire[i].size)));
    wired = 0;
}

/* The seed of node i of genesis (not of the set). */
static void seed_of(uint8_t out[32], unsigned i, unsigned purpose)
{
    memset(out, 0, 32);
    out[0] = (uint8_t)(1 + 2 * i + purpose);
}

static const char *key_file(const struct crypto_hash *node, unsigned purpose)
{
    char path[128] = "", hex[66] = "";
    struct crypto_hash id;
    uint8_t seed[32];

    for (unsigned i = 0; i < NODES; i++) {
        ledger_node_id(&id, &fixture.genesis.nodes[i].node.node_key);
        if (crypto_hash_equal(&id, node)) {
            seed_of(seed, i, purpose);
            hex_encode(hex, seed, 32);
            snprintf(path, sizeof(path), "%s/%u.%u.key", dir, i, purpose);
        }
    }
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(hex, f);
    fclose(f);
    ck_assert_int_eq(chmod(path, 0600), 0);
    return arena_text(&arena, bytes_of_text(path));
}

static struct cosign_options options_of(unsigned i, const struct ledger_tip *tip)
{
    char *data = arena_alloc(&arena, 128);

    snprintf(data, 128, "%s/data%u", dir, i);
    return (struct cosign_options){.registry = fixture.registry,
                                   .self = set_of()->node[i].id,
                                   .node_secret = &fixture.node[i],
                                   .log_key = key_file(&set_of()->node[i].id, 0),
                                   .cosign_key = key_file(&set_of()->node[i].id, 1),
                                   .dir = data,
                                   .tip = tip,
                                   .now_ms = now,
                                   .send = send_to,
                                   .ctx = (void *)(uintptr_t)i};
}

static void open_nodes(const struct ledger_tip *tip)
{
    fixture_begin(&fixture, NODES);
    for (unsigned i = 0; i < NODES; i++) {
        uint8_t seed[32];
        seed_of(seed, i, 0);
        ck_assert_int_eq(crypto_ed25519_key_of(fixture.genesis.nodes[i].node.log_key, seed),
                         ANJU_OK);
        seed_of(seed, i, 1);
        ck_assert_int_eq(crypto_ed25519_key_of(fixture.genesis.nodes[i].node.cosign_key, seed),
                         ANJU_OK);
    }
    fixture_seal(&fixture);
    for (unsigned i = 0; i < NODES; i++) {
        struct cosign_options o = options_of(i, tip);
        ck_assert_int_eq(cosign_open(&nodes[i], &o), ANJU_OK);
        for (unsigned j = 0; j < NODES; j++)
            if (j != i)
                cosign_peer_up(nodes[i], (int)j, &set_of()->node[j].id);
    }
    wired = 0;
}

static void close_nodes(void)
{
    for (unsigned i = 0; i < NODES; i++)
        cosign_close(nodes[i]);
    fixture_deinit(&fixture);
}

static struct ledger_tip tip_at(uint64_t height, uint64_t time_ms)
{
    struct ledger_tip t = {.height = height,
                           .time_ms = time_ms,
                           .result_body = {.height = height, .log_size = 10 + height}};

    t.result_body.log_root.b[0] = (uint8_t)height;
    clock_ms = time_ms + 50;
    return t;
}

static unsigned cosignatures_at(unsigned node, uint64_t height)
{
    struct kept_checkpoint k;

    return checkpoints_at(cosign_checkpoints(nodes[node]), &k, height) == ANJU_OK ? k.n : 0;
}

/* The note that a node serves verifies under the keys of the set: one log signature, n
 * cosignatures. */
static void expect_note(unsigned node, uint64_t height)
{
    const struct ledger_set *set = set_of();
    struct note_key keys[2 * NODES];
    struct kept_checkpoint k;
    struct note *n = arena_alloc(&arena, sizeof(*n));
    struct checkpoint at;
    struct writer w = {0};

    for (unsigned i = 0; i < NODES; i++) {
        outside_log_key(&keys[i], fixture.genesis.origin, &set->node[i]);
        outside_cosign_key(&keys[NODES + i], fixture.genesis.origin, &set->node[i]);
    }
    ck_assert_int_eq(checkpoints_at(cosign_checkpoints(nodes[node]), &k, height), ANJU_OK);
    outside_note(&w, &k, fixture.genesis.origin, set, &set->node[node], NODES);
    ck_assert_int_eq(note_parse(n, writer_view(&w), &arena), ANJU_OK);
    ck_assert_int_eq(note_verify(n, keys, 2 * NODES), ANJU_OK);
    ck_assert_uint_eq(n->n, 1 + NODES);
    for (unsigned i = 0; i < n->n; i++) {
        ck_assert_int_eq(n->signature[i].state, NOTE_VERIFIED);
        ck_assert_uint_eq(n->signature[i].key, i == 0 ? node : NODES + i - 1);
    }
    ck_assert_int_eq(checkpoint_parse(&at, n->text), ANJU_OK);
    ck_assert_uint_eq(at.size, 10 + height);
    for (unsigned i = 0; i < k.n; i++) {
        struct crypto_hash digest;
        cose_root_digest(&digest, &k.by[i].node, fixture.genesis.origin, k.size, &k.root);
        ck_assert_int_eq(crypto_verify(&k.by[i].cose,
                                       &set->node[ledger_set_find(set, &k.by[i].node)].node_key,
                                       &digest),
                         ANJU_OK);
    }
    writer_free(&w);
}

/* The first block of a second is a checkpoint, the others are not; signatures may come before the
 * block does. */
START_TEST(validators_cosign_the_first_block_of_each_second)
{
    struct ledger_tip genesis = tip_at(0, 1000000000000), one = tip_at(1, 1000000000400),
                      two = tip_at(2, 1000000001000), three = tip_at(3, 1000000001500);

    open_nodes(&genesis);
    clock_ms = two.time_ms + 50;
    for (unsigned i = 0; i < NODES; i++) {
        cosign_committed(nodes[i], &one);
        ck_assert_uint_eq(cosignatures_at(i, 1), 0);
        cosign_committed(nodes[i], &two);
        deliver(); /* to nodes that have not committed it yet, too */
    }
    for (unsigned i = 0; i < NODES; i++) {
        ck_assert_uint_eq(cosignatures_at(i, 2), NODES);
        expect_note(i, 2);
        cosign_committed(nodes[i], &three);
        ck_assert_uint_eq(cosignatures_at(i, 3), 0);
    }
    ck_assert_uint_eq(wired, 0);
    close_nodes();
}
END_TEST

START_TEST(wrong_late_and_contradicting_cosignatures_are_not_kept)
{
    struct ledger_tip genesis = tip_at(0, 1000000000000), one = tip_at(1, 1000000001000),
                      other = tip_at(1, 1000000001000);

    open_nodes(&genesis);
    cosign_committed(nodes[0], &one);
    wired = 0;
    cosign_committed(nodes[2], &one);
    ck_assert_uint_eq(wired, 3);
    for (unsigned i = 0; i < wired; i++) {
        if (wire[i].to != 0)
            continue;
        for (size_t byte = 8; byte < FRAME_COSIGN_SIZE; byte++) { /* behind the height */
            wire[i].body[byte] ^= 1;
            ck_assert(
                cosign_peer_frame(nodes[0], wire[i].from, bytes_of(wire[i].body, wire[i].size)));
            wire[i].body[byte] ^= 1;
        }
        ck_assert(
            !cosign_peer_frame(nodes[0], wire[i].from, bytes_of(wire[i].body, wire[i].size - 1)));
        ck_assert_uint_eq(cosignatures_at(0, 1), 1); /* its own alone */
        break;
    }
    wired = 0;
    other.result_body.log_root.b[9] = 1; /* node 3 has another log */
    cosign_committed(nodes[3], &other);
    deliver();
    ck_assert_uint_eq(cosignatures_at(0, 1), 1);
    close_nodes();
}
END_TEST

START_TEST(a_node_without_keys_keeps_what_others_sign_and_old_blocks_are_not_signed)
{
    struct ledger_tip genesis = tip_at(0, 1000000000000), one = tip_at(1, 1000000001000),
                      two = tip_at(2, 1000000200000);
    struct kept_checkpoint k;

    open_nodes(&genesis);
    cosign_close(nodes[0]);
    struct cosign_options o = options_of(0, &genesis);
    o.cosign_key = o.log_key = NULL;
    ck_assert_int_eq(cosign_open(&nodes[0], &o), ANJU_OK);
    for (unsigned j = 1; j < NODES; j++)
        cosign_peer_up(nodes[0], (int)j, &set_of()->node[j].id);
    cosign_committed(nodes[1], &one); /* three minutes old by the clock */
    ck_assert_uint_eq(wired, 0);
    clock_ms = two.time_ms + 50;
    for (unsigned i = 0; i < NODES; i++)
        cosign_committed(nodes[i], &two);
    deliver();
    ck_assert_uint_eq(cosignatures_at(0, 2), NODES - 1);
    ck_assert_int_eq(checkpoints_at(cosign_checkpoints(nodes[0]), &k, 2), ANJU_OK);
    ck_assert(!k.has_log_sig);
    close_nodes();
}
END_TEST

START_TEST(a_key_file_of_another_node_is_refused_with_its_name)
{
    struct ledger_tip genesis = tip_at(0, 1000000000000);
    struct cosign *c = NULL;

    open_nodes(&genesis);
    struct cosign_options o = options_of(0, &genesis);
    o.cosign_key = options_of(1, &genesis).cosign_key;
    ck_assert_int_eq(cosign_open(&c, &o), ANJU_ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(anju_err_text(), "cosign.key"));
    ck_assert_int_eq(cosign_check_keys(o.registry, &o.self, o.log_key, o.cosign_key),
                     ANJU_ERR_MISMATCH);
    o.cosign_key = "/nowhere/cosign.key";
    ck_assert_int_eq(cosign_check_keys(o.registry, &o.self, NULL, o.cosign_key), ANJU_ERR_IO);
    close_nodes();
}
END_TEST

/* ---- Proofs: every change is refused ---- */

enum { ENTRIES = 21, PROVED = 13 };
static uint8_t entries[ENTRIES][LEDGER_ENTRY_SIZE];
static struct crypto_hash leaves[ENTRIES];

static enum anju_err leaf_of(void *ctx, struct crypto_hash *out, unsigned level, uint64_t index)
{
    (void)ctx;
    merkle_root_of(out, leaves + (index << level), (size_t)1 << level);
    return ANJU_OK;
}

/* A log of entries that an execution could have made, cosigned by all. */
static struct kept_checkpoint cosigned_log(void)
{
    struct ledger_tip genesis = tip_at(0, 1000000000000), one = tip_at(1, 1000000001000);
    struct kept_checkpoint k;

    for (unsigned i = 0; i < ENTRIES; i++) {
        struct ledger_entry e = {.kind = LEDGER_ENTRY_RECORD,
                                 .seq = i,
                                 .height = 1,
                                 .time_ms = FIXTURE_CREATED + 1,
                                 .member = 1,
                                 .n_effects = 1};
        e.envelope.b[0] = e.record_leaf.b[0] = e.effects_root.b[0] = (uint8_t)(i + 1);
        ledger_entry_encode(entries[i], &e);
        ledger_entry_leaf(&leaves[i], entries[i]);
    }
    one.result_body.log_size = ENTRIES;
    merkle_root_of(&one.result_body.log_root, leaves, ENTRIES);
    open_nodes(&genesis);
    clock_ms = one.time_ms + 50;
    for (unsigned i = 0; i < NODES; i++)
        cosign_committed(nodes[i], &one);
    deliver();
    ck_assert_int_eq(checkpoints_at(cosign_checkpoints(nodes[2]), &k, 1), ANJU_OK);
    ck_assert_uint_eq(k.n, NODES);
    return k;
}

static void path_to(struct ledger_path *out, uint64_t index)
{
    unsigned n = 0;

    ck_assert_int_eq(merkle_path(out->hash, &n, index, ENTRIES, leaf_of, NULL), ANJU_OK);
    out->n = (uint8_t)n;
}

static struct policy *policy_of(const char *text)
{
    struct policy *p = arena_alloc(&arena, sizeof(*p));
    struct writer w = {0};

    if (text == NULL)
        outside_policy(&w, fixture.genesis.origin, set_of());
    else
        writer_bytes(&w, bytes_of_text(text));
    ck_assert_msg(policy_decode(p, arena_copy(&arena, writer_view(&w))) == ANJU_OK, "%s",
                  anju_err_text());
    writer_free(&w);
    return p;
}

static void put_proof(struct writer *w, const struct kept_checkpoint *k, unsigned cosignatures)
{
    struct tlog_proof p = {.extra = bytes_of(entries[PROVED], LEDGER_ENTRY_SIZE), .index = PROVED};
    struct writer note = {0};

    path_to(&p.path, PROVED);
    outside_note(&note, k, fixture.genesis.origin, set_of(), &set_of()->node[2], cosignatures);
    p.note = writer_view(&note);
    tlog_proof_encode(w, &p);
    writer_free(&note);
}

static void put_cose(struct writer *w, const struct kept_checkpoint *k, unsigned receipts)
{
    struct cose_file f = {.size = ENTRIES, .index = PROVED};

    memcpy(f.entry, entries[PROVED], LEDGER_ENTRY_SIZE);
    path_to(&f.path, PROVED);
    for (unsigned i = 0; i < receipts; i++)
        f.receipt[f.n++] = (struct cose_receipt){.node = k->by[i].node, .sig = k->by[i].cose};
    cose_file_encode(w, &f, fixture.genesis.origin);
}

/* Loop test: 0 C2SP, 1 COSE. A quorum is enough, one less is not, and no bit of the file is without
 * effect. */
START_TEST(q_signatures_prove_an_entry_and_no_byte_of_the_file_may_change)
{
    struct kept_checkpoint k = cosigned_log();
    const struct policy *policy = policy_of(NULL);
    struct outside_report r;
    struct writer w = {0};
    const unsigned q = ledger_set_quorum(set_of());

    for (unsigned n = q - 1; n <= NODES; n++) {
        writer_clear(&w);
        if (_i == 0) {
            put_proof(&w, &k, n);
            outside_verify_proof(&r, writer_view(&w), policy, &arena);
        } else {
            put_cose(&w, &k, n);
            outside_verify_cose(&r, writer_view(&w), fixture.registry);
        }
        ck_assert_msg(r.verdict == (n < q ? LEDGER_INVALID : LEDGER_VALID), "%u: %s", n, r.reason);
        ck_assert_uint_eq(r.signed_by, n);
        ck_assert(r.has_entry == (n >= q) && (n < q || r.entry.seq == PROVED));
    }
    writer_clear(&w);
    if (_i == 0)
        put_proof(&w, &k, q);
    else
        put_cose(&w, &k, q);
    for (size_t at = 0; at < w.size; at++) {
        struct arena a = {0};
        for (unsigned bit = 0; bit <= 8; bit++) {
            struct bytes file =
                bit < 8 ? writer_view(&w) : bytes_of(w.data, at); /* the last one is a cut */
            w.data[at] ^= (uint8_t)(bit < 8 ? 1u << bit : 0);
            if (_i == 0)
                outside_verify_proof(&r, file, policy, &a);
            else
                outside_verify_cose(&r, file, fixture.registry);
            ck_assert_msg(r.verdict != LEDGER_VALID, "byte %zu, bit %u", at, bit);
            w.data[at] ^= (uint8_t)(bit < 8 ? 1u << bit : 0);
        }
        arena_free(&a);
    }
    writer_free(&w);
    close_nodes();
}
END_TEST

START_TEST(a_checkpoint_needs_its_log_and_the_groups_of_the_policy)
{
    struct kept_checkpoint k = cosigned_log();
    struct writer keys[NODES + 1], text = {0}, note = {0};
    struct note_key key;
    struct outside_report r;
    static const struct {
        const char *rule;
        unsigned cosignatures;
        bool good;
    } CASES[] = {{"quorum none\n", 0, true},
                 {"quorum a\n", 1, true},
                 {"quorum a\n", 0, false},
                 {"quorum d\n", 3, false},
                 {"quorum d\n", 4, true},
                 {"group x all a b\ngroup y any c d\ngroup z 2 x y\nquorum z\n", 2, false},
                 {"group x all a b\ngroup y any c d\ngroup z 2 x y\nquorum z\n", 3, true},
                 {"# words\n\n \t\ngroup x 3 a b c d\n  quorum\tx \n", 3, true}};

    memset(keys, 0, sizeof(keys));
    for (unsigned i = 0; i < NODES; i++) {
        outside_cosign_key(&key, fixture.genesis.origin, &set_of()->node[i]);
        note_key_encode(&keys[i], &key);
    }
    outside_log_key(&key, fixture.genesis.origin, &set_of()->node[2]);
    note_key_encode(&keys[NODES], &key);
    for (size_t i = 0; i < 2 * sizeof(CASES) / sizeof(CASES[0]); i++) {
        bool other_log =
            i % 2 == 1; /* the note is then signed by a log that the policy does not list */
        char line[400];
        writer_clear(&text);
        writer_clear(&note);
        snprintf(line, sizeof(line), "log %.*s https://x\n", (int)keys[NODES].size,
                 (char *)keys[NODES].data);
        writer_bytes(&text, bytes_of_text(line));
        for (unsigned j = 0; j < NODES; j++) {
            snprintf(line, sizeof(line), "witness %c %.*s\n", (char)('a' + j), (int)keys[j].size,
                     (char *)keys[j].data);
            writer_bytes(&text, bytes_of_text(line));
        }
        writer_bytes(&text, bytes_of_text(CASES[i / 2].rule));
        writer_u8(&text, 0);
        const struct policy *p = policy_of((const char *)text.data);
        outside_note(&note, &k, fixture.genesis.origin, set_of(),
                     &set_of()->node[other_log ? 1 : 2], CASES[i / 2].cosignatures);
        outside_verify_checkpoint(&r, writer_view(&note), p, &arena);
        ck_assert_msg((r.verdict == LEDGER_VALID) == (CASES[i / 2].good && !other_log),
                      "case %zu: %s", i, r.reason);
    }
    for (unsigned i = 0; i <= NODES; i++)
        writer_free(&keys[i]);
    writer_free(&text);
    writer_free(&note);
    close_nodes();
}
END_TEST

START_TEST(policies_that_are_none_are_refused_with_the_line)
{
#define KEY "witness.example/w+f0ac3c65+BAMB"
    static const char *const BAD[] = {"",
                                      "quorum none",
                                      "quorum x\n",
                                      "quorum none\nquorum none\n",
                                      "group g 1 x\nquorum g\n",
                                      "witness none k\nquorum none\n",
                                      "witness a " KEY "\nquorum a\n",
                                      "log x\nquorum none\n",
                                      "quorum none more\n",
                                      "quorum\n",
                                      "what is this\nquorum none\n",
                                      "quorum none\x01\n",
                                      "group g all\nquorum g\n"};
    struct policy *p = arena_alloc(&arena, sizeof(*p));

    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        ck_assert_msg(policy_decode(p, bytes_of_text(BAD[i])) != ANJU_OK, "case %zu", i);
        ck_assert_ptr_nonnull(strstr(anju_err_text(), "olicy"));
    }
    ck_assert_int_eq(policy_decode(p, bytes_of_text("quorum none\n")), ANJU_OK);
}
END_TEST

static void add_tests(Suite *suite)
{
    TCase *c = tcase_create("outside");

    tcase_add_checked_fixture(c, begin, end);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, checkpoints_are_found_by_height_size_and_quorum_before_and_after_a_restart);
    tcase_add_test(c, a_cosignature_counts_once_and_only_while_its_checkpoint_is_open);
    tcase_add_test(c, after_a_day_one_checkpoint_an_hour_is_left);
    tcase_add_test(c, a_cut_or_damaged_file_loses_its_tail_alone);
    tcase_add_test(c, the_policy_lists_all_keys_and_asks_for_a_quorum);
    tcase_add_test(c, a_tlog_proof_has_one_text_and_every_cut_is_refused);
    tcase_add_test(c, cose_receipts_have_one_encoding_and_every_change_is_seen);
    tcase_add_test(c, the_root_is_signed_as_rfc_9052_lays_it_out);
    tcase_add_test(c, tile_paths_have_one_text);
    tcase_add_test(c, validators_cosign_the_first_block_of_each_second);
    tcase_add_test(c, wrong_late_and_contradicting_cosignatures_are_not_kept);
    tcase_add_test(c, a_node_without_keys_keeps_what_others_sign_and_old_blocks_are_not_signed);
    tcase_add_test(c, a_key_file_of_another_node_is_refused_with_its_name);
    tcase_add_loop_test(c, q_signatures_prove_an_entry_and_no_byte_of_the_file_may_change, 0, 2);
    tcase_add_test(c, a_checkpoint_needs_its_log_and_the_groups_of_the_policy);
    tcase_add_test(c, policies_that_are_none_are_refused_with_the_line);
    suite_add_tcase(suite, c);
}

UNIT_MAIN("outside", add_tests)
