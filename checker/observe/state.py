"""What the native observer works on: the record that `loop.py` and its driver, `columns.py`, share.

It is what `observer.Observer` keeps in objects, in arrays. The interfaces of a node are rows one after another in
`interfaces`, `values` and `writers`, so that a part of `values` is what generated code takes for the state of every
interface. Row 0 stands in for an interface where an event concerns a whole node. Node 0 is the only one, or, where
nodes are told apart (`tracks`), the state in which the next one begins.

U (UNKNOWN) is what is not known, or absent. Events have numbers, from 0 in the first batch. Who assigned to a variable
is its writer: the number of the event, -1 if that is not in the trace. A token is the number of an interface's name, as
in `Columns.interfaces`; below 0 it stands for the node as a whole.
"""

from __future__ import annotations

from typing import Final

from mipcheck.checker.observe.limits import LIMIT
from mipcheck.model.native.record import Record, array, table

KEPT: Final = 3
"""How a slot of `veiled` is marked that is known while it is 0; where that is another value, it is so much more."""
NEAR: Final = 32
"""Events whose nodes are brought near together (`near.py`)."""


class InterfaceRow(Record):
    """An interface of a node."""

    token: int  # its name; of the row that stands for the whole of a node, what that owes: WHOLE
    queued: int  # ns: the deadline for which `deadlines` has it, NEVER if for none
    expired: int  # 1 if something is owed whose time is up, and which is missed if its condition comes true
    node: int  # whose it is
    moved: int  # the row to which it went when its node needed more room, -1 if it is still here


class NodeRow(Record):
    """A mobile node."""

    key: int  # the address that tells it apart, U for node 0
    fresh: int  # in which row of `initial` interfaces that it is not known to have begin
    whole: int  # the row that stands for all of it, where it owes something itself; else 0
    begin: int  # the row of its first interface
    count: int  # how many interfaces it has
    capacity: int  # for how many there is room
    packed: int  # where its entries of tables stand in `packed`
    packed_size: int  # the number of the size of its piece of that; -1 if it has no entries, and `packed` means nothing


class NodeEntry(Record):
    """An entry of the hash table of nodes."""

    key: int  # the address
    node: int  # its node, 0 if the entry is free


class DeadlineEntry(Record):
    """An entry of the heap of deadlines. The first is due first; those of one time come as they were put in."""

    time: int  # ns
    ticket: int  # the number of the entry among all that there have been
    row: int  # the interface, or where it was then (see `moved`)


class KindRow(Record):
    """A kind of event. Of keys these are the columns in `keys`, -1 if it has no such key."""

    changing: int  # 1 if it changes state or meets obligations
    noted: int  # the column of `values` with a flag that it raises where that is 0, -1 if there is none
    gap: int  # 1 if it says that evidence is missing
    telling: int  # 1 if it changes something or is judged
    anew: int  # 1 if it begins the node anew
    begins: int  # 1 if it sets a time that else is since when the trace tells of an interface
    waking: int  # 1 if obligations run again after it, 2 if it may show that they do
    tracked: int  # the key that tells nodes apart
    access: int  # the key that has the access modes which a packet fits
    direction: int  # the key that says which way a packet goes
    outward: int  # what that key is for one that leaves the node
    packets: int  # the key that says how many packets the event stands for
    scope: int  # the key that says whose traffic a packet is
    other: int  # what that key is for traffic that is not between the node and the enterprise
    sets: int  # 1 if it changes tables
    slots: int  # where in `slots_set` the columns of `shared` begin that it may set
    slots_end: int  # and where they end


class LimitRow(Record):
    """An obligation's deadline. The first two are columns of `values`, or of `shared` if the node owes it."""

    met: int  # whether it has been met since its anchor (1); if not, 0 less the ns for which it has paused
    anchor: int  # the time from which its deadline is counted
    within: int  # ns: from there to the deadline, slack included


