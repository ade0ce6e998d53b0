/* anju rebuild: computes a node's derived data again from its truth alone. */
#include <stdio.h>

#include "storage/store.h"
#include "tools/tools.h"

static void on_progress(void *ctx, uint64_t height, uint64_t of)
{
    struct tool_progress *p = ctx;

    p->total = of;
    tool_progress_set(p, height);
}

int cmd_rebuild(int argc, char **argv)
{
    struct tool_option options[] = {{"--genesis", "FILE", "the genesis document", "genesis.json", NULL}, {0}};
    const struct tool_usage usage = {"rebuild", "[--genesis FILE] DATA-DIR",
                                     "Removes a stopped node's derived data and computes it again from its truth; the roots must come out the same.",
                                     "anju rebuild --genesis genesis.json node-1/data", options};
    struct tool_progress progress;
    struct store_options store = {.progress = on_progress, .progress_ctx = &progress};
    const struct ledger_registry *r;
    int n, code = tool_args(&usage, argc, argv, &n, 1, 1);

    if (code >= 0)
        return code;
    store.dir = argv[1];
    if (tool_open_genesis(&r, options[0].given) != ANJU_OK)
        return tool_fail_err();
    if (!store_exists(store.dir))
        return tool_fail(TOOL_FAILED, "%s: there is no ledger in this directory", store.dir);
    tool_progress_begin(&progress, "rebuild", 1);
    enum anju_err err = store_rebuild(&store, r);
    if (err != ANJU_OK)
        return tool_fail(err == ANJU_ERR_IO ? TOOL_FAILED : TOOL_REFUSED, "%s", anju_err_text());
    tool_progress_end(&progress);
    if (tool_json)
        tool_print_json(json_pack("{s:b}", "ok", 1));
    else
        printf("ok  derived data of %s is computed again\n", store.dir);
    return TOOL_OK;
}
