/*
 * server: the outside face of a node: JSON-RPC 2.0 at POST /rpc, /livez, /readyz, /metrics, over HTTPS.
 * It reads committed data through store_read and asks the node through struct rpc_backend; it knows
 * neither peers nor consensus. docs/rpc.md describes every method.
 */
#ifndef ANJU_RPC_SERVER_H
#define ANJU_RPC_SERVER_H

#include "rpc/backend.h"

struct rpc_server;

struct rpc_options {
    const char *host, *port;
    const char *certificate_file, *key_file; /* PEM */
    unsigned loops;                          /* reader threads; 0: 2 */
};

/* `backend` is borrowed until rpc_close. IO / MALFORMED with words. */
ANJU_MUST_CHECK enum anju_err rpc_open(struct rpc_server **out, const struct rpc_options *options,
                                       const struct rpc_backend *backend);
/* After this /readyz answers 503 (SIGTERM came); the rest still works. */
void rpc_drain(struct rpc_server *s);
/* Stops accepting, lets running requests finish for at most `ms`; then no handler runs any more. An
 * answer that comes later finds nobody. */
void rpc_stop(struct rpc_server *s, unsigned ms);
/* The same, where it was not done, and frees: no answer may come after it. */
void rpc_close(struct rpc_server *s, unsigned ms);
unsigned rpc_port(const struct rpc_server *s);

#endif
