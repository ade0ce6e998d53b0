/*
 * err: the ways in which the world can fail, for every module.
 * An error is about what a disk, a peer or a file did; what the rules of the ledger refuse is a
 * verdict (ledger/outcome.h), and what we did wrong is an assert.
 */
#ifndef ANJU_BASE_ERR_H
#define ANJU_BASE_ERR_H

#define ANJU_MUST_CHECK __attribute__((warn_unused_result))
#define ANJU_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum anju_err {
    ANJU_OK = 0,
    ANJU_ERR_MALFORMED, /* bytes that do not have the form that they should have */
    ANJU_ERR_TOO_LARGE, /* over a stated limit */
    ANJU_ERR_NOT_FOUND,
    ANJU_ERR_EXISTS,
    ANJU_ERR_MISMATCH,    /* a hash, signature, root or identity is not what it must be */
    ANJU_ERR_CORRUPT,     /* stored data fails its own check */
    ANJU_ERR_UNSUPPORTED, /* a version or suite that this build does not know */
    ANJU_ERR_IO,          /* the operating system refused; errno says why */
    ANJU_ERR_FULL,        /* no room: disk, map, queue */
    ANJU_ERR_BUSY,        /* somebody else holds it, or a queue pushes back */
    ANJU_ERR_CLOSED,      /* the other side, or we ourselves, are shutting down */
};

/* The error's name in lower case, such as "malformed"; static storage. */
const char *anju_err_name(enum anju_err err);

/* Words for the last failure on this thread: what was wrong with which thing, and what to do.
 * Set by the function that found the fault, next to returning the error; empty when nobody did.
 * The pointer is valid until the next call of anju_fail on this thread. */
const char *anju_err_text(void);
enum anju_err anju_fail(enum anju_err err, const char *format, ...) ANJU_PRINTF(2, 3);

#endif
