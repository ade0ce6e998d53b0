# rpc: JSON forms; client requests in, answers out.
SRC := $(notdir $(wildcard rpc/*.c))
USES := storage ledger crypto base
$(eval $(call module,rpc))
