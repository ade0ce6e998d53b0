/*
 * http_head: a strict reader of the head of one HTTP/1.1 request (RFC 9112), for the small part of
 * HTTP that a node speaks: GET and POST, origin-form, one plain Content-Length, no transfer codings.
 * What two readers could understand in two ways is refused, so that no proxy in front can be fooled.
 * Pure: no libevent, no allocation. docs/rpc.md lists the answers.
 */
#ifndef ANJU_RPC_HTTP_HEAD_H
#define ANJU_RPC_HTTP_HEAD_H

#include "base/bytes.h"

enum { HTTP_HEAD_SIZE_MAX = 8 * 1024, HTTP_HEAD_FIELDS_MAX = 100 };

enum http_method { HTTP_GET, HTTP_POST };

struct http_head {
    enum http_method method;
    struct bytes path;         /* borrowed, as it came */
    struct bytes content_type; /* empty where absent */
    uint64_t content_length;   /* 0 for GET */
    size_t size;               /* of the head, CRLFCRLF included */
    bool close;                /* Connection: close */
};

enum { HTTP_HEAD_MORE = 0, HTTP_HEAD_OK = 200 };

/* HTTP_HEAD_MORE: the head is not complete. HTTP_HEAD_OK: `out` is filled. Otherwise the status to
 * answer with before closing (400, 411, 417, 431, 501, 505), and *why says it in words (static). */
int http_head_parse(struct http_head *out, const char **why, struct bytes in);

#endif
