#!/usr/bin/env python3
"""Verifies an archive of `fengsui audit export` with nothing but Python's own library and docs/archive.md.

Members, events with signatures and keys, chains, tree, checkpoints and cosignatures; not what the events amount to. A line for the first finding of
each kind. Exit status: 0 all is well, 5 something is not, 2 usage."""
import argparse, base64, binascii, collections, contextlib, functools, hashlib, json, pathlib, re, sys, tomllib, zipfile, zlib
NAME = re.compile(r"exchange\.toml|events/\d{20}\.jsonl|tile/[0-7]/(x\d{3}/)*\d{3}(\.p/\d{1,3})?|checkpoint|checkpoints/\d{20}\.note|keys\.jsonl"
                  r"|keys/U[A-Z2-7]{55}\.pem|rulebooks/\d{20}\.toml|schemas/[a-z0-9.-]+\.json|README\.txt|manifest\.json|SHA256SUMS")
FAULTS = (OSError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # Ed25519, RFC 8032
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)
BYTES_MAX, EVENT_BYTES_MAX, PREFIX, CODE, findings = 64 << 20, (1 << 20) - 4096, "cn.fengsui.", re.compile(r"[a-z][a-z0-9-]+"), collections.Counter()
FORMS = {"registered": "agency keys name region", "key-rotated": "agency new old", "key-revoked": "agency keyid reason", "suspended": "agency reason"}
ENVELOPE = {  # forms of attributes; empty stands for one that may be absent
    "id": "[0-7][0-9A-HJKMNP-TV-Z]{25}", "specversion": "1[.]0", "datacontenttype": "application/json", "sequence": r"\d{20}", "previous": "([0-9a-f]{64})?", "time": r"\d{4}-\d\d-\d\d[T ].*",
    "source": r"/regions/\d{6}/agencies/[a-z][a-z0-9-]+/nodes/[1-9]\d*", "subject": "(units|agencies|rulebooks|regions)/.+", "correlation": r"(\w{26})?", "causation": r"(\w{26})?"}
def found(kind, where, detail=""):
    findings[kind] += 1
    print(f"{kind}\t{where}\t{detail}") if findings[kind] == 1 else None

