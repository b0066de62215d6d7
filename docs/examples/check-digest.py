#!/usr/bin/env python3
"""Checks a log and the lines of its state digest with nothing but Python's own library.

It shows that docs/state-digest.md and the event format are enough for another program to verify everything:

    check-digest.py                                     the golden logs of the project
    check-digest.py --lines STATE.lines                 the form of the lines, and their digest
    check-digest.py --lines STATE.lines --model MODEL   the lines against the tables of a read model
    check-digest.py --log LOG.jsonl                     signatures and hash chains of a log
    check-digest.py --log LOG.jsonl --lines STATE.lines the same, and whether cosigned roots are those of the log

Exit status: 0 all is well, 4 the lines and the tables differ, 5 a line, signature or chain is not what it must be.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import sqlite3
import sys

ORDER = ["progress", "registry", "chain", "case", "account", "entry", "cosignature", "certificate", "anomaly"]

# ------------------------------------------------------------------------------------------------ Ed25519 (RFC 8032)
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def point_of(raw):
    number = int.from_bytes(raw, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(public_key, message, signature):
    if len(signature) != 64:
        return False
    key, commitment = point_of(public_key), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= L:
        return False
    challenge = hashlib.sha512(signature[:32] + public_key + message).digest()
    one = times(scalar, BASE)
    other = add(commitment, times(int.from_bytes(challenge, "little") % L, key))
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def crc16(data):
    """CRC-16/XMODEM, as NKeys uses it."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def public_key_of(keyid):
    raw = base64.b32decode(keyid)
    body, crc = raw[:-2], int.from_bytes(raw[-2:], "little")
    assert len(body) == 33 and body[0] == 20 << 3 and crc == crc16(body), keyid
    return body[1:]


# ------------------------------------------------------------------------------------------------------------- the log
def check_log(path):
    """Counts good and bad signatures and follows each source's chain. Returns the positions of bad records."""
    bad, heads, links, gaps = [], {}, 0, 0
    with open(path, encoding="utf-8") as lines:
        for position, line in enumerate(lines, 1):
            record = json.loads(line)
            body = bytes.fromhex(record["bytes"])
            try:
                event = json.loads(body)
                signed = is_signed(public_key_of(event["keyid"]), body, bytes.fromhex(record["signature"]))
            except ValueError:
                signed = False
            if not signed:
                bad.append(position)
                continue
            source, sequence = event["source"], int(event["sequence"])
            if sequence == heads.get(source, (0, None))[0] + 1:
                if event.get("previous") == heads.get(source, (0, None))[1]:
                    links += 1
                    heads[source] = (sequence, hashlib.sha256(body).hexdigest())
            elif sequence > heads.get(source, (0, None))[0]:
                gaps += 1
                heads[source] = (sequence, hashlib.sha256(body).hexdigest())
    print(f"log      {position} records, {position - len(bad)} well signed, {links} links fit, {gaps} gaps")
    return bad


def tree_root(leaves):
    """The root of a Merkle tree by RFC 6962, section 2.1, over the hashes of its leaves."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def check_roots(path, parsed):
    """Compares the roots that were cosigned with the log's; one that differs must have been named as a split view."""
    with open(path, encoding="utf-8") as lines:
        leaves = [hashlib.sha256(b"\0" + bytes.fromhex(json.loads(line)["bytes"])).digest() for line in lines]
    cosigned = {(value["size"], value["root"]) for kind, value in parsed if kind == "cosignature"}
    causes = [json.loads(value["cause"]) for kind, value in parsed if kind == "anomaly" and value["code"] == "split_view"]
    split = {cause["split_view"]["size"] for cause in causes}
    other = {size for size, root in cosigned if base64.b64encode(tree_root(leaves[:size])).decode() != root}
    print(f"roots    {len(cosigned)} cosigned, {len(cosigned) - len(other)} are the log's, {len(split)} sizes named as split")
    return len(other ^ split)


# ----------------------------------------------------------------------------------------------------------- the lines
def pruned(value):
    """A value without what is absent or empty, as the rules ask for it; None when nothing is left."""
    if isinstance(value, dict):
        fields = {key: pruned(inner) for key, inner in value.items()}
        return {key: inner for key, inner in fields.items() if inner not in (None, [], {})} or None
    if isinstance(value, list):
        return [{} if inner is None else inner for inner in map(pruned, value)] or None
    return value


