#include <stdio.h>

#include "rpc/genesis_json.h"
#include "tools/tools.h"

enum anju_err tool_open_genesis(const struct ledger_registry **out, const char *path)
{
    /* Both live as long as the process. */
    static struct ledger_genesis genesis;
    static struct ledger_registry *registry;
    struct arena arena = {0};
    struct bytes file;
    char words[400];

    enum anju_err err = tool_read_file(&file, path, GENESIS_FILE_SIZE_MAX, &arena);
    if (err != ANJU_OK)
        return err;
    err = genesis_json_decode(&genesis, file);
    if (err == ANJU_OK)
        err = ledger_registry_new(&registry, &genesis);
    snprintf(words, sizeof(words), "%s", anju_err_text());
    arena_free(&arena);
    if (err != ANJU_OK)
        return anju_fail(err, "%s: not a good genesis document: %s", path, words);
    *out = registry;
    return ANJU_OK;
}