class InterestRow(Record):
    """Which variables the condition of a rule reads: where their parts of `interests` begin, each before the next."""

    own: int  # those of the interface
    node: int  # those of its node
    every: int  # those of every interface of the node
    end: int


class RuleRow(Record):
    """What a rule has come to, as in `observation.Tally`; what is known of its findings."""

    kept: int  # how often; like the next three
    broken: int
    unknown: int  # it could not be judged
    unlisted: int  # it was broken, but is in no finding as there are too many
    holed: int  # 1 if the driver has noted the first time that it could not be judged
    findings: int  # how many findings it has
    causes: int  # how many of its LIMIT rows of `causes` are filled
    anchor: int  # of an obligation: the column of `writers` for its anchor, or of `shared_writers`
    by_node: int  # 1 for an obligation of the node
    tables: int  # a bit for each table in which its condition looks for entries


class CauseRow(Record):
    """The last finding of a rule for an interface of a node and for what was judged there.

    What is broken next belongs to it if all that the rule's condition reads was written by the same events still.
    """

    key: int  # of the node
    token: int  # of the interface
    what: int  # the kind of event; of an obligation the writer of its anchor
    read: int  # a hash of the writers of all that the condition reads; of an obligation 0
    finding: int  # its number


class FindingRow(Record):
    """How often a finding occurred, and when it did for the last time."""

    count: int
    time: int  # ns
    event: int  # the event's number


class OccurrenceRow(Record):
    """An event that was not allowed."""

    finding: int  # the number of its finding
    event: int  # the event's number


class ModesEntry(Record):
    """An entry of the hash table of access modes: packets that left an interface and fit these modes."""

    token: int  # of the interface
    modes: int  # a set, as a bit mask; with `token` what is looked up
    filled: int  # 0 if the entry is free
    first: int  # the number of the first event
    count: int  # how many packets


