/*
 * anjud: a node of an anju ledger.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "node/node.h"
#include "node/version.h"

uint64_t node_wall_ms(void);

static const char HELP[] =
    "anjud: a node of an anju ledger\n"
    "\n"
    "usage: anjud --config FILE [--check]\n"
    "\n"
    "  --config FILE  the configuration file; docs/anjud.conf.sample explains every key\n"
    "  --check        read configuration, genesis and keys, say what they are, and stop\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "exit codes: 0 stopped by SIGTERM or SIGINT, or --check found everything good;\n"
    "  2 command line or configuration; 3 genesis, key or certificate; 4 data directory or disk;\n"
    "  5 an address to listen at. What is wrong is the last line on standard error.\n"
    "\n"
    "example: anjud --config /etc/anju/anjud.conf\n";

static int usage(const char *wrong, const char *what)
{
    fprintf(stderr, "anjud: %s%s; see anjud --help\n", wrong, what);
    return NODE_EXIT_USAGE;
}

/* The node key is in this process: no core file, no other process that looks at it. */
static void protect(void)
{
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char **argv)
{
    struct node_config config;
    const char *file = NULL;
    bool check = false;
    int code;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(HELP, stdout);
            return NODE_EXIT_OK;
        } else if (strcmp(argv[i], "--version") == 0) {
            puts("anjud " ANJU_VERSION);
            return NODE_EXIT_OK;
        } else if (strcmp(argv[i], "--check") == 0) {
            check = true;
        } else if (strcmp(argv[i], "--config") == 0) {
            if (i + 1 == argc)
                return usage("--config needs a file", "");
            file = argv[++i];
        } else {
            return usage("unknown argument ", argv[i]);
        }
    }
    if (file == NULL)
        return usage("--config FILE is missing", "");
    protect();
    log_set_clock(node_wall_ms);
    if (node_config_read(&config, file) != ANJU_OK) {
        log_error("node", "%s", anju_err_text());
        node_config_free(&config);
        return NODE_EXIT_USAGE;
    }
    log_set_level(config.log_level);
    code = node_run(&config, check);
    node_config_free(&config);
    return code;
}
