/* Genesis documents and member files. */
#include "rpc/genesis_json.h"
#include "tests/fuzz/fuzz.h"

static const char MEMBER[] =
    "{\"format\": \"anju/member/1\", \"name\": {\"zh\": \"a\", \"en\": \"b\"}, \"kind\": \"agency\", \"roles\": [\"provider\"], "
    "\"operator_key\": \"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\"}\n";

static struct bytes member_text(struct writer *w)
{
    struct crypto_secret secret = {{[31] = 1}};
    struct member_file m = {.name_zh = (char[]){"a"}, .name_en = (char[]){"b"}, .kind = (char[]){"agency"}};
    char *roles[] = {(char[]){"provider"}};

    m.roles = roles;
    m.n_roles = 1;
    if (crypto_key_of(&m.operator_key, &secret) == ANJU_OK)
        member_file_encode(w, &m);
    return writer_view(w);
}

bool fuzz_seed(struct writer *out, unsigned n)
{
    struct writer text = {0}, genesis = {0};
    struct arena a = {0};
    struct member_file m;
    struct genesis_parts parts = {.origin = "anju.test/fuzz", .created = 1767225600000, .development = true, .members = &m, .n_members = 1};

    writer_u8(out, n == 0);
    if (n == 0)
        writer_bytes(out, member_text(&text));
    else if (n == 1)
        writer_bytes(out, bytes_of_text(MEMBER));
    else if (member_file_decode(&m, member_text(&text), &a) == ANJU_OK && genesis_json_build(&genesis, &parts) == ANJU_OK)
        writer_bytes(out, writer_view(&genesis));
    else
        writer_bytes(out, bytes_of_text("{\"format\": \"anju/genesis/1\", \"members\": [], \"nodes\": []}"));
    writer_free(&text);
    writer_free(&genesis);
    arena_free(&a);
    return n < 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct member_file m;
    struct ledger_genesis g = {0};
    struct ledger_registry *r = NULL;

    if (size > 0 && data[0] == 1)
        (void)!member_file_decode(&m, bytes_of(data + 1, size - 1), &a);
    else if (size > 0) {
        if (genesis_json_decode(&g, bytes_of(data + 1, size - 1)) == ANJU_OK && ledger_registry_new(&r, &g) == ANJU_OK)
            ledger_registry_free(r);
        ledger_genesis_free(&g);
    }
    arena_free(&a);
    return 0;
}
