# base: errors, byte views, bounded codecs, canonical msgpack, arenas, tables, the log.
SRC := err.c bytes.c codec.c mp.c log.c arena.c table.c
USES :=
$(eval $(call module,base))
