#!/usr/bin/env python3
"""Verifies a dump of an authledger log. Written from events/FORMAT.md alone; shares no code with authledger.

Prints size, chain hash and root of a good log, or the first bad sequence and one word for the reason.
Ends with 0 good, 10 tampered, 13 incomplete, 2 wrong usage, 3 unreadable. Needs the PyPI package blake3.
"""

import argparse
import hashlib
import struct
import sys
from functools import reduce

from blake3 import blake3

LEAF_MAX, BODY_MAX = 65_535, 60_000
COMMAND_EVENTS_MAX, COMMAND_BYTES_MAX = 4_096, 2_097_152
HEADER = struct.Struct("<2sBBHH16sIQqQHQQQBQ16sII32sI")


class Finding(Exception):
    """Its arguments are the first bad sequence and the word for what is wrong there."""


class Damaged(Exception):
    """A body or a part of a header breaks its rules."""


class Reader:
    """Takes fields off the front of some bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        if self.at > len(self.data):
            raise Damaged
        return self.data[self.at - count : self.at]

    def end(self):
        if self.at != len(self.data):
            raise Damaged


def integer(size, signed=False):
    return lambda reader: int.from_bytes(reader.take(size), "little", signed=signed)


def raw(count):
    return lambda reader: reader.take(count)


u8, u16, u32, u64, i64 = integer(1), integer(2), integer(4), integer(8), integer(8, signed=True)


def text(reader):
    try:
        return reader.take(u64(reader)).decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise Damaged from None


def check_sealed(data):
    if len(data) < 1 + 32 + 12 + 16 or data[0] != 1:  # algorithm, key id, nonce, tag
        raise Damaged
    return data


def sealed(reader):
    return check_sealed(reader.take(u64(reader)))


def one_of(*numbers):
    def read(reader):
        number = u8(reader)
        if number not in numbers:
            raise Damaged
        return number

    return read


def option(inner):
    present = one_of(0, 1)
    return lambda reader: inner(reader) if present(reader) else None


def rising(inner):
    """A set: elements in strictly rising order."""

    def read(reader):
        count, items = u64(reader), []
        for _ in range(count):
            items.append(inner(reader))
            if len(items) > 1 and items[-2] >= items[-1]:
                raise Damaged
        return items

    return read


def mapping(inner):
    """Names in strictly rising order, each with a value."""

    def read(reader):
        count, items = u64(reader), {}
        for _ in range(count):
            name = text(reader)
            if items and name <= next(reversed(items)):
                raise Damaged
            items[name] = inner(reader)
        return items

    return read


def change(reader):
    """What became of a secret: 0 kept, 1 cleared, 2 replaced by what follows."""
    return sealed(reader) if one_of(0, 1, 2)(reader) == 2 else None


def fields(**kinds):
    return lambda reader: {name: kind(reader) for name, kind in kinds.items()}


def pairs(inner):
    """Numbers in strictly rising order, each with a value."""

    def read(reader):
        count, items = u64(reader), {}
        for _ in range(count):
            number = u64(reader)
            if items and number <= next(reversed(items)):
                raise Damaged
            items[number] = inner(reader)
        return items

    return read


def address_range(reader):
    """The first and the last address, 16 bytes each."""
    bounds = reader.take(16), reader.take(16)
    if bounds[0] > bounds[1]:
        raise Damaged
    return bounds


def listing(inner):
    return lambda reader: [inner(reader) for _ in range(u64(reader))]


secret = fields(hash=raw(32), sealed=option(sealed))
policy = fields(client_type=one_of(1, 2), grant_types=rising(one_of(1, 2, 3, 4)), scopes=rising(one_of(1, 2, 3)),
                pkce=one_of(1, 2), refresh_rotation=one_of(1, 2), refresh_retry_secs=u32,
                access_token_lifetime_secs=option(u32), refresh_token_idle_secs=option(u32),
                refresh_token_absolute_secs=option(u32), resource_server=option(text), run_as=option(u64),
                password_until=option(i64))
issued = fields(hash=raw(32), expires_at=i64)
password = fields(hash=sealed, status=one_of(1, 2), expires_at=option(i64))
stream = fields(kind=u16, id=u64)
BODIES = {
    (1, 1): fields(software=text),
    (2, 1): fields(size=u64, chain=raw(32), root=raw(32), digest_version=u16, digest=raw(32)),
    (100, 1): fields(name=text, key_id=raw(32), description=option(sealed), parent=option(u64),
                     status=one_of(0, 1), administrators=rising(u64)),
    (101, 1): fields(name=text, description=option(sealed), status=one_of(0, 1)),
    (102, 1): fields(),
    (103, 1): fields(added=rising(u64), removed=rising(u64)),
    (200, 1): fields(name=text, key_id=raw(32), description=option(sealed), permissions=rising(u16)),
    (201, 1): fields(name=text, description=option(sealed), permissions=rising(u16)),
    (202, 1): fields(),
    (300, 1): fields(name=sealed, status=one_of(0, 1), password=option(password), roles=rising(u64),
                     permissions=rising(u16)),
    (301, 1): fields(until=i64),
    (302, 1): fields(),
    (303, 1): fields(name=sealed),
    (304, 1): fields(status=one_of(0, 1)),
    (305, 1): fields(hash=option(sealed), status=one_of(1, 2), expires_at=option(i64), setter=one_of(1, 2),
                     ends_all_tokens=one_of(0, 1)),
    (306, 1): fields(roles=rising(u64), permissions=rising(u16)),
    (307, 1): fields(previous=u64),
    (308, 1): fields(key_id=raw(32)),
    (400, 1): fields(name=text, data_store=u32, description=option(sealed), client_id=text, client_secret=sealed,
                     authorize_uri=text, token_uri=text, scope=text),
    (401, 1): fields(name=text, description=option(sealed), client_id=text, client_secret=option(sealed),
                     authorize_uri=text, token_uri=text, scope=text),
    (402, 1): fields(),
    (500, 1): fields(owner=u64, name=text, oauth_app=u64, description=option(sealed), access_token=option(sealed),
                     refresh_token=sealed),
    (501, 1): fields(name=text, oauth_app=u64, description=option(sealed), access_token=change,
                     refresh_token=option(sealed)),
    (502, 1): fields(),
    (600, 1): fields(owner=u64, name=text, data_store=u32, connection_type=one_of(1, 2, 3), key_id=raw(32),
                     description=option(sealed), profile=option(u64), plain_options=mapping(text),
                     sealed_options=mapping(sealed)),
    (601, 1): fields(name=text, description=option(sealed), profile=option(u64), plain_options=mapping(text),
                     sealed_options=mapping(option(sealed))),
    (602, 1): fields(),
    (603, 1): fields(profile=u64),
    (604, 1): fields(users=pairs(rising(u16)), tenants=pairs(rising(u16))),
    (605, 1): fields(users=rising(u64), tenants=rising(u64)),
    (606, 1): fields(permissions=option(rising(u16))),
    (607, 1): fields(set=pairs(text), removed=rising(u64)),
    (700, 1): fields(owner=u64, name=text, description=option(sealed), redirect_urls=listing(text), client_id=text,
                     key_id=raw(32), secret=option(secret), policy=policy),
    (701, 1): fields(name=text, description=option(sealed), redirect_urls=listing(text), policy=policy),
    (702, 1): fields(secret=secret),
    (703, 1): fields(secret=secret, previous_until=i64),
    (704, 1): fields(owner=u64),
    (705, 1): fields(),
    (800, 1): fields(id=u32, scopes=rising(one_of(1, 2, 3)), audience=rising(text)),
    (801, 1): fields(client=u64, user=u64, scopes=rising(one_of(1, 2, 3)), by=one_of(1, 2)),
    (802, 1): fields(user=u64),
    (803, 1): fields(),
    (804, 1): fields(code=raw(32), redirect_uri=option(text), challenge=option(raw(32)), scope_set=u32,
                     expires_at=i64, authenticated_at=i64, method=one_of(1, 2)),
    (805, 1): fields(code=raw(32), client=u64, family=u64, scope_set=u32, access=issued,
                     refresh=option(raw(32)), refresh_until=option(i64)),
    (806, 1): fields(code=raw(32), family=u64),
    (807, 1): fields(client=u64, family=u64, scope_set=u32, access=issued, refresh=option(raw(32)),
                     refresh_until=option(i64)),
    (808, 1): fields(scope_set=u32, access=issued, family=option(u64), refresh_until=option(i64), run_as=option(u64)),
    (809, 1): fields(family=u64, generation=u32, refresh=raw(32), refresh_until=option(i64), scope_set=u32,
                     access=issued, epoch=u32),
    (810, 1): fields(family=u64, generation=u32),
    (811, 1): fields(access=raw(32)),
    (812, 1): fields(family=u64),
    (900, 1): fields(object=stream, object_sequence=u64, fields=rising(u16)),
    (1100, 1): fields(limit=u16, value=u64),
    (1101, 1): fields(limit=u16),
    (1102, 1): fields(configuration=u16, value=option(text)),
    (1103, 1): fields(name=text, description=option(sealed), length_min=u32, length_max=u32, special_min=u32,
                      lower_min=u32, upper_min=u32, digits_min=u32, expiration_days=option(u32)),
    (1104, 1): fields(management_api=rising(address_range), admin_api=rising(address_range),
                      data_access=rising(address_range), web_ui=rising(address_range)),
    (1105, 1): fields(lists=option(sealed)),
    (1106, 1): fields(id=u64, domain=text, description=option(sealed)),
    (1107, 1): fields(id=u64),
}


class Leaf:
    """The header of a leaf, and its body as bytes. Raises Damaged when the header breaks its rules."""

    def __init__(self, data):
        reader = Reader(data)
        (
            magic, version, flags, event_type, schema_version, self.ledger_id, self.epoch, self.sequence,
            self.recorded_at, _tenant, stream_kind, stream_id, self.stream_version, self.stream_previous, actor_kind,
            actor_id, self.command_id, self.command_index, self.command_count, self.previous_hash, body_length,
        ) = HEADER.unpack(reader.take(HEADER.size))
        if magic != b"AL" or version != 1 or flags & ~7:
            raise Damaged
        if actor_kind not in (1, 2, 3, 4) or (actor_kind > 2 and actor_id != 0) or body_length > BODY_MAX:
            raise Damaged
        self.kind, self.stream = (event_type, schema_version), (stream_kind, stream_id)
        if flags & 1:
            reader.take(8)
        if flags & 2:
            reader.take(32)
        if flags & 4:
            check_sealed(reader.take(u16(reader)))
        self.only_first = bool(flags & 6)
        self.body = reader.take(body_length)
        reader.end()


def leaves(file):
    """The leaves of a dump."""
    sequence = 0
    while length := file.read(4):
        if len(length) < 4:
            raise Finding(sequence, "cut")
        count = int.from_bytes(length, "little")
        if count > LEAF_MAX:
            raise Finding(sequence, "length")
        data = file.read(count)
        if len(data) < count:
            raise Finding(sequence, "cut")
        yield data
        sequence += 1


def chain_hash(data):
    return blake3(data, derive_key_context="authledger 2026 chain v1").digest()


def sha256(data):
    return hashlib.sha256(data).digest()


class Log:
    """What has been verified so far."""

    def __init__(self, size=None, chain=None, root=None):
        self.expected_size, self.expected_chain, self.expected_root = size, chain, root
        self.size, self.chain, self.peaks = 0, bytes(32), []
        self.last, self.streams, self.command_bytes, self.unknown = None, {}, 0, 0

    def root(self):
        smallest_first = reversed(self.peaks or [sha256(b"")])
        return reduce(lambda right, left: sha256(b"\x01" + left + right), smallest_first)

    def check_head(self, sequence):
        if self.size != self.expected_size:
            return
        if self.expected_chain not in (None, self.chain) or self.expected_root not in (None, self.root()):
            raise Finding(sequence, "head")

    def vouched(self, own, source, by_head=True):
        """Whether what comes after says that this is the leaf's hash; None when nothing speaks."""
        if by_head and self.expected_size == self.size + 1 and self.expected_chain is not None:
            return self.expected_chain == own
        try:
            data = next(source, b"")
        except Finding:
            return None
        return data[111:143] == own if len(data) >= 143 else None

    def push(self, data, source):
        """Checks the next leaf; the one after it is taken from the source only to settle a finding."""
        k, own, last = self.size, chain_hash(data), self.last
        try:
            leaf = Leaf(data)
        except Damaged:
            raise Finding(k, "header") from None
        if leaf.sequence != k:
            misplaced = leaf.sequence < k and self.chain not in (leaf.previous_hash, own)
            claims_twice = misplaced and self.vouched(own, source, by_head=False)
            raise Finding(leaf.sequence if claims_twice else k, "sequence")
        if leaf.previous_hash != self.chain:
            blame_this = k == 0 or self.vouched(own, source) is False
            raise Finding(k if blame_this else k - 1, "chain")
        open_command = last is not None and last.command_index + 1 < last.command_count
        if last is not None and leaf.ledger_id != last.ledger_id:
            raise Finding(k, "ledger")
        before = last.epoch if last else 1
        if leaf.epoch < before or (open_command and leaf.epoch != before):
            raise Finding(k, "epoch")
        if last is not None and leaf.recorded_at < last.recorded_at:
            raise Finding(k, "time")
        self.command_bytes = len(data) + (self.command_bytes if open_command else 0)
        if not self.command_is_right(leaf, open_command):
            raise Finding(k, "command")
        if (leaf.stream_version, leaf.stream_previous) != self.streams.get(leaf.stream, (0, 2**64 - 1)):
            raise Finding(k, "stream")
        self.check_body(leaf, k)
        self.streams[leaf.stream] = (leaf.stream_version + 1, k)
        self.last, self.chain, self.size = leaf, own, k + 1
        node = sha256(b"\x00" + data)
        while k & 1:
            node = sha256(b"\x01" + self.peaks.pop() + node)
            k >>= 1
        self.peaks.append(node)
        self.check_head(self.size - 1)

    def command_is_right(self, leaf, open_command):
        last = self.last
        if leaf.command_count > COMMAND_EVENTS_MAX or self.command_bytes > COMMAND_BYTES_MAX:
            return False
        if not open_command:
            return leaf.command_index == 0 < leaf.command_count and (not last or leaf.command_id != last.command_id)
        same = (leaf.command_id, leaf.command_count) == (last.command_id, last.command_count)
        return same and leaf.command_index == last.command_index + 1 and not leaf.only_first

    def check_body(self, leaf, k):
        try:
            reader = Reader(leaf.body)
            BODIES[leaf.kind](reader)
            reader.end()
        except KeyError:
            self.unknown += 1
        except Damaged:
            raise Finding(k, "body") from None

    def finish(self):
        if self.expected_size is not None and self.size < self.expected_size:
            raise Finding(self.size, "missing")
        if self.last is not None and self.last.command_index + 1 < self.last.command_count:
            raise Finding(self.size, "unfinished")


def verify(file, log):
    """The exit code and what to print about a dump."""
    try:
        source = leaves(file)
        log.check_head(0)
        for data in source:
            log.push(data, source)
        log.finish()
    except Finding as finding:
        sequence, word = finding.args
        incomplete = word in ("cut", "missing", "unfinished")
        verdict, code = ("incomplete", 13) if incomplete else ("tampered", 10)
        return code, f"{verdict}\nsequence {sequence}\nreason {word}"
    return 0, f"good\nsize {log.size}\nchain {log.chain.hex()}\nroot {log.root().hex()}\nunknown {log.unknown}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dump", help="a file, or - for standard input")
    for name, kind in ("--size", int), ("--chain", bytes.fromhex), ("--root", bytes.fromhex):
        parser.add_argument(name, type=kind, help="what the log must have at this size")
    arguments = parser.parse_args()
    try:
        with sys.stdin.buffer if arguments.dump == "-" else open(arguments.dump, "rb") as file:
            code, text = verify(file, Log(arguments.size, arguments.chain, arguments.root))
    except OSError as error:
        code, text = 3, error
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
