"""Reads snapshots as docs/WIRE.md has them, with nothing but that page: what a client in any language has to do with them.

Run with a recorded session it decodes each datagram as it came, some of them overtaken, twice or not at all, and compares whom it sees,
and where, with what the Rust client saw.
"""

import math
import sys
from dataclasses import dataclass

PLACES = 255
OLDEST_BASELINE = 31
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
    """What became of who stood in a place of the baseline's table (None: nobody did); None: nobody stands there any more."""
    kind = bits.take(2)
    if kind == 3 and bits.take(1):
        return None
    if old is None:
        raise Refused("a change of nobody")
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


def after(one, other):
    return 0 < (one - other) % 65536 < 32768


class View:
    """What a client sees: snapshots in, entities out."""

    def __init__(self):
        self.table = {}  # by place: an entity and its state
        self.tables = {}  # by sequence: the table as it was after each of the last snapshots that were taken
        self.newest = None
        self.tick = None
        self.crowd = {}

    def apply(self, datagram):
        """Whether it was taken and is the newest state now; then it is to be acknowledged, and else it must not be."""
        bits = Bits(datagram)
        if bits.take(8) != 0x11:
            raise Refused("no snapshot of this version")
        tick, sequence, baseline = bits.take(16), bits.take(16), bits.take(16)
        bits.take(24)
        bits.zeros(4)
        flags = bits.take(4)
        for flag, width in ((2, 32), (4, 192)):  # a time echo and the own state are not looked at here
            bits.take(width if flags & flag else 0)
        if self.newest is not None and not after(sequence, self.newest):
            return False  # it was overtaken, or was here before
        table, changed = {}, {}
        if flags & 1:
            if baseline not in self.tables:
                return False  # it cannot be read
            table, changed = dict(self.table), changes(bits, self.tables[baseline], tick)
        entering, crowd = records(bits, tick)
        table.update(changed)
        table.update(entering)
        self.table = {place: told for place, told in table.items() if told is not None}
        self.tables[sequence] = self.table
        self.tables = {n: kept for n, kept in self.tables.items() if (sequence - n) % 65536 <= OLDEST_BASELINE}
        self.newest, self.tick = sequence, tick
        self.crowd.update(crowd)
        self.crowd = {who: state for who, state in self.crowd.items() if (tick - state.tick) % 65536 <= CROWD_TICKS}
        return True

    def shown(self):
        """Each entity in its newest state: after a loss it may stand in two places for a while."""
        shown = {}
        for who, state in self.table.values():
            if who not in shown or after(state.tick, shown[who].tick):
                shown[who] = state
        return {**self.crowd, **shown}


def changes(bits, baseline, tick):
    """By place, who stands there now; None: nobody."""
    end = bits.take(8)
    is_told = [bits.take(1) for _ in range(end)]
    if end and not is_told[-1]:
        raise Refused("the end is behind the last place")
    told = {}
    for place in (place for place in range(end) if is_told[place]):
        who, old = baseline.get(place, (None, None))
        new = change(bits, old, tick)
        told[place] = new and (who, new)
    bits.zeros(bits.left % 8)
    return told


def records(bits, tick):
    """By place, who takes it; and by entity those of a crowd."""
    entering, crowd = {}, {}
    while bits.left:
        cell = bits.signed(11), bits.signed(11)
        bits.zeros(2)
        form, count, height = bits.take(2), bits.take(6) + 1, bits.signed(8)
        if form > 1:
            raise Refused("an unknown form of records")
        for _ in range(count):
            place = None if form else bits.take(8)
            if place == PLACES:
                raise Refused("no such place")
            who, state = record(bits, cell, height, tick)
            if form:
                crowd[who] = state
            else:
                entering[place] = who, state
    return entering, crowd


def replay(path):
    """A line of a session is a datagram (`>`), or whom the Rust client then saw (`=`): index.generation@x,y of their newest states."""
    view, datagrams, dropped, positions = View(), 0, 0, 0
    with open(path, encoding="ascii") as session:
        for number, line in enumerate(session, 1):
            mark, *words = line.split()
            if mark == ">":
                dropped += not view.apply(bytes.fromhex(words[0]))
                datagrams += 1
            elif mark == "=":
                ours = sorted((*who, *state.position()) for who, state in view.shown().items())
                ours = ["{}.{}@{},{}".format(*entity) for entity in ours]
                if ours != words:
                    sys.exit(f"{path}:{number}: the Rust client saw {words}, this one {ours}")
                positions += len(ours)
    print(f"{datagrams} datagrams, {dropped} of them dropped, {positions} positions, all as the Rust client saw them")


if __name__ == "__main__":
    replay(sys.argv[1])
