# consensus: the replicated state machine: votes, rounds, the step.
SRC := $(notdir $(wildcard consensus/*.c))
USES := ledger crypto base
$(eval $(call module,consensus))
