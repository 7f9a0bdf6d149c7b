"""Reads snapshots as docs/WIRE.md has them, with nothing but that page: what a client in any language has to do with them.

Run with a recorded session it decodes each datagram as it came, some of them late, twice or not at all, and compares whom it sees, and
where, with what the Rust client saw.
"""

import math
import sys
from dataclasses import dataclass, replace

SETS_KEPT = 32
OLDEST_STATE = 31
CROWD_TICKS = 40
SINE = [round(32768 * math.sin(2 * math.pi * heading / 256)) for heading in range(256)]


class Refused(Exception):
    """The datagram is no snapshot that one could read."""


class Bits:
    """Fields of a datagram, the most significant bit first."""

    def __init__(self, data):
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, width):
        if width > self.left:
            raise Refused("it ends too early")
        self.left -= width
        return self.value >> self.left & (1 << width) - 1

    def signed(self, width):
        value = self.take(width)
        return value - (1 << width) if width and value >> width - 1 else value

    def zeros(self, width):
        if self.take(width):
            raise Refused("reserved bits")


@dataclass(frozen=True)
class State:
    """Place in steps of 1/64 m, all else as in the tables of the page; `tick` is the one it is of."""

    tick: int
    x: int
    y: int
    z: int
    facing: int
    speed: int
    heading: int
    animation: int
    dead: bool

    def goes_on_to(self, tick):
        age = (tick - self.tick) % 65536
        if age > OLDEST_STATE:
            raise Refused("a state is too old")
        way = [self.speed * 16 * SINE[(self.heading + quarter) % 256] // 32768 for quarter in (64, 0)]
        return self.x + (32 + way[0] * age >> 6), self.y + (32 + way[1] * age >> 6)

    def position(self):
        """The middle of its step, 1/4096 m."""
        return (self.x << 6) + 32, (self.y << 6) + 32


def change(bits, old, tick):
    """What became of an entity of the baseline; None: it is in the set no more."""
    kind = bits.take(2)
    if kind == 3 and bits.take(1):
        return None
    width = (0, 3, 6, 9)[kind]
    x, y = old.goes_on_to(tick)
    x, y = x + bits.signed(width), y + bits.signed(width)
    speed, heading = old.speed, old.heading
    if bits.take(1):
        is_told = bits.take(1)
        speed = bits.take(7) if is_told else speed
        heading = bits.take(8) if speed or not is_told else 0
    facing = old.facing
    if bits.take(1):
        if not bits.take(1):
            facing = heading
        elif not bits.take(1):
            facing = (facing + bits.signed(5)) % 256
        else:
            facing = bits.take(8)
    animation, dead, z = old.animation, old.dead, old.z
    if bits.take(1):
        animation, dead = bits.take(6), bits.take(1) == 1
        z = bits.signed(16) if bits.take(1) else z
    return State(tick, x, y, z, facing, speed, heading, animation, dead)


def record(bits, cell, height, tick):
    """An entity in full: who it is, and its state."""
    entity = bits.take(16), bits.take(3)
    x, y = ((side << 11) + bits.take(11) for side in cell)
    z = min((height << 8) + bits.take(10), 32767)
    facing, speed, heading, animation = bits.take(8), bits.take(7), bits.take(8), bits.take(6)
    bits.zeros(1)
    dead, _kind = bits.take(1) == 1, bits.take(2)
    bits.zeros(4)
    if heading and not speed:
        raise Refused("a heading without a speed")
    return entity, State(tick, x, y, z, facing, speed, heading, animation, dead)


class View:
    """What a client sees: snapshots in, entities out."""

    def __init__(self):
        self.sets = {}  # by sequence: the entities of a snapshot's set, in order
        self.newest = None
        self.tick = None
        self.seen = {}  # who is in the newest set, in the newest state that any snapshot told
        self.crowd = {}

    def apply(self, datagram):
        """Whether it is the newest state now; any other one that could be read is to be acknowledged too."""
        bits = Bits(datagram)
        if bits.take(8) != 0x11:
            raise Refused("no snapshot of this version")
        tick, sequence, baseline = bits.take(16), bits.take(16), bits.take(16)
        bits.take(24)
        bits.zeros(4)
        flags = bits.take(4)
        for flag, width in ((2, 32), (4, 192)):  # a time echo and the own state are not looked at here
            bits.take(width if flags & flag else 0)
        after = lambda one, other: 0 < (one - other) % 65536 < 32768
        is_newest = self.newest is None or after(sequence, self.newest)
        if sequence in self.sets or not is_newest and (self.newest - sequence) % 65536 >= SETS_KEPT:
            return False  # it was here before, or is too late to count
        members = {}
        if flags & 1:
            if baseline not in self.sets:
                return False  # it cannot be read, and must not be acknowledged
            members = self.changed(bits, self.sets[baseline], tick)
        crowd = self.records(bits, members, tick)
        self.sets[sequence] = members
        if is_newest:
            self.newest, self.tick = sequence, tick
            self.sets = {n: kept for n, kept in self.sets.items() if (sequence - n) % 65536 < SETS_KEPT}
            self.seen = {who: self.seen.get(who, state) for who, state in members.items()}
        for who, state in list(members.items()) + list(crowd.items()):
            if who in self.seen and after(state.tick, self.seen[who].tick):
                self.seen[who] = state
        self.crowd.update(crowd)
        is_shown = lambda who, state: who not in self.seen and (self.tick - state.tick) % 65536 <= CROWD_TICKS
        self.crowd = {who: state for who, state in self.crowd.items() if is_shown(who, state)}
        return is_newest

    def changed(self, bits, baseline, tick):
        if bits.take(8) != len(baseline):
            raise Refused("the baseline has another set")
        told = [bits.take(1) for _ in baseline]
        members = {}
        for (who, old), is_told in zip(baseline.items(), told):
            new = change(bits, old, tick) if is_told else old
            if new is not None:
                new.goes_on_to(tick)
                members[who] = new
        bits.zeros(bits.left % 8)
        return members

    def records(self, bits, members, tick):
        """Those who enter the set go into it; returns the others."""
        crowd = {}
        while bits.left:
            cell = bits.signed(11), bits.signed(11)
            bits.zeros(2)
            form, count, height = bits.take(2), bits.take(6) + 1, bits.signed(8)
            if form > 1:
                raise Refused("an unknown form of records")
            for _ in range(count):
                who, state = record(bits, cell, height, tick)
                (crowd if form else members)[who] = state
        if len(members) > 255:
            raise Refused("a set of more than 255")
        return crowd


def replay(path):
    """A line of a session is a datagram (`>`), or whom the Rust client then saw (`=`): index.generation@x,y of their newest states."""
    view, datagrams, positions = View(), 0, 0
    with open(path, encoding="ascii") as session:
        for number, line in enumerate(session, 1):
            mark, *words = line.split()
            if mark == ">":
                view.apply(bytes.fromhex(words[0]))
                datagrams += 1
            elif mark == "=":
                everybody = {**view.crowd, **view.seen}
                ours = sorted((index, generation, *state.position()) for (index, generation), state in everybody.items())
                ours = ["{}.{}@{},{}".format(*entity) for entity in ours]
                if ours != words:
                    sys.exit(f"{path}:{number}: the Rust client saw {words}, this one {ours}")
                positions += len(ours)
    print(f"{datagrams} datagrams, {positions} positions, all as the Rust client saw them")


if __name__ == "__main__":
    replay(sys.argv[1])
