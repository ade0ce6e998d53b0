/*
 * http: a small HTTPS server over libevent's TLS bufferevents. It reads requests with http_head, hands
 * whole ones to a route, and sends back one answer each, in order.
 * A route's handler runs on the loop of its connection and may answer later from any thread:
 * http_reply names the request by a ticket, so a connection that went away meanwhile is no danger.
 * Each state of a connection has one absolute deadline (handshake 5 s, idle 60, head 5, body 25, reply
 * 30, closing 5, linger 1), armed when the state changes and never by bytes, so that a slow sender
 * can't hold a place.
 */
#ifndef ANJU_RPC_HTTP_H
#define ANJU_RPC_HTTP_H

#include "rpc/http_head.h"

enum { HTTP_CONNECTIONS_MAX = 256, HTTP_CONNECTIONS_PER_ADDRESS_MAX = 16, HTTP_BODY_SIZE_MAX = 4 * 1024 * 1024 };

struct http_server;

/* Names one request on one connection; plain data, may be copied between threads. */
struct http_ticket {
    struct http_server *server;
    uint32_t loop;
    uint32_t slot;
    uint64_t generation;
};

struct http_request {
    struct http_ticket ticket;
    enum http_method method;
    struct bytes path;
    struct bytes content_type;
    struct bytes body; /* borrowed until the handler returns */
};

/* Must lead to exactly one http_reply for the ticket, now or later. */
typedef void http_handler(void *ctx, const struct http_request *request);

struct http_route {
    const char *path; /* equal to the request's, byte for byte */
    bool get, post;
    bool prefix; /* `path` is only how it begins */
    http_handler *handler;
};

struct http_options {
    const char *host; /* address to listen at */
    const char *port;
    const char *certificate_file; /* PEM */
    const char *key_file;         /* PEM */
    unsigned loops;               /* threads; at least 1 */
    const struct http_route *routes;
    size_t n_routes;
    void *ctx; /* for handlers */
};

/* Listens and serves on threads of its own. IO with words: the address is in use or unknown.
 * MALFORMED: a certificate or key that can't be read. */
ANJU_MUST_CHECK enum anju_err http_open(struct http_server **out, const struct http_options *options);
/* Answers a request; the body is copied. `content_type` NULL: no body and no Content-Type (204). Does
 * nothing where the connection is gone. Any thread. */
void http_reply(const struct http_ticket *ticket, int status, const char *content_type, struct bytes body);
/* The same with a Cache-Control header: static text, such as "max-age=60"; or NULL. */
void http_reply_cacheable(const struct http_ticket *ticket, int status, const char *content_type, const char *cache_control, struct bytes body);
/* The port that it listens at. */
unsigned http_port(const struct http_server *server);
unsigned http_connections(const struct http_server *server);
/* Stops accepting, closes idle connections, lets the rest finish for at most `ms`. Blocks; no handler runs after it. Replies
 * may still be made until http_close: they find nobody. */
void http_stop(struct http_server *server, unsigned ms);
/* The same, where it was not done, and frees. */
void http_close(struct http_server *server, unsigned ms);

#endif
