# ledger: envelopes, records, blocks, the rules, the state they make.
SRC := $(notdir $(wildcard ledger/*.c))
USES := crypto base
$(eval $(call module,ledger))
