/*
 * config: the configuration file of anjud: `key = value` lines, # comments. docs/anjud.conf.sample
 * has every key with its meaning. Relative paths are relative to the file's own folder.
 */
#ifndef ANJU_NODE_CONFIG_H
#define ANJU_NODE_CONFIG_H

#include "base/arena.h"
#include "base/log.h"

enum { NODE_CONFIG_SIZE_MAX = 64 * 1024 };

struct node_config {
    const char *file;
    const char *genesis;               /* genesis */
    const char *data;                  /* data */
    const char *node_key;              /* node.key */
    const char *log_key;               /* log.key; NULL: no log signatures */
    const char *cosign_key;            /* cosign.key; NULL: this node does not cosign */
    const char *tls_certificate;       /* tls.certificate */
    const char *tls_key;               /* tls.key */
    const char *peer_host, *peer_port; /* peer.listen */
    const char *rpc_host, *rpc_port;   /* rpc.listen */
    bool rpc_public;
    unsigned rpc_threads;
    unsigned verify_threads;
    enum log_level log_level;
    uint64_t free_min;     /* disk.free_min, bytes */
    unsigned free_percent; /* disk.free_percent */
    bool vote;             /* vote */
    struct arena arena;    /* owns the texts */
};

/* MALFORMED with file, line and key: an unknown key, a key twice, a missing one, a value that is
 * not of its type. IO: the file cannot be read. */
ANJU_MUST_CHECK enum anju_err node_config_read(struct node_config *out, const char *file);
void node_config_free(struct node_config *c);

/* A whole file of at most `max` bytes, into the arena. IO / TOO_LARGE with words that name it. */
ANJU_MUST_CHECK enum anju_err node_read_file(struct bytes *out, const char *file, size_t max,
                                             struct arena *a);
/* A file with a secret must be a regular file that only its owner may read (0600 or 0400). */
ANJU_MUST_CHECK enum anju_err node_check_secret_file(const char *file, const char *key);

#endif
