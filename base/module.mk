# base: errors, byte views, bounded codecs, canonical msgpack, arenas, tables, the log.
SRC := $(notdir $(wildcard base/*.c))
USES :=
$(eval $(call module,base))
