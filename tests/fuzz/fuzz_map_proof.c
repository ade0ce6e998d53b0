/* Proofs of the map, against a fixed root and three keys. */
#include <string.h>

#include "ledger/map.h"
#include "tests/fuzz/fuzz.h"

enum { LEAVES = 40 };

static struct ledger_map *make(struct crypto_hash *root)
{
    static struct ledger_map_leaf leaves[LEAVES];
    struct ledger_map *empty = ledger_map_empty(), *map = NULL;

    for (unsigned i = 0; i < LEAVES; i++) {
        leaves[i] = (struct ledger_map_leaf){.count = i + 1, .live = i % 3};
        put_u16(leaves[i].key.b, (uint16_t)(20000 + i / 8));
        leaves[i].key.b[2] = (uint8_t)(i * 6);
    }
    if (ledger_map_update(&map, empty, leaves, LEAVES, NULL, NULL) != ANJU_OK)
        __builtin_trap();
    ledger_map_release(empty);
    ledger_map_root(root, map);
    return map;
}

static void ask(struct ledger_map_key keys[3])
{
    memset(keys, 0, 3 * sizeof(keys[0]));
    for (unsigned i = 0; i < 3; i++) { /* there, there, not there */
        put_u16(keys[i].b, (uint16_t)(20000 + i));
        keys[i].b[2] = i < 2 ? (uint8_t)(i * 48) : 77;
    }
}

bool fuzz_seed(struct writer *out, unsigned n)
{
    struct crypto_hash root;
    struct ledger_map_key keys[3];
    struct ledger_map *map = make(&root);

    ask(keys);
    enum anju_err err = ledger_map_prove(out, map, keys, n + 1 > 3 ? 3 : n + 1);
    ledger_map_release(map);
    return err == ANJU_OK && n < 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crypto_hash root;
    static bool made;
    struct ledger_map_key keys[3];
    struct ledger_map_leaf leaves[3];
    bool found[3];

    if (!made)
        ledger_map_release(make(&root));
    made = true;
    ask(keys);
    for (size_t count = 1; count <= 3; count++)
        if (ledger_map_check(&root, bytes_of(data, size), keys, count, found, leaves) == ANJU_OK && count == 3 && found[2])
            __builtin_trap(); /* a proof of a key that is not there */
    return 0;
}
