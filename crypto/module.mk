# crypto: hashes, keys, signatures, Merkle trees.
SRC := crypto.c merkle.c
USES := base
$(eval $(call module,crypto))
