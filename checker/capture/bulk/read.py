"""Captures of any length → the same events as `read.read_captures`, in columns.

Most packets of a long capture are alike. The compiled `loop` gives each the number of its kind; of each kind one
packet is decoded by `layers` and judged by `events`, in its place among the signalling, and the others share what it
came to. What the loop does not know is read as ever, frame by frame, in order.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from mipcheck.checker.capture.bulk import loop
from mipcheck.checker.capture.bulk.device import DeviceEvents, DeviceMeaning, UndecidedError
from mipcheck.checker.capture.bulk.families import LOW, Families
from mipcheck.checker.capture.bulk.heard import Heard
from mipcheck.checker.capture.bulk.meaning import BulkMeaning, CaptureEvents, Meaning
from mipcheck.checker.capture.bulk.opened import Opening
from mipcheck.checker.capture.bulk.rows import Flags, Ints
from mipcheck.checker.capture.bulk.scanned import PORTS
from mipcheck.checker.capture.bulk.scanner import DiverseError, Plan, Scanner, Taken
from mipcheck.checker.capture.device.associations import OpenedInColumns
from mipcheck.checker.capture.device.reader import GATEWAY, DeviceReader
from mipcheck.checker.capture.device.sides import learn_device
from mipcheck.checker.capture.events.reader import Reader
from mipcheck.checker.capture.events.registrations import clear_registrations
from mipcheck.checker.capture.events.userdata import Protects
from mipcheck.checker.capture.frames.files import open_frames
from mipcheck.checker.capture.frames.frame import SET_BACK, SLL, FileInfo
from mipcheck.checker.capture.headers.fragments import Reassembler
from mipcheck.checker.capture.headers.link import MACSEC
from mipcheck.checker.capture.headers.packet import DHCP, ESP, IKE, LINK_PORTS, REGISTRATION, Packet
from mipcheck.checker.capture.lacking import blindness, gaps_in
from mipcheck.checker.capture.messages.esp import Keyring
from mipcheck.checker.capture.node.cooked import forget_directions, tell_apart
from mipcheck.checker.capture.node.decrypted import SOON, may_be_decrypted
from mipcheck.checker.capture.node.devices import is_modem, mark_tunnels, sharing, unlisted_tunnels
from mipcheck.checker.capture.node.knowledge import Knowledge, is_loopback, is_tunnel, learn
from mipcheck.checker.capture.node.recordings import may_overlap
from mipcheck.checker.capture.read import Capture, Source, described, read_captures, understand, unsaid_tunnels
from mipcheck.checker.capture.sealed import is_sealed, take_note_of_sealed
from mipcheck.checker.capture.survey import Survey, Surveyor
from mipcheck.checker.site.site import Site
from mipcheck.model.native.compiled import Native, compiled
from mipcheck.model.specification.layering import Layering
from mipcheck.model.specification.spec import EventType
from mipcheck.model.values.event import Event

_KNOWN_PORTS: Final = 1024
"""Ports below are told apart, and those that something here asks for."""
_ASKED: Final = (4500, 1701, *LINK_PORTS)
_NEXT: Final = 5
"""Rows of one time that are compared with each other."""
_WITH_PORTS: Final = frozenset({REGISTRATION, IKE, DHCP})
"""Signalling, of which the loop takes none: all its ports are known."""


def read_bulk(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None = None,
    survey: bool = False,
    words: Mapping[str, EventType] | None = None,
) -> tuple[list[Capture], Sequence[Event], list[Survey]]:
    """Read captures as `read_captures` does, but made for long ones; with `survey`, also return that of each file.

    `words` are the events of the site's role, unless that is the mobile node's.
    Raises CaptureError; NativeError, before anything is read, where the loop cannot be compiled.
    """
    opening = None
    if words is not None and site.role == GATEWAY:
        own = site.addresses.get(GATEWAY)
        if own is None or not all(source.stream.seekable() for source in sources):
            # Nothing is told, or what is unusual could not be read again.
            return _frame_by_frame(sources, site, protects, survey, words)
        opening = Opening(Keyring(site.esp_sas), own, random.getrandbits(62))
    native = compiled(loop.unit())
    repeatable = all(source.stream.seekable() for source in sources)
    plan = Plan(frozenset(sa.spi for sa in site.esp_sas), _ports(site, protects), survey, repeatable, opening)
    # What passes a device is recognised on its other side by all ports: there are as many kinds as flows.
    families = None if words is None else Families()
    taken = Taken(Reassembler(plan.keys), plan.ports if families is None else range(PORTS), families)
    infos: list[FileInfo] = []
    firsts: list[int] = []
    surveys: list[Survey] | None
    try:
        surveys = _gather(native, taken, sources, plan, infos, firsts)
    except DiverseError:
        surveys = None
    if surveys is None:
        # Only here, where the error and its traceback are gone, is the memory free again that the rows took.
        del taken
        return _anew(sources, site, protects, survey, words)
    if any(linktype == SLL for info in infos for linktype in info.interfaces.values()) and _mixed(taken, infos):
        return *_one_by_one(sources, site, protects, infos, firsts, taken, words), surveys
    taken.rows = taken.rows.sort()
    return *_understand(sources, site, protects, infos, firsts, taken, words, opening), surveys


def _gather(
    native: Native,
    taken: Taken,
    sources: Sequence[Source],
    plan: Plan,
    infos: list[FileInfo],
    firsts: list[int],
) -> list[Survey]:
    """Take the packets of all files, and what is learnt of the files while they are read."""
    surveys: list[Survey] = []
    total = 0
    for source in sources:
        scanner = Scanner(native, taken, source, plan, total)
        info, frames = open_frames(source.stream, source.name, source.interface, scanner)
        infos.append(info)
        firsts.append(total)
        try:
            for frame in frames:
                scanner.take(frame)
        finally:
            scanner.close()
        taken.together.finish()
        scanner.finish()
        if scanner.surveyor is not None:
            surveys.append(scanner.surveyor.survey())
        total += info.frames
    return surveys


def _anew(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    survey: bool = False,
    words: Mapping[str, EventType] | None = None,
) -> tuple[list[Capture], list[Event], list[Survey]]:
    """Read files once more, as they were read before there were columns."""
    for source in sources:
        source.stream.seek(0)
    return _frame_by_frame(sources, site, protects, survey, words)


def _frame_by_frame(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    survey: bool,
    words: Mapping[str, EventType] | None,
) -> tuple[list[Capture], list[Event], list[Survey]]:
    """Read files that have not been begun."""
    surveyors: list[Surveyor] = []
    captures, events = read_captures(sources, site, protects, surveyors if survey else None, words)
    return captures, events, [surveyor.survey() for surveyor in surveyors]


def _one_by_one(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    taken: Taken,
    words: Mapping[str, EventType] | None = None,
) -> tuple[list[Capture], list[Event]]:
    """Judge each packet by itself, where something has to be told from all of them in their order.

    A pipe has gone by: its packets are made from their kinds, with one port for all that nobody asks for.
    """
    if all(source.stream.seekable() for source in sources):
        captures, events, _ = _anew(sources, site, protects, words=words)
        return captures, events
    return understand(sources, site, protects, infos, firsts, _all_packets(taken), taken.together, words)


def _ports(site: Site, protects: Protects | None) -> Collection[int]:
    """Return the ports that make a difference to what a packet is."""
    found = {*range(_KNOWN_PORTS), *_ASKED}
    found.update(int(port) for _, colon, port in (word.rpartition(":") for word in site.upkeep) if colon)
    if protects is None:
        return found
    owner = getattr(protects, "__self__", None)
    return found | owner.ports if isinstance(owner, Layering) else range(PORTS)


def _mixed(taken: Taken, infos: Sequence[FileInfo]) -> bool:
    """Decide whether cooked captures hold several interfaces, which only the order of all packets tells apart."""
    packets = [replace(packet) for packet in _few(taken)]
    mixed = [name for info in infos for name, linktype in info.interfaces.items() if linktype == SLL]
    notes = [tell_apart(packets, name) for name in mixed]
    return any(note is not None for note in notes)


def _recorded_twice(taken: Taken, firsts: Sequence[int]) -> bool:
    """Decide whether two files have packets of one time and length: only all that these are tell whether some are the
    same, as kinds are numbered apart in each file."""
    starts = np.array(firsts)
    for chunk in taken.rows.chunks():
        file = np.searchsorted(starts, chunk.frame)
        for apart in range(1, _NEXT):
            alike = (chunk.time[apart:] == chunk.time[:-apart]) & (chunk.length[apart:] == chunk.length[:-apart])
            if (alike & (file[apart:] != file[:-apart])).any():
                return True
    return False


def _shown_decrypted(taken: Taken, known: Knowledge, tunnels: frozenset[str]) -> bool:
    """Decide whether a packet may be there that the kernel had decrypted: only one after the other tells.

    Whatever `set_aside_decrypted` would set aside is found here, and now and then what it would not.
    """
    if not any(packet.kind == ESP for packet in _distinct(taken)):
        return False

    def physical(packet: Packet) -> bool:
        return not is_tunnel(packet, tunnels) and not is_loopback(packet)

    targets = _targets(taken)
    none = np.zeros(len(targets), np.bool_)
    ends: dict[object, set[int]] = {}  # by link, the addresses that ESP came to
    outers: dict[str, Flags] = {}
    for packet, of in _alike(taken, known, lambda p: p.kind == ESP and physical(p)):
        if known.direction(packet) == "in":
            ends.setdefault(_link(packet), set()).update(np.unique(targets[of]).tolist())
            outers.setdefault(packet.interface, none.copy())[of] = True
    inners: dict[str, Flags] = {}
    for packet, of in _alike(taken, known, lambda p: _link(p) in ends and physical(p)):
        if may_be_decrypted(packet, known):
            # As `could_hold` has it: some ESP came to another address.
            held = ends[_link(packet)]
            found = of if len(held) > 1 else of[targets[of] != next(iter(held))]
            inners.setdefault(packet.interface, none.copy())[found] = True
    return any(_follow(taken, outers[name], found) for name, found in inners.items() if found.any())


def _alike(taken: Taken, known: Knowledge, wanted: Callable[[Packet], bool]) -> Iterator[tuple[Packet, Ints]]:
    """Yield a packet for all that pass in the same direction and between the same stations, and the numbers of these
    kinds; then those that were read in full, which are numbered after the kinds. What is `wanted` is asked of what
    the packets of a family have in common."""
    kinds, families = taken.kinds, taken.families
    single = np.arange(len(kinds))
    if families is not None:
        # Where link addresses tell a direction, it is that of a family.
        settled = np.array([bool(p.source_mac and known.macs.get(p.interface)) for p in families.packets] + [False])
        asked = np.array([wanted(p) for p in families.packets] + [False])
        order = np.argsort(families.family, kind="stable")
        of_family = families.family[order]
        bounds = np.searchsorted(of_family, np.arange(len(families.packets) + 1))
        for n in np.flatnonzero(settled & asked).tolist():
            yield families.packets[n], order[bounds[n] : bounds[n + 1]]
        single = np.flatnonzero((asked & ~settled)[families.family])
    for number in single.tolist():
        if families is not None or wanted(kinds[number].packet):
            yield kinds[number].packet, np.array([number])
    for number, packet in enumerate(taken.unusual, len(kinds)):
        if wanted(packet):
            yield packet, np.array([number])


def _sealed(taken: Taken, known: Knowledge) -> Iterator[Packet]:
    """Yield, in order of time, the packets that are hidden and may be the node's."""
    alike = _alike(taken, known, lambda packet: is_sealed(packet, known))
    found = {number: packet for packet, of in alike if is_sealed(packet, known) for number in of.tolist()}
    wanted = np.array(list(found), np.int64)
    for chunk in taken.rows.chunks() if found else ():
        at = np.where(chunk.kind >= 0, chunk.kind, len(taken.kinds) - 1 - chunk.kind)
        rows = np.flatnonzero(np.isin(at, wanted))
        for row, number in zip(rows.tolist(), at[rows].tolist(), strict=True):
            yield found[number].seen_at(int(chunk.time[row]), int(chunk.frame[row]), int(chunk.length[row]))