def canonical(kind, value):
    text = json.dumps(pruned(value) or {}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{kind} {text}\n".encode()


def check_lines(path):
    """Checks the form and order of the lines and prints their digest. Returns the parsed lines."""
    parsed, faults, last = [], 0, 0
    body = path.read_bytes()
    for number, line in enumerate(body.splitlines(keepends=True), 1):
        kind, _, text = line.decode().partition(" ")
        value = json.loads(text)
        place = ORDER.index(kind)
        if place < last or canonical(kind, value) != line:
            print(f"line {number} is not canonical or out of order: {line[:80]!r}", file=sys.stderr)
            faults += 1
        last = max(last, place)
        parsed.append((kind, value))
    balances = {}
    for kind, value in parsed:
        if kind == "entry":
            balances[value["unit"]] = balances.get(value["unit"], 0) + value["points"]
    for kind, value in parsed:
        if kind == "account" and balances.get(value["unit"], 0) != value["total"]:
            print(f"the balance of {value['unit']} is not the sum of its entries", file=sys.stderr)
            faults += 1
    print(f"lines    {len(parsed)}, {faults} faults")
    print(f"digest   sha256:{hashlib.sha256(body).hexdigest()}")
    return parsed, faults


# ---------------------------------------------------------------------------------------------------------- the tables
ENTRIES = """SELECT unit, number, position, hex(cause) AS cause, CASE WHEN case_id IS NOT NULL THEN hex(case_id) END AS "case", kind, rule, rulebook, points,
    effective_on, counted_until FROM entries ORDER BY unit, number"""
COSIGNATURES = """SELECT size, position, agency, keyid, root, digest, time_seconds FROM cosignatures
    ORDER BY size, position"""
CERTIFICATES = """SELECT hex(id) AS id, unit, issuer, issued_at, position, sha256, issued_on, valid_until, purpose, consent,
    revoked_at, revoked_by, revoked_on, reason FROM certificates ORDER BY certificates.id"""
ANOMALIES = "SELECT position, hex(id) AS id, code, cause FROM anomalies ORDER BY number"
PROGRESS = "SELECT position, effective, without_effect, duplicates FROM progress"


def check_model(path, parsed):
    """Draws the lines that the tables hold in the open from a read model, and compares."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    faults = 0
    queries = {"progress": PROGRESS, "entry": ENTRIES, "cosignature": COSIGNATURES, "certificate": CERTIFICATES,
               "anomaly": ANOMALIES}
    for kind, query in queries.items():
        drawn = [canonical(kind, dict(row)) for row in connection.execute(query)]
        given = [canonical(kind, value) for other, value in parsed if other == kind]
        faults += drawn != given
        print(f"model    {len(drawn)} {kind} lines {'agree' if drawn == given else 'DIFFER'}")
    totals = {row["unit"]: row["total"] for row in connection.execute("SELECT unit, total FROM accounts")}
    agrees = totals == {value["unit"]: value["total"] for kind, value in parsed if kind == "account"}
    print(f"model    {len(totals)} balances {'agree' if agrees else 'DIFFER'}")
    return faults + (not agrees)


def check(log, lines, model):
    """Checks what is given. Returns the exit status."""
    bad = check_log(log) if log else []
    parsed, faults = check_lines(lines) if lines else ([], 0)
    if log and lines:
        codes = {"bad_signature", "malformed_envelope"}
        named = [value["position"] for kind, value in parsed if kind == "anomaly" and value["code"] in codes]
        print(f"state    names {len(named)} badly signed records, the log has {len(bad)}")
        faults += (named != bad) + check_roots(log, parsed)
    if faults:
        return 5
    return 4 if model and check_model(model, parsed) else 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--log", type=pathlib.Path)
    arguments.add_argument("--lines", type=pathlib.Path)
    arguments.add_argument("--model", type=pathlib.Path)
    given = arguments.parse_args()
    pairs = [(given.log, given.lines)]
    if given.log is None and given.lines is None:
        golden = pathlib.Path(__file__).resolve().parents[2] / "crates/projector/tests/golden"
        pairs = [(golden / f"{name}.jsonl", golden / f"{name}.lines") for name in ("pilot", "checkpoints", "reconciliation")]
    sys.exit(max(check(log, lines, given.model) for log, lines in pairs))


if __name__ == "__main__":
    main()
