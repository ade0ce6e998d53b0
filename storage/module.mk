# storage: committed blocks and derived data in LMDB; payload log and guard.
SRC := $(notdir $(wildcard storage/*.c))
USES := ledger crypto base
$(eval $(call module,storage))