def _targets(taken: Taken) -> Ints:
    """Return the address that packets of each kind go to, by the outermost header, then that of those read in full."""
    if taken.families is None:
        of_kinds = [kind.packet.addresses[:1] for kind in taken.kinds]
        before = np.array([pair[0][1] if pair else 0 for pair in of_kinds], np.int64)
    else:
        pairs = taken.families.pairs
        before = (pairs[:, 0] & np.uint64(LOW)).astype(np.int64) if pairs.shape[1] else np.zeros(len(pairs), np.int64)
    return np.append(before, np.array([p.addresses[0][1] if p.addresses else 0 for p in taken.unusual], np.int64))


def _link(packet: Packet) -> object:
    """Return over which link a packet came, and between which stations."""
    return packet.interface, packet.source_mac, packet.target_mac


def _each(taken: Taken) -> list[Packet]:
    """Return a packet of each kind, then those that were read in full."""
    return [*(kind.packet for kind in taken.kinds), *taken.unusual]


def _distinct(taken: Taken) -> list[Packet]:
    """Return the packets of which all others are made: what is changed of them is changed of all."""
    return _each(taken) if taken.families is None else [*taken.families.packets, *taken.unusual]


def _follow(taken: Taken, outers: Flags, inners: Flags) -> bool:
    """Decide whether one of `inners` comes soon after one of `outers`: both tell of kinds, then of `unusual` ones."""
    last = -(2**62)
    for chunk in taken.rows.chunks():
        at = np.where(chunk.kind >= 0, chunk.kind, len(taken.kinds) - 1 - chunk.kind)
        times, found = chunk.time[outers[at]], chunk.time[inners[at]]
        times = np.concatenate([[last], times])
        before = times[np.searchsorted(times, found, "right") - 1]
        if (found - before <= SOON).any():
            return True
        last = int(times[-1])
    return False


