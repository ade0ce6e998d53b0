# node: main loop, peers, envelope pool, executor, configuration. anjud.c is the program's main file.
SRC := $(filter-out anjud.c,$(notdir $(wildcard node/*.c)))
USES := rpc storage consensus ledger crypto base
$(eval $(call module,node))
