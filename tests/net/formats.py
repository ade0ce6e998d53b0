"""What the readers of docs/formats.md in Python share: digests, signatures, trees, certificates, the map. From the
text of the page alone: nothing here comes from anju (ECDSA is OpenSSL's, through python3-cryptography)."""
import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ledger = [hashlib.sha256(b"anju test ledger").digest()]  # the id that digests are made under


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def digest(tag, *body):
    return H(tag.encode(), b"\0", ledger[0], *body)


def verify(key, sig, what):
    r, s = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")
    if not (0 < r < N and 0 < s <= N // 2):
        return False
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), key)
    try:
        public.verify(encode_dss_signature(r, s), what, ec.ECDSA(Prehashed(hashes.SHA256())))
        return True
    except InvalidSignature:
        return False


def path_root(leaf, index, size, path):
    """RFC 9162 2.1.3.2; None where the path has another length than (index, size) gives."""
    if index >= size:
        return None
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = H(b"\1", p, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = H(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    return r if sn == 0 else None


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        out = self.data[self.at:self.at + n]
        if len(out) != n:
            raise ValueError("cut")
        self.at += n
        return out

    def u(self, n):
        return int.from_bytes(self.take(n), "big")

    def path(self):
        return [self.take(32) for _ in range(self.u(1))]

    def end(self):
        if self.at != len(self.data):
            raise ValueError("bytes left over")


def read_certificate(r):
    start = r.at
    c = dict(height=r.u(8), round=r.u(4), vid=r.take(32), result=r.take(32))
    c["sigs"] = [(r.u(1), r.take(64)) for _ in range(r.u(1))]
    return c, r.data[start:r.at]


def read_set(data):
    r = Reader(data)
    previous, since, n = r.take(32), r.u(8), r.u(1)
    nodes = [(r.take(33), r.take(32), r.take(32), r.u(4)) for _ in range(n)]
    r.end()
    ids = [H(node[0]) for node in nodes]
    if ids != sorted(set(ids)):
        raise ValueError("nodes do not ascend")
    return previous, since, nodes


def certificate_is_right(c, nodes):
    q = 2 * len(nodes) // 3 + 1
    indexes = [i for i, _ in c["sigs"]]
    if len(indexes) != q or indexes != sorted(set(indexes)) or indexes[-1] >= len(nodes):
        return False
    return all(verify(nodes[i][0], sig,
                      digest("anju/precommit/1", H(nodes[i][0]), struct.pack(">QI", c["height"], c["round"]),
                             c["vid"], c["result"]))
               for i, sig in c["sigs"])


def map_key(day, chain_key):
    return struct.pack(">H", day) + H(b"anju/key/1\0", chain_key)[:30]


def nothing(f, *args):
    try:
        return not f(*args)
    except (ValueError, IndexError):
        return True


def changed(data, i, mask):
    return data[:i] + bytes([data[i] ^ mask]) + data[i + 1:]
