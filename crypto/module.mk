# crypto: hashes, keys, signatures, Merkle trees.
SRC := $(notdir $(wildcard crypto/*.c))
USES := base
$(eval $(call module,crypto))
