/* anju: everything that a person or a script does with a ledger. Each subcommand is a file of this folder. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tools/tools.h"

static const struct {
    const char *name;
    tool_fn *fn;
    const char *summary;
} COMMANDS[] = {
    {"keys", cmd_keys, "make keys, and the public member file for a genesis"},
    {"genesis", cmd_genesis, "make the genesis document from member files, or check one"},
    {"code", cmd_code, "make a one-time code for a resident"},
    {"submit", cmd_submit, "sign records and submit them; prints what became of them"},
    {"get", cmd_get, "a subject as it is now, or one entry of the log"},
    {"history", cmd_history, "everything that happened to a subject"},
    {"query", cmd_query, "entries by list, member and time"},
    {"receipt", cmd_receipt, "the receipt of an entry"},
    {"verify", cmd_verify, "check a receipt offline"},
    {"audit", cmd_audit, "check a whole copy of the ledger"},
    {"import", cmd_import, "turn rows of a city's service requests into orders"},
    {"status", cmd_status, "how nodes are"},
    {"doctor", cmd_doctor, "what is wrong with the nodes, and the next step"},
    {"evidence", cmd_evidence, "proofs that a validator contradicted itself"},
    {"members", cmd_members, "who is on the ledger"},
    {"procedure", cmd_procedure, "check and build procedures"},
    {"export", cmd_export, "the log as static files, and the policy, for clients of C2SP"},
    {"rebuild", cmd_rebuild, "compute a node's derived data again"},
};

static int usage(FILE *out, int code)
{
    fprintf(out, "usage: anju COMMAND [options]\n\n");
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
        fprintf(out, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    fprintf(out, "\n'anju COMMAND --help' has the options and an example.\n"
                 "Exit codes: 0 done or valid, 1 refused or invalid, 2 wrong usage or cannot tell,\n"
                 "            3 file, network or disk failed.\n");
    return code;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2)
        return usage(stderr, TOOL_USAGE);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout, TOOL_OK);
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
        if (strcmp(COMMANDS[i].name, argv[1]) == 0)
            return COMMANDS[i].fn(argc - 1, argv + 1);
    fprintf(stderr, "anju: unknown command '%s'\n\n", argv[1]);
    return usage(stderr, TOOL_USAGE);
}