def add(one, other):
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % P, (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    return (b - a) * (d - c) % P, (d + c) * (b + a) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P
def times(scalar, point):
    result = (0, 1, 1, 0)
    for bit in f"{scalar:b}":
        result = add(add(result, result), point) if bit == "1" else add(result, result)
    return result
@functools.lru_cache(4096)
def point_of(raw):
    sign, y = int.from_bytes(raw, "little") >> 255, int.from_bytes(raw, "little") % 2**255
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    point = (x, y, 1, x * y % P) if x & 1 == sign else (P - x, y, 1, (P - x) * y % P)
    return None if len(raw) != 32 or y >= P or (x * x - square) % P or times(8, point)[0] == 0 else point  # none of small order
def is_signed(key, message, signature):
    base, point, commitment = map(point_of, ((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"), key, signature[:32]))
    scalar, challenge = int.from_bytes(signature[32:], "little"), hashlib.sha512(signature[:32] + key + message).digest()
    if point is None or commitment is None or scalar >= L:
        return False
    one, other = times(scalar, base), add(commitment, times(int.from_bytes(challenge, "little") % L, point))
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 == (one[1] * other[2] - other[1] * one[2]) % P
def raw_of(keyid):
    nkey = base64.b32decode(keyid)  # a byte for U, the key, CRC-16
    if nkey[:1] != b"\xa0" or nkey[33:] != binascii.crc_hqx(nkey[:33], 0).to_bytes(2, "little"):
        raise ValueError(f"{keyid} is no key")
    return nkey[1:33]
def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()

def read_members(path):
    archive, members = None if path.is_dir() else zipfile.ZipFile(path), {}
    for entry in archive.infolist() if archive else [file for file in path.rglob("*") if file.is_symlink() or not file.is_dir()]:
        name = entry.filename if archive else entry.relative_to(path).as_posix()
        is_name = NAME.fullmatch(name) and name not in members and (archive or entry.is_file() and not entry.is_symlink())
        if not is_name or archive and entry.file_size > min(BYTES_MAX, max(65536, 100 * entry.compress_size)):
            found("bomb" if is_name else "name", ascii(name), "too large, or there twice, or no name of the format, or a link")
        else:
            members[name] = archive.open(entry).read(BYTES_MAX) if archive else entry.read_bytes()
    return members
def check_members(members):
    manifest = json.loads(members["manifest.json"])
    listed = {file["name"]: (file["sha256"], file["bytes"]) for file in manifest["files"]}
    for name in sorted((members.keys() | listed.keys()) - {"manifest.json", "SHA256SUMS"}):
        if name not in members or name not in listed:
            found("missing" if name in listed else "extra", name)
        elif (sha256(members[name]).hex(), len(members[name])) != listed[name]:
            found("sha256", name, "is not what the manifest says")
    sums = "".join(f"{digest}  {name}\n" for name, (digest, _) in listed.items()) + sha256(members["manifest.json"]).hex() + "  manifest.json\n"
    return manifest if members["SHA256SUMS"] == sums.encode() else found("sums", "SHA256SUMS", "is not what the manifest says") or manifest

def apply_registration(keys, agencies, authority, position, event):
    """As the fold of the exchange does (docs/keys.md): what it refuses has no effect here either."""
    kind, data, actor = "".join(re.findall(r"^cn\.fengsui\.agency\.([a-z-]+)\.v1\Z", event["type"])), event["data"], event["source"].split("/")[4]
    if " ".join(sorted(data)) != FORMS.get(kind) or not CODE.fullmatch(data["agency"]) or not data.get("reason", "-").strip(): return
    agency, old, new = data["agency"], data.get("old", data.get("keyid")), data.get("keys", [data["new"]] if "new" in data else [])
    held, is_usable = keys.get(old, [None, 0, None]), all(key == {"keyid": key["keyid"], "algorithm": "ed25519"} and point_of(raw_of(key["keyid"])) for key in new)
    if kind == "registered":
        is_free = all(keys.get(key["keyid"], [agency, 0, None])[::2] == [agency, None] for key in new)
        if actor == authority and event["subject"] == f"agencies/{agency}" and agency not in agencies and new and is_usable and is_free and data["name"].strip():
            agencies[agency] = None
            keys.update({key["keyid"]: keys.get(key["keyid"], [agency, position, None]) for key in new})
    elif kind == "key-rotated":
        may = actor == authority or actor == agency and held[2] is None and event["keyid"] == old
        if may and held[0] == agency and is_usable and new[0]["keyid"] not in keys:
            held[2], keys[new[0]["keyid"]] = held[2] or position, [agency, position, None]
    elif kind == "key-revoked":
        is_last = agency == authority and [owner for owner, _, until in keys.values() if until is None].count(authority) == 1
        held[2] = position if actor in (authority, agency) and held[::2] == [agency, None] and not is_last else held[2]
    elif actor == authority != agency and agency in agencies:
        agencies[agency] = agencies[agency] or position
def once(pairs): return dict(pairs) | {"": [name for name, _ in pairs]} if len(dict(pairs)) < len(pairs) else dict(pairs)
def check_event(position, record, body, keys, agencies, exchange, ids, chains):
    event, digest = json.loads(body, object_pairs_hook=once, parse_constant=int), sha256(body).hex()
    region, agency, sequence = event["source"].split("/")[2], event["source"].split("/")[4], int(event["sequence"])
    subject, (owner, _, until) = event["type"].removeprefix(PREFIX).rpartition(".")[0], keys.get(event["keyid"], (None, 0, None))
    is_form = all(re.fullmatch(form, event.get(name) or "") for name, form in ENVELOPE.items()) and sequence and (sequence > 1) == bool(event.get("previous"))
    fault = ("event" if not is_form or "" in event or len(body) > EVENT_BYTES_MAX or "data" not in event else "position" if record["position"] != position else
             "beside" if (event["id"], f"fengsui.{region}.{agency}.{subject}") != (record["id"], record["subject"]) else
             "signature" if not is_signed(raw_of(event["keyid"]), body, base64.b64decode(record["signature"])) else
             "unknown_key" if owner != agency or region != exchange["region"] else
             "ended_key" if agencies.get(agency) or until is not None and until < position else
             "id" if ids.setdefault(event["id"], digest) != digest else
             "chain" if chains[event["source"]].setdefault(sequence, (digest, event.get("previous"), position))[0] != digest else None)
    if fault: return found(fault, f"#{position}", f"{event['source']} {sequence} {event['keyid']}")
    with contextlib.suppress(*FAULTS):  # a payload that does not fit its type has no effect
        apply_registration(keys, agencies, exchange["authority"], position, event)

def levels_of(leaves):
    levels = [leaves]  # RFC 6962: at each height the hashes of complete subtrees
    while len(levels[-1]) > 1:
        levels.append([sha256(b"\1", *levels[-1][at:at + 2]) for at in range(0, len(levels[-1]) - 1, 2)])
    return levels
def root_at(levels, size):
    peaks = [row[(size >> height) - 1] for height, row in enumerate(levels) if size >> height & 1]
    return functools.reduce(lambda right, left: sha256(b"\1", left, right), peaks)
def tile_name(level, index, width):
    digits = f"{index:03}".zfill(-(-len(f"{index:03}") // 3) * 3)
    parts = [digits[at:at + 3] for at in range(0, len(digits), 3)]
    return f"tile/{level}/" + "".join(f"x{part}/" for part in parts[:-1]) + parts[-1] + (f".p/{width}" if width < 256 else "")

def check_note(name, note, levels, keys, authority, origin, trusted):
    text, _, lines = note.partition("\n\n")
    head, size, cosigners = (text + "\n").encode(), int(text.split("\n")[1]), set()
    if text.split("\n")[0] != origin or not 0 < size < len(levels[0]) or root_at(levels, size) != base64.b64decode(text.split("\n")[2]):
        found("root", name, "is not that of the events")
    for _, who, value in (line.split(" ") for line in lines.splitlines()):
        value, is_log, agency = base64.b64decode(value), who == origin, authority if who == origin else who.removeprefix(f"{origin}/agencies/")
        message = head if is_log else b"cosignature/v1\ntime %d\n%s" % (int.from_bytes(value[4:12], "big"), head)
        raws = [raw_of(keyid) for keyid, (owner, _, until) in keys.items() if owner == agency and (until is None or until >= size) and (owner != authority or keyid in trusted)]
        raws = [raw for raw in raws if sha256(who.encode(), b"\n", b"\1" if is_log else b"\4", raw)[:4] == value[:4]]
        cosigners.add(who if is_log else agency) if any(is_signed(raw, message, value[-64:]) for raw in raws) else found("cosignature", name, who)
    if origin not in cosigners: found("checkpoint", name, "the authority has not signed it")
    return size, cosigners - {origin, authority}

def read_events(members, leaves, keys, agencies, exchange, whole):
    ids, chains = {}, collections.defaultdict(dict)
    for name in sorted(name for name in members if name.startswith("events/")):
        for line in members[name].decode().split("\n")[:-1]:
            record, position = json.loads(line), len(leaves) + 1
            body = record["bytes"].encode() if "bytes" in record else base64.b64decode(record.get("bytes_base64", ""))
            leaves.append(sha256(b"\0", body))
            try:
                check_event(position, record, body, keys, agencies, exchange, ids, chains)
            except FAULTS as error:
                found("lost" if record.get("missing") else "event", f"#{position}", repr(error))
    for source, chain in chains.items():
        for sequence, (_, previous, position) in chain.items():
            before = chain.get(sequence - 1, (None,))[0]
            if before != previous and (before is not None or whole or sequence != min(chain)):
                found("chain", f"#{position}", f"{source} {sequence} does not follow")

def verify(path, trusted, quorum):
    members = read_members(path)
    manifest, inside = check_members(members), tomllib.loads(members["exchange.toml"].decode())
    exchange = tomllib.loads(trusted.read_text(encoding="utf-8")) if trusted else inside
    if (exchange["region"], exchange["authority"], sorted(exchange["authority_keys"])) != tuple(inside.values()):
        found("exchange", "exchange.toml", "not the one that is trusted")
    first, last, authority = manifest["first"], manifest["last"], exchange["authority"]
    stated = {key["keyid"]: [key["agency"], key["since"], key.get("until")] for key in map(json.loads, members["keys.jsonl"].splitlines())}
    keys = {keyid: [authority, 0, None] for keyid in exchange["authority_keys"]}
    before = {keyid: [owner, since, until if until and until < first else None] for keyid, (owner, since, until) in stated.items() if since < first}
    keys.update({keyid: key for keyid, key in before.items() if first > 1 and (key[1] or keyid in keys)})
    leaves = [members[tile_name(0, at // 256, min(256, last - at // 256 * 256))][at % 256 * 32:][:32] for at in range(first - 1)]
    agencies = {owner: None for owner, since, _ in keys.values() if since}
    read_events(members, leaves, keys, agencies, exchange, first == 1)
    levels = levels_of(leaves)
    if len(leaves) != last or root_at(levels, len(leaves)) != base64.b64decode(manifest["root"]): found("root", "manifest.json", "is not that of the events")
    tiles = {tile_name(level, at // 256, len(row[at:at + 256])): b"".join(row[at:at + 256]) for level, row in enumerate(levels[::8]) for at in range(0, len(row), 256)}
    if tiles != {name: tile for name, tile in members.items() if name.startswith("tile/")}:
        found("tile", "tile/", "not the hashes of the events")
    pems = {name[5:-4]: base64.b64decode(pem.split(b"\n")[1])[12:] for name, pem in members.items() if name.startswith("keys/")}
    if keys != stated or pems != {keyid: raw_of(keyid) for keyid in keys}:
        found("keys", "keys.jsonl", "not what the registrations on the log give")
    notes = sorted(name for name in members if name.startswith("checkpoint"))
    shown = keys if first == 1 else exchange["authority_keys"]  # what a part states of later keys of the authority anybody could state
    results = [check_note(name, members[name].decode(), levels, keys, authority, manifest["origin"], shown) for name in notes]
    size, cosigners = results[-1] if results else (0, set())
    if 1 < first and size < first: found("stated_keys", "keys.jsonl", f"no checkpoint covers position {first} or a later one")
    others = {owner for owner, since, _ in keys.values() if since <= size and (agencies.get(owner) or last + 1) > size} - {authority}
    needed = quorum if quorum is not None else len(others) // 2 + 1 if others and results else 0
    if len(cosigners) < needed or results and members["checkpoint"] != members[notes[-1]]:
        found("quorum", "checkpoint", f"{len(cosigners)} of {needed}, or not the newest one")
    print(f"archive\tpositions {first}-{last}, checkpoint to {size} cosigned by {len(cosigners)} of {len(others)}, needed {needed}\n"
          f"trust\t{trusted or 'the own exchange.toml of the archive: compare its keys with those that the authority hands out'}")

if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("archive", type=pathlib.Path)
    arguments.add_argument("--exchange", type=pathlib.Path, help="the exchange file that you trust")
    arguments.add_argument("--quorum", type=int, help="cosignatures of other agencies that it takes")
    given = arguments.parse_args()
    try:
        verify(given.archive, given.exchange, given.quorum)
    except FAULTS as error:
        found("form", given.archive, repr(error))
    print("not verified: " + ", ".join(f"{kind} {count}" for kind, count in findings.items()) if findings else "verified")
    sys.exit(5 if findings else 0)