def _all_packets(taken: Taken) -> list[Packet]:
    """Make every packet again, in the order in which they were appended.

    No two are told apart by ports that nobody asks for, whichever the first of their kind had in each file: there are
    files that show the same packets.
    """
    found = []
    for packet in (*(kind.packet for kind in taken.kinds), *taken.unusual):
        if packet.kind not in _WITH_PORTS:
            packet.sport, packet.dport = (p if p in taken.ports else PORTS for p in (packet.sport, packet.dport))
    for chunk in taken.rows.chunks():
        for time, frame, kind, length in zip(*(column.tolist() for column in chunk), strict=True):
            if kind < 0:
                found.append(taken.unusual[-1 - kind])
            else:
                found.append(taken.kinds[kind].packet.seen_at(time, frame, length))
    return found


def _few(taken: Taken) -> list[Packet]:
    """Return of each kind, or family, the first and the last packet, and all unusual ones, in order of time.

    What is learnt of the node, and what is said of the files, can be told by them as by all.
    """
    found = list(taken.unusual)
    if taken.families is not None:
        found += taken.families.few()
    for kind in taken.kinds if taken.families is None else ():
        for seen in {kind.first, kind.last}:
            same = seen == (kind.packet.time, kind.packet.frame)
            found.append(kind.packet if same else kind.packet.seen_at(*seen, kind.packet.length))
    found.sort(key=lambda packet: (packet.time, packet.frame))
    return found


