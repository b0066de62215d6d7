#!/usr/bin/env python3
"""Trees by pymerkle, and the C2SP texts written down once more with Python's own library and OpenSSL.

It shares no code with fengsui. It reads one request a line from standard input, a JSON object with "ask", and answers each with one
line of JSON:

    {"ask": "root", "size": 7}                        the root of the tree of `leaf 0` ... `leaf 6`
    {"ask": "inclusion", "index": 3, "size": 7}       the audit path of RFC 9162, hashes in base 64
    {"ask": "consistency", "from": 3, "to": 7}        the consistency proof of RFC 9162
    {"ask": "note", "note": TEXT, "keys": [{"name", "key", "type"}]}     for each key "good", "bad" or "none"
    {"ask": "proof", "file": TEXT, "leaf": TEXT}      whether a tlog-proof holds for the leaf of these bytes
    {"ask": "make", "seeds": {NAME: HEX}, "origin", "size", "index", "time"}   a tlog-proof with a cosigned checkpoint
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

from pymerkle import InmemoryTree, verify_inclusion

TREE = InmemoryTree(algorithm="sha256")


def encode(data):
    return base64.b64encode(data).decode()


# ---------------------------------------------------------------------------------------------------------------- trees
def grow(size):
    for number in range(TREE.get_size(), size):
        TREE.append_entry(b"leaf %d" % number)


def root(size):
    grow(size)
    return TREE.get_root(size)


def inclusion(index, size):
    grow(size)
    proof = TREE.prove_inclusion(index + 1, size)
    verify_inclusion(TREE.get_leaf(index + 1), TREE.get_root(size), proof)
    # The first hash of its path is the leaf's own.
    return proof.path[1:]


def consistency(start, end):
    grow(end)
    proof = TREE.prove_consistency(start, end)
    proof.verify(TREE.get_root(start), TREE.get_root(end))
    # pymerkle goes down to a leaf beside the smaller tree's last complete subtree, where the RFC gives one hash. Put together
    # what lies below, and leave out the smaller tree's own root, which the reader knows.
    if start == end:
        return []
    last = proof.subset.index(1)
    beside = []
    if last > 0:
        below = proof.path[0]
        for bit, digest in zip(proof.rule, proof.path[1:last]):
            below = TREE.hash_pair(below, digest) if bit == 0 else TREE.hash_pair(digest, below)
        beside = [below]
    own = [] if start & (start - 1) == 0 else [proof.path[last]]
    return own + beside + proof.path[last + 1 :]


# ----------------------------------------------------------------------------------------------------- Ed25519 by OpenSSL
PUBLIC = bytes.fromhex("302a300506032b6570032100")
PRIVATE = bytes.fromhex("302e020100300506032b657004220420")


def openssl(*arguments, files):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (pathlib.Path(folder) / name).write_bytes(content)
        command = ["openssl", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False)


def sign(seed, message):
    options = ["pkeyutl", "-sign", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "message"]
    done = openssl(*options, files={"key": PRIVATE + seed, "message": message})
    assert len(done.stdout) == 64, done.stderr
    return done.stdout


def public_of(seed):
    done = openssl("pkey", "-inform", "DER", "-in", "key", "-pubout", "-outform", "DER", files={"key": PRIVATE + seed})
    assert done.stdout.startswith(PUBLIC), done.stderr
    return done.stdout[len(PUBLIC) :]


def is_signed(public, message, signature):
    options = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "message"]
    files = {"key": PUBLIC + public, "message": message, "signature": signature}
    return openssl(*options, "-sigfile", "signature", files=files).returncode == 0


# ---------------------------------------------------------------------------------------------------------------- notes
def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def cosigned(time, text):
    return b"cosignature/v1\ntime %d\n" % time + text.encode()


def line(name, kind, public, signature):
    return "\u2014 %s %s\n" % (name, encode(key_id(name, kind, public) + signature))


def check_note(note, name, public, kind):
    text, lines = note.rsplit("\n\n", 1)
    text += "\n"
    for entry in lines.splitlines():
        dash, signer, coded = entry.split(" ")
        raw = base64.b64decode(coded, validate=True)
        if dash != "\u2014" or signer != name or raw[:4] != key_id(name, kind, public):
            continue
        if kind == 4:
            time = int.from_bytes(raw[4:12], "big")
            return "good %d" % time if is_signed(public, cosigned(time, text), raw[12:]) else "bad"
        return "good" if is_signed(public, text.encode(), raw[4:]) else "bad"
    return "none"


# --------------------------------------------------------------------------------------------------------------- proofs
def root_of(leaf, index, size, path):
    """RFC 9162, section 2.1.3.2, step by step."""
    fn, sn, result = index, size - 1, leaf
    for digest in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            result = hashlib.sha256(b"\x01" + digest + result).digest()
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = hashlib.sha256(b"\x01" + result + digest).digest()
        fn, sn = fn >> 1, sn >> 1
    return result if sn == 0 else None


def check_proof(file, leaf):
    head, checkpoint = file.split("\n\n", 1)
    lines = head.split("\n")
    assert lines.pop(0) == "c2sp.org/tlog-proof@v1"
    if lines[0].startswith("extra "):
        base64.b64decode(lines.pop(0)[6:], validate=True)
    index = int(lines.pop(0).removeprefix("index "))
    size, expected = int(checkpoint.split("\n")[1]), base64.b64decode(checkpoint.split("\n")[2])
    path = [base64.b64decode(one, validate=True) for one in lines]
    return root_of(hashlib.sha256(b"\x00" + leaf).digest(), index, size, path) == expected


def make(seeds, origin, size, index, time):
    text = "%s\n%d\n%s\n" % (origin, size, encode(root(size)))
    note = text + "\n"
    for name, seed in seeds.items():
        seed = bytes.fromhex(seed)
        if name == origin:
            note += line(name, 1, public_of(seed), sign(seed, text.encode()))
        else:
            note += line(name, 4, public_of(seed), time.to_bytes(8, "big") + sign(seed, cosigned(time, text)))
    hashes = "".join(encode(digest) + "\n" for digest in inclusion(index, size))
    return "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n%s\n%s" % (encode(b"from Python"), index, hashes, note)


def answer(request):
    ask = request.pop("ask")
    if ask == "root":
        return encode(root(request["size"]))
    if ask == "inclusion":
        return [encode(digest) for digest in inclusion(request["index"], request["size"])]
    if ask == "consistency":
        return [encode(digest) for digest in consistency(request["from"], request["to"])]
    if ask == "note":
        keys = request["keys"]
        return [check_note(request["note"], key["name"], bytes.fromhex(key["key"]), key["type"]) for key in keys]
    if ask == "proof":
        return check_proof(request["file"], request["leaf"].encode())
    if ask == "make":
        return make(**request)
    raise ValueError(ask)


def main():
    for request in sys.stdin:
        print(json.dumps(answer(json.loads(request))), flush=True)


main()