class ObserverState(Record):
    """All that the loop works on. Tables with spare room have a cell `…_room` for that, and one for what is filled."""

    # Where the loop stands. Only the loop writes these, except that a batch begins with `at` 0.
    phase: int  # what is to be done next, see `loop.py`
    at: int  # the next event, or the one that is being taken: its place in the batch
    brought: int  # up to which event the nodes have been brought near, by its place; a batch begins with 0
    read_near: int  # what came of that, which nobody reads
    now: int  # ns: when the last event was, U before the first
    after: int  # the phase to enter when nothing is overdue any more: the event itself, or the gap
    until: int  # ns: whatever was due before is overdue
    looked: int  # how many of `late` have been looked at
    node: int  # the node that is being looked at, or that the event happens to
    row: int  # the interface of that node
    index: int  # its place among those of the node; U for row 0
    outcome: int  # how many integers of `outcomes` have been dealt with
    outcomes_count: int  # how many there are
    to_all: int  # 1 if the event concerns all nodes: it happens to each, and last to node 0
    told: int  # the last node that such an event has happened to
    each: int  # of an event that begins the node anew: the interface that it happens to, by its place; else -1
    entries_begin: int  # where in `packed` the entries begin that the event, or what is owed, finds
    entries_end: int  # and where they end, with room for what it may add
    altered: int  # 1 if the event may have changed state: what there was before is kept then
    shared_changed: int  # 1 if the event has changed what the node's interfaces share
    trials: int  # of a coarse stamp: how often the event was tried at other times
    splits: int  # 1 if rules judge it otherwise then
    doubted: int  # 1 if something may have been owed for too long before the event, 2 if that is known of nothing
    blurred: int  # 1 once something was not known because of a coarse stamp
    gone: int  # 1 if the event leaves nothing known of a time since which something may be owed
    asked: int  # at a gap: the next row to be asked what it owes
    asked_end: int  # and the row after the last one of that node
    asked_whole: int  # the row that is asked after these, as it stands for the whole of that node; 0 if none is
    tolerance: int  # ns: how fine stamps are, 0 where they are exact
    gap: int  # the number of the first event that says that evidence is missing (but number 0), plus 1; 0 if none
    # What it stopped for, beside `node`, `row` and `index`. The driver reads them.
    rule: int  # the number of the rule
    deadline: int  # ns: when what was missed was due
    read: int  # what `CauseRow.read` will be of a new finding
    # How much there is. Where nothing else is said the loop adds to it.
    rows_count: int  # rows of interfaces that are taken, those that have been left included
    nodes_count: int  # nodes, node 0 included
    deadlines_count: int  # entries of `deadlines`
    tickets: int  # entries that it has ever had
    late_count: int  # rows in `late`
    names_count: int  # names in `names`
    occurrences_count: int  # rows of `occurrences`; the driver takes them and sets it to 0
    modes_count: int  # entries of `modes` that are filled
    seen: int  # nodes ever seen, those forgotten after a gap included
    packed_count: int  # integers of `packed` that are taken, or have been
    pauses: int  # how often obligations have paused
    paused: int  # ns: for how long in all
    spread: int  # how often an event that concerns all nodes has been carried out for one
    scattered: int  # 1 if the driver has emptied `node_of`, as it has made it larger: the nodes are to be put in anew
    # What does not change. The driver writes all that follows, and the loop reads it.
    tracks: int  # 1 if there are many nodes, told apart by a key
    entangled: int  # 1 if an obligation on one interface depends on the others
    asleep: int  # the column of `shared` that says whether obligations pause, -1 if they never do
    asleep_since: int  # and the one that says since when
    most_nodes: int  # more are refused
    most_spread: int  # as far as `spread` may go
    recording: int  # 1 if the driver wants `occurrences`
    foggy: int  # 1 if any state is veiled
    coarse: int  # 1 if an event may have happened later than its stamp says
    by: int  # ns: by how much at most; and an obligation is overdue for certain only so much after its deadline
    # Sizes that do not change.
    rules_count: int
    kinds_count: int
    limits_count: int  # obligations of interfaces
    shared_limits_count: int  # and those of the node
    interests_count: int
    constants_count: int
    tables_count: int
    set_count: int
    most_entries: int  # integers that the entries of a node may come to take in an event
    most_packed: int  # integers of `packed` that it may take for them
    slots: int  # what an interface's state has: variables, then whether each obligation is met
    variables: int  # variables of an interface
    shared_slots: int  # variables of a node
    # Room.
    tried_room: int  # for two trials, one more than a node has interfaces, where stamps are coarse
    rows_room: int
    packed_room: int
    nodes_room: int
    node_of_room: int  # a power of two
    deadlines_room: int
    late_room: int
    occurrences_room: int
    modes_room: int  # a power of two
    names_room: int  # more than the batch's largest token
    # The batch.
    size: int  # events
    first: int  # the number of the first event
    distinct: int  # rows of the table of distinct events
    width: int  # keys of an event, at most
    numbers: int  # events that have a `number`: all or none
    varying: int  # the kind one of whose keys stands in `number`, -1 if there is none
    varying_key: int  # which key

    time = array("int64", "size")  # ns
    distinct_of = array("int32", "size")  # its row in the next three
    kind_of = array("int32", "distinct")  # the number of its kind, -1 if the specification does not know it
    token_of = array("int32", "distinct")  # the interface
    keys = array("int64", "distinct", "width")  # U where absent
    number = array("int32", "numbers")  # the key that varies, if it is not below 0

    # Interfaces and nodes, by row and by node.
    interfaces = table(InterfaceRow, "rows_room")
    values = array("int64", "rows_room", "slots")
    writers = array("int64", "rows_room", "variables")
    nodes = table(NodeRow, "nodes_room")
    shared = array("int64", "nodes_room", "shared_slots")  # values that the interfaces of a node share
    shared_writers = array("int64", "nodes_room", "shared_slots")
    packed = array("int64", "packed_room")  # entries of tables, as `packed.py` has them; those of no node come first
    pieces = array("int64", "256")  # by size: the first piece of it that nobody needs, where the next one is; else -1
    node_of = table(NodeEntry, "node_of_room")  # hash table, open addressing
    deadlines = table(DeadlineEntry, "deadlines_room")  # binary heap
    late = array("int64", "late_room")  # rows to be looked at before the next event, whatever their deadlines
    names = array("int64", "names_room")  # tokens of interfaces, in the order in which they appeared
    named = array("int64", "names_room")  # by token: 1 if it is in `names`

    # Of the machine. The driver writes these once.
    kinds = table(KindRow, "kinds_count")
    limits = table(LimitRow, "limits_count + shared_limits_count")  # those of the node stand last
    interest = table(InterestRow, "rules_count")
    interests = array("int64", "interests_count")  # columns of `values` or `shared`, which are those of writers too
    wanted = array("int64", "rules_count", "kinds_count")  # a bit for each key that says for which entries a rule looks
    slots_set = array("int64", "set_count")  # by kind: columns of `shared`
    # 1 what is never known of an interface, 2 what is not once it is 0, from KEPT on what is known while so much more
    veiled = array("int64", "slots")
    # Of the times in the default rows of tables: within how many ns any entry lapses, 0 if nothing limits that
    outlasting = array("int64", "shared_slots")
    shared_veiled = array("int64", "shared_slots")  # the same of a node
    uncertain = array("int64", "slots")  # 1 for a time of an interface that a coarse stamp may have told, and
    shared_uncertain = array("int64", "shared_slots")  # of a node
    timed = array("int64", "slots")  # 1 for any time of an interface, and
    shared_timed = array("int64", "shared_slots")  # of a node
    begun = array("int64", "slots")  # 1 for a time of an interface since when the trace tells of it
    fragile = array("int64", "slots")  # 1 for an anchor that depends on other times
    initial = array("int64", "3", "slots")  # an interface that is unknown; one when its node starts, or the trace does
    constants = array("int64", "constants_count")  # parameters and addresses, for generated code

    # What was found. The driver fills in `causes` and begins `findings`; the loop counts on.
    rules = table(RuleRow, "rules_count")
    causes = table(CauseRow, f"rules_count * {LIMIT}")  # LIMIT rows a rule
    findings = table(FindingRow, f"rules_count * {LIMIT}")  # by number
    occurrences = table(OccurrenceRow, "occurrences_room")
    modes = table(ModesEntry, "modes_room")  # hash table, open addressing

    # Written by the loop: for the next events, and then for one.
    near = array("int64", str(NEAR))  # of each the entry of `node_of`, then the node, then the row of its interface
    outcomes = array(
        "int64", "3 * rules_count + 3"
    )  # what generated code found: rule and outcome, `due` with the ns between
    values_before = array("int64", "slots")  # of `row` before an event that may have `altered` it
    writers_before = array("int64", "variables")
    shared_before = array("int64", "shared_slots")  # of `node`, where the event may set it
    shared_writers_before = array("int64", "shared_slots")
    tried = array("int64", "tried_room", "slots")  # by trial: interfaces, last what concerns the whole node
    tried_shared = array("int64", "2", "shared_slots")  # by trial what became of the node
    tried_counts = array("int64", "2")  # as `outcomes_count`
    tried_outcomes = array("int64", "2", "3 * rules_count + 3")
    tried_writers = array("int64", "variables")  # nobody reads these two
    tried_shared_writers = array("int64", "shared_slots")
    said = array("int64", "rules_count")  # how many judgements there are by each rule, what they come to, and
    agreed = array("int64", "rules_count")
    split = array("int64", "rules_count")  # 1 if they differ
    lost = array("int64", "slots")  # 1 for an anchor that is `gone`, or may be
    completed = array("int64", "width")  # keys of an event, the one that varies in its place