def _understand(
    sources: Sequence[Source],
    site: Site,
    protects: Protects | None,
    infos: Sequence[FileInfo],
    firsts: Sequence[int],
    taken: Taken,
    words: Mapping[str, EventType] | None = None,
    opening: Opening | None = None,
) -> tuple[list[Capture], Sequence[Event]]:
    """Do what `read.understand` does, for rows."""
    for info in infos:
        for name in (name for name, linktype in info.interfaces.items() if linktype == SLL):
            if note := forget_directions(_distinct(taken), name):
                info.note(note)
            tell_apart(_distinct(taken), name)
    linktypes = {name: linktype for info in infos for name, linktype in info.interfaces.items()}
    tunnels, left = unlisted_tunnels(linktypes, site.tunnels)
    if words is None and not all(map(is_modem, left)):
        # Whether these are tunnels shows where all of their packets are seen among all others.
        return _one_by_one(sources, site, protects, infos, firsts, taken, words)
    mark_tunnels(_distinct(taken), tunnels)
    if may_overlap([info.interfaces for info in infos]) and _recorded_twice(taken, firsts):
        return _one_by_one(sources, site, protects, infos, firsts, taken, words)
    if words is not None and any(loss.why == SET_BACK for info in infos for loss in info.losses):
        # What is said of each message may not count where its order is not known.
        return _one_by_one(sources, site, protects, infos, firsts, taken, words)
    packets = _few(taken)
    if taken.families is None:
        known = learn(packets, site)
    elif opening is None:
        heard = Heard(taken.families, frozenset(site.tunnels))
        heard.keep()
        known = learn_device(packets, site, taken.families.pairs_with, heard)
    else:
        from mipcheck.checker.capture.bulk.gateway import GatewayMeaning, closed, registered, sightings

        known = learn_device(packets, site, taken.families.pairs_with)
        known.home |= registered(taken.families, frozenset(site.tunnels))
    if sharing(known.macs, frozenset(site.tunnels)):
        # Which packets are copies can be told only where all of them are seen.
        return _one_by_one(sources, site, protects, infos, firsts, taken, words)
    if len(linktypes) > 1 and any(packet.why == MACSEC for packet in _distinct(taken)):
        # What MACsec hides on one device another may show, packet by packet.
        return _one_by_one(sources, site, protects, infos, firsts, taken, words)
    if _shown_decrypted(taken, known, frozenset(site.tunnels)):
        return _one_by_one(sources, site, protects, infos, firsts, taken, words)
    reader: Reader | DeviceReader
    meaning: BulkMeaning
    if words is None:
        reader = Reader(sources[0].name, site, known, clear_registrations(packets, site), protects)
        meaning = of_node = Meaning(reader, taken.rows, taken.kinds, taken.unusual)
        of_node.read()
    else:
        assert taken.families is not None
        if opening is None:
            reader = DeviceReader(sources[0].name, site, known, packets, words, None, heard)
            heard.forget()
            meaning = of_device = DeviceMeaning(reader, taken.rows, taken.families, taken.unusual)
        else:
            opening.keys.wrong.update(closed(taken.families, frozenset(site.tunnels)))
            seen = list(sightings(taken.families, opening.own, frozenset(site.tunnels)))
            opened = OpenedInColumns(opening.keys, seen, taken.families.pairs_with, taken.clear)
            reader = DeviceReader(sources[0].name, site, known, packets, words, opened)
            meaning = of_device = GatewayMeaning(reader, taken, opening.salt)
        try:
            of_device.read()
        except UndecidedError:
            return _one_by_one(sources, site, protects, infos, firsts, taken, words)
    since = [
        loss.since + source.offset
        for info, source in zip(infos, sources, strict=True)
        for loss in info.losses
        if loss.since is not None
    ]
    after = meaning.next_times(since)

    def happened(since: int, until: int) -> bool:
        return after[since] < until

    offsets = [source.offset for source in sources]
    take_note_of_sealed(_sealed(taken, known), infos, firsts, offsets)
    unshown = reader.not_shown if isinstance(reader, DeviceReader) else None
    gaps = gaps_in(infos, firsts, offsets, packets, reader.events, happened, taken.together, known, site, unshown)
    blind = blindness(infos, packets, reader.events, known, site)
    columns = CaptureEvents if words is None else DeviceEvents
    events = columns(meaning, [*gaps, *blind.gaps], [source.name for source in sources], firsts)
    said = unsaid_tunnels(tunnels, left)
    return described(sources, infos, firsts, packets, known, reader, said, blind, events.of_files(), site), events
