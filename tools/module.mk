# tools: everything a person or a script does. anju.c is the program's main file.
SRC := $(filter-out anju.c,$(notdir $(wildcard tools/*.c)))
USES := node rpc storage consensus ledger crypto base
$(eval $(call module,tools))
