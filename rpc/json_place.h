/*
 * json_place: where in a JSON text a value stands.
 * jansson says the line of a syntax error but forgets it for values; people who wrote a wrong value
 * want the line. A second walk of the same text finds it by JSON pointer (RFC 6901). The text must
 * have been accepted by the parser before. Pure; any thread.
 */
#ifndef ANJU_RPC_JSON_PLACE_H
#define ANJU_RPC_JSON_PLACE_H

#include "base/bytes.h"

struct json_place {
    size_t begin, end; /* the value's bytes */
    unsigned line;     /* from 1 */
    unsigned column;   /* from 1, in bytes */
    bool exact;        /* false: the pointer names nothing, this is its nearest ancestor */
};

/* The value that `pointer` names, or the nearest ancestor that exists. */
struct json_place json_place_find(struct bytes text, const char *pointer);

/* Appends "/" and `name`, with ~ and / escaped, to a pointer in a buffer of `room` bytes; what does
 * not fit is left out. Returns the size before, for json_pointer_cut. */
size_t json_pointer_add(char *pointer, size_t room, const char *name);
void json_pointer_cut(char *pointer, size_t size);

#endif
