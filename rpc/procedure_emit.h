/*
 * procedure_emit: the tree as canonical bytes (docs/procedures.md, "The compiled form").
 */
#ifndef ANJU_RPC_PROCEDURE_EMIT_H
#define ANJU_RPC_PROCEDURE_EMIT_H

#include "rpc/procedure_tree.h"

void procedure_emit(struct writer *out, struct compile *c, const struct tree *t);

#endif
