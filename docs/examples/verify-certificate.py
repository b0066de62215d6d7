#!/usr/bin/env python3
"""Verifies a certificate of `fengsui certificate issue` with nothing but Python's own library, docs/certificates.md and verify-archive.py beside it.

The issuer's signature, keys down to the exchange file's, events with signatures and inclusion proofs, entries and their sum, the checkpoint and its
cosignatures, the days; not the grade. Exit status: 0 valid, 4 not in its days, 5 something does not hold, 2 usage."""
import argparse, base64, datetime, importlib.util, json, pathlib, sys, tomllib

sys.dont_write_bytecode = True  # nothing is left beside the scripts
spec = importlib.util.spec_from_file_location("archive", pathlib.Path(__file__).with_name("verify-archive.py"))
archive = importlib.util.module_from_spec(spec)
spec.loader.exec_module(archive)  # Ed25519 (RFC 8032), SHA-256, and what registrations do

def require(holds, what):
    if not holds:
        raise ValueError(what)

def root_by(index, size, leaf, hashes):
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2)."""
    fn, sn, root = index, size - 1, leaf
    for sibling in hashes:
        require(sn > 0, "an inclusion proof is too long")
        if fn & 1 or fn == sn:
            root = archive.sha256(b"\1", sibling, root)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = archive.sha256(b"\1", root, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(sn == 0, "an inclusion proof is too short")
    return root

def is_good(keys, agencies, keyid, agency):
    owner, _, until = keys.get(keyid, (None, 0, None))
    return owner == agency and until is None and not agencies.get(agency)

def read_events(statement, size, root, keys, agencies, authority):
    events, last = {}, 0
    for proven in statement["events"]:
        position, body = proven["position"], proven["bytes"].encode()
        require(last < position <= statement["position"] <= size, f"event {position} is out of order")
        hashes = [base64.b64decode(text) for text in proven["hashes"]]
        require(root_by(position - 1, size, archive.sha256(b"\0", body), hashes) == root, f"event {position} is not in the tree")
        event, last = json.loads(body), position
        region, agency = event["source"].split("/")[2], event["source"].split("/")[4]
        require(region == statement["region"], f"event {position} is of another region")
        require(is_good(keys, agencies, event["keyid"], agency), f"the key of event {position} is not registered")
        require(archive.is_signed(archive.raw_of(event["keyid"]), body, base64.b64decode(proven["signature"])), f"the signature of event {position}")
        archive.apply_registration(keys, agencies, authority, position, event)
        events[position] = event
    return events

def check_note(note, keys, agencies, authority, origin, quorum):
    text, _, lines = note.partition("\n\n")
    head, signers = (text + "\n").encode(), set()
    require(text.split("\n")[0] == origin, "the checkpoint is of another log")
    for _, who, value in (line.split(" ") for line in lines.splitlines()):
        value, is_log = base64.b64decode(value), who == origin
        agency = authority if is_log else who.removeprefix(f"{origin}/agencies/")
        message = head if is_log else b"cosignature/v1\ntime %d\n%s" % (int.from_bytes(value[4:12], "big"), head)
        good = [archive.raw_of(keyid) for keyid in keys if is_good(keys, agencies, keyid, agency)]
        if any(archive.is_signed(raw, message, value[-64:]) for raw in good):
            signers.add(who if is_log else agency)
    others = {owner for owner, since, _ in keys.values() if since} - {authority} - {agency for agency, end in agencies.items() if end}
    needed = len(others) // 2 + 1 if quorum is None else quorum
    require(origin in signers, "the authority has not signed the checkpoint")
    require(len(signers & others) >= needed, f"{len(signers & others)} of {needed} cosignatures")

def check_entries(statement, events):
    total, last, moved = 0, 0, set()
    for entry in statement["entries"]:
        event = events.get(entry["cause_position"], {})
        require(entry["number"] > last and event.get("id") == entry["cause"], f"entry {entry['number']} has no cause")
        require(event["subject"] == f"units/{statement['unit']}", f"entry {entry['number']} is of another unit")
        require(entry.get("counted_until", "9999-12-31") > statement["date"], f"entry {entry['number']} counts no longer")
        same = (entry["cause_position"], entry["kind"], entry["rule"])
        require(same not in moved, f"entry {entry['number']} stands there before")
        moved.add(same)
        total, last = total + entry["points"], entry["number"]
    require(total == statement["balance"], "the entries do not sum to the balance")
    rulebook, published = statement["rulebook"], events.get(statement["rulebook"]["position"], {"data": {}})
    require(archive.sha256(published["data"].get("text", "").encode()).hex() == rulebook["sha256"], "the rulebook is another one")

def verify(path, exchange, quorum, today):
    lines = path.read_bytes().split(b"\n")
    require(len(lines) == 4 and lines[0] == b'{"certificate":' and lines[3] == b"", "the file has another layout")
    statement, signature = json.loads(lines[1]), json.loads(b"\n".join(lines))["signature"]
    trust = tomllib.loads(exchange.read_text())
    region, authority = trust["region"], trust["authority"]
    require((statement["format"], statement["region"]) == ("fengsui-certificate/1", region), "another format or another exchange")
    require(signature["keyid"] == statement["keyid"], "the signature names another key")
    require(archive.is_signed(archive.raw_of(statement["keyid"]), lines[1], base64.b64decode(signature["value"])), "the issuer's signature")
    keys, agencies = {keyid: [authority, 0, None] for keyid in trust["authority_keys"]}, {}
    _, size, root = statement["checkpoint"].split("\n")[:3]
    events = read_events(statement, int(size), base64.b64decode(root), keys, agencies, authority)
    require(is_good(keys, agencies, statement["keyid"], statement["issuer"]), "the key is not the issuer's")
    check_note(statement["checkpoint"], keys, agencies, authority, f"fengsui.cn/regions/{region}", quorum)
    check_entries(statement, events)
    is_in_days = statement["date"] <= today <= statement["valid_until"]
    print(f"{'valid' if is_in_days else 'not in its days'}\t{statement['unit']} {statement['name']}\tbalance {statement['balance']}\t"
          f"position {statement['position']}\t{statement['date']} to {statement['valid_until']}")
    return 0 if is_in_days else 4

if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("certificate", type=pathlib.Path)
    arguments.add_argument("--exchange", type=pathlib.Path, required=True, help="the exchange file that you trust")
    arguments.add_argument("--quorum", type=int, help="cosignatures of other agencies that it takes")
    arguments.add_argument("--on", default=str(datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()), help="the day")
    given = arguments.parse_args()
    try:
        sys.exit(verify(given.certificate, given.exchange, given.quorum, given.on))
    except archive.FAULTS as error:
        print(f"does not hold\t{error}")
        sys.exit(5)
