/* anju history: everything that happened to a subject. */
#include "tools/ask.h"

int cmd_history(int argc, char **argv)
{
    struct tool_option options[] = {ASK_OPTIONS, ASK_PAGE_OPTIONS, ASK_PROVE_OPTION, {0}};
    const struct tool_usage usage = {"history", "[options] PROCEDURE SUBJECT", "Shows the entries of a subject, in the order in which they took effect.",
                                     "anju history order 4fe60102030405060708090a0b0c0d0e", options};
    int n, code = tool_args(&usage, argc, argv, &n, 2, 2);

    if (code >= 0)
        return code;
    json_t *params = json_pack("{s:s, s:s}", "procedure", argv[1], "subject", argv[2]);
    if (!ask_page_params(params, &options[2])) {
        json_decref(params);
        return TOOL_USAGE;
    }
    if (options[6].given != NULL)
        return ask_proof(options, "subject.history", params, options[6].given);
    json_t *page = ask(&code, options, "subject.history", params);
    return page != NULL ? ask_print_page(page) : code;
}
