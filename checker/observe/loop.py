"""The observer's loop over columns, plain enough to be compiled: `observe.Observer` once more, over arrays.

What an event does is said once, in the source that `model/compile.py` generates from the specification (`step`, `due`
and `pending` here); this is only what calls it, in the very order in which the observer does: deadlines by a heap, then
the event, then what it leaves to be looked at. Where something has to be remembered in words (a new finding, the first
time that a rule cannot be judged) the loop stops *there*, with all state in place, and goes on when `replay.py` has
taken note. What is broken again for the same cause is counted without stopping. So the loop stops a few hundred times,
however long the trace is.

All state is in arrays of 64-bit integers. Rows of `S` (values) and `W` (writers: event numbers) are the interfaces,
those of a node one after another, so that a part of `S` is what the generated code takes for "all interfaces"; row 0 is
for what concerns a whole node. A node whose part is full moves to a larger one, and leaves word where it went.
"""

from __future__ import annotations

from typing import Any, Final

from mipcheck.model.machine.kleene import U

NEVER: Final = 2**63 - 1
LIMIT: Final = 100
INTERFACES: Final = 256
ROOM: Final = 1024
"""What arrays have to have left before an event, beside what grows with the number of interfaces."""

# Why the loop stopped.
DONE: Final = 0
GROW: Final = 1
BROKEN: Final = 2
HOLE: Final = 3
MISSED: Final = 4
MISSED_HOLE: Final = 5
GAP_HOLE: Final = 6
FLUSH: Final = 7
TOO_MANY_INTERFACES: Final = 8
TOO_MANY_NODES: Final = 9
TOO_MUCH_SPREAD: Final = 10

# Where it goes on; what a phase returns, if not that it stops there.
_NEXT: Final = 0
_OVERDUE: Final = 1
_MISS: Final = 2
_EVENT: Final = 3
_TARGET: Final = 4
_OUT: Final = 5
_GAP: Final = 6
_PEND: Final = 7
_PENDED: Final = 8
STOP: Final = 100

# Scalars, in `C`.
PHASE: Final = 0
AT: Final = 1  # the next event, by its place in the batch
SIZE: Final = 2
FIRST: Final = 3  # the number of the batch's first event
NOW: Final = 4
RULE: Final = 5  # what the loop stopped for: rule, row, index among the node's interfaces, node
ROW: Final = 6
INDEX: Final = 7
NODE: Final = 8
DEADLINE: Final = 9
OUTCOMES: Final = 10
OUTCOME: Final = 11
LATE: Final = 12
LOOKED: Final = 13
HEAP: Final = 14
TICKET: Final = 15
ROWS: Final = 16
NODES: Final = 17
SEEN: Final = 18
SPREAD: Final = 19
AFTER: Final = 20
UNTIL: Final = 21
CURSOR: Final = 22
LAST: Final = 23
ALL: Final = 24
CHANGED: Final = 25
NAMES: Final = 26
OCCURRED: Final = 27
MODES: Final = 28
# Facts that do not change.
TRACKS: Final = 32
ENTANGLED: Final = 33
LIMITS: Final = 34
RULES: Final = 35
MOST_NODES: Final = 36
MOST_SPREAD: Final = 37
RECORD: Final = 38  # whether the numbers of all offending events are wanted
VARYING: Final = 39  # the kind whose key varies beside the table, and which key; -1 for none
VARYING_KEY: Final = 40
WIDTH: Final = 41  # sizes of the arrays' second dimension and of what has capacity
SLOTS: Final = 42
VARIABLES: Final = 43
SHARED: Final = 44
ROWS_CAP: Final = 45
NODES_CAP: Final = 46
HASH_CAP: Final = 47
HEAP_CAP: Final = 48
LATE_CAP: Final = 49
OCCURRED_CAP: Final = 50
MODES_CAP: Final = 51
KINDS: Final = 52
TABLE: Final = 53
TOKENS: Final = 54
CONSTANTS: Final = 55
INTERESTS: Final = 56
SCALARS: Final = 64

# An interface, in `R`; a node, in `M`; a kind of event, in `K`; a rule's counts, in `T`; a cause, in `G`.
TOKEN: Final = 0
QUEUED: Final = 1
EXPIRED: Final = 2
WHOSE: Final = 3
MOVED: Final = 4
R_WIDTH: Final = 5

KEY: Final = 0
BOOTS: Final = 1
BEGIN: Final = 2
COUNT: Final = 3
CAPACITY: Final = 4
SLOT: Final = 5  # where the hash table has it
M_WIDTH: Final = 6

CHANGING: Final = 0
GAP: Final = 1
TELLING: Final = 2
TRACKED: Final = 3
ACCESS: Final = 4
DIRECTION: Final = 5
OUTWARD: Final = 6
MANY: Final = 7
K_WIDTH: Final = 8

KEPT: Final = 0
BREACHES: Final = 1
UNKNOWN: Final = 2
UNLISTED: Final = 3
HOLED: Final = 4
GROUPS: Final = 5
CAUSES: Final = 6
ANCHOR: Final = 7
T_WIDTH: Final = 8

G_WIDTH: Final = 6
F_WIDTH: Final = 3


def step(*of: Any) -> int:
    """What an event does; this and the next two are generated from the specification, and linked to this."""
    raise NotImplementedError


def due(*of: Any) -> int:
    """What an interface owes and is late with."""
    raise NotImplementedError


def pending(*of: Any) -> int:
    """What an interface owes."""
    raise NotImplementedError


def _mixed(h: int, value: int) -> int:
    """A hash, carried on by a value. Multiplication is that of 64-bit integers, which wraps."""
    h = (h ^ (value & 0xFFFFFFFF)) * 0x5851F42D4C957F2D
    h = (h ^ ((h >> 29) & 0x7FFFFFFF)) + ((value >> 32) & 0xFFFFFFFF) * 0x14057B7EF767814F
    return h ^ ((h >> 32) & 0xFFFFFFFF)


def _push(C: Any, H: Any, deadline: int, row: int) -> None:
    at = C[HEAP]
    C[HEAP] = at + 1
    ticket = C[TICKET]
    C[TICKET] = ticket + 1
    while at > 0:
        up = (at - 1) // 2
        if H[up, 0] < deadline or (H[up, 0] == deadline and H[up, 1] < ticket):
            break
        H[at, 0] = H[up, 0]
        H[at, 1] = H[up, 1]
        H[at, 2] = H[up, 2]
        at = up
    H[at, 0] = deadline
    H[at, 1] = ticket
    H[at, 2] = row


def _pop(C: Any, H: Any) -> None:
    """Take off the first entry."""
    size = C[HEAP] - 1
    C[HEAP] = size
    deadline = H[size, 0]
    ticket = H[size, 1]
    row = H[size, 2]
    at = 0
    while True:
        down = 2 * at + 1
        if down >= size:
            break
        if down + 1 < size and (
            H[down + 1, 0] < H[down, 0] or (H[down + 1, 0] == H[down, 0] and H[down + 1, 1] < H[down, 1])
        ):
            down += 1
        if deadline < H[down, 0] or (deadline == H[down, 0] and ticket < H[down, 1]):
            break
        H[at, 0] = H[down, 0]
        H[at, 1] = H[down, 1]
        H[at, 2] = H[down, 2]
        at = down
    H[at, 0] = deadline
    H[at, 1] = ticket
    H[at, 2] = row


def _plan(C: Any, S: Any, R: Any, H: Any, L: Any, row: int, now: int) -> int:
    """See when what an interface owes falls due next; whether some of it has been due before `now`."""
    first = NEVER
    late = 0
    for n in range(C[LIMITS]):
        start = S[row, L[n, 1]]
        if S[row, L[n, 0]] == 1 or start == U:
            continue
        if start + L[n, 2] < now:
            late = 1
        elif start + L[n, 2] < first:
            first = start + L[n, 2]
    if first < R[row, QUEUED]:
        R[row, QUEUED] = first
        _push(C, H, first, row)
    R[row, EXPIRED] = late
    return late


def _place(
    C: Any, S: Any, W: Any, R: Any, M: Any, H: Any, L: Any, B: Any, Q: Any, NM: Any, TF: Any, node: int, token: int
) -> int:
    """The row of an interface of a node, new or not; -1 if there are too many."""
    begin = M[node, BEGIN]
    count = M[node, COUNT]
    for row in range(begin, begin + count):
        if R[row, TOKEN] == token:
            return int(row)
    if count >= INTERFACES:
        return -1
    return _add(C, S, W, R, M, H, L, B, Q, NM, TF, node, token, M[node, BOOTS], -1)


def _add(
    C: Any, S: Any, W: Any, R: Any, M: Any, H: Any, L: Any, B: Any, Q: Any, NM: Any, TF: Any,
    node: int, token: int, initial: int, like: int,
) -> int:  # fmt: skip
    """A new interface of a node, unknown (`initial` 0), in its initial state, or like that of another row."""
    count = M[node, COUNT]
    if count == M[node, CAPACITY]:
        begin = C[ROWS]
        room = 2 * count if count > 0 else 1
        C[ROWS] = begin + room
        for n in range(count):
            old = M[node, BEGIN] + n
            for k in range(C[SLOTS]):
                S[begin + n, k] = S[old, k]
            for k in range(C[VARIABLES]):
                W[begin + n, k] = W[old, k]
            for k in range(R_WIDTH):
                R[begin + n, k] = R[old, k]
            R[old, MOVED] = begin + n
        M[node, BEGIN] = begin
        M[node, CAPACITY] = room
    row = M[node, BEGIN] + count
    M[node, COUNT] = count + 1
    for k in range(C[SLOTS]):
        S[row, k] = S[like, k] if like >= 0 else B[initial, k]
    for k in range(C[VARIABLES]):
        W[row, k] = W[like, k] if like >= 0 else -1
    R[row, TOKEN] = token
    R[row, QUEUED] = NEVER
    R[row, EXPIRED] = 0
    R[row, WHOSE] = node
    R[row, MOVED] = -1
    if TF[token] == 0:
        TF[token] = 1
        NM[C[NAMES]] = token
        C[NAMES] += 1
    now = C[NOW] if C[NOW] != U else 0
    if C[LIMITS] > 0 and _plan(C, S, R, H, L, row, now) == 1:
        Q[C[LATE]] = row
        C[LATE] += 1
    return int(row)


def _find_node(
    C: Any, S: Any, W: Any, R: Any, M: Any, N: Any, WN: Any, HT: Any, H: Any, L: Any, B: Any, Q: Any, NM: Any, TF: Any,
    key: int,
) -> int:  # fmt: skip
    """The node of that address; one that is new begins as the device (node 0) is by now. -1 if there are too many."""
    mask = C[HASH_CAP] - 1
    at = _mixed(0, key) & mask
    while HT[at, 1] != 0:
        if HT[at, 0] == key:
            return int(HT[at, 1])
        at = (at + 1) & mask
    if C[SEEN] >= C[MOST_NODES]:
        return -1
    C[SEEN] += 1
    node = C[NODES]
    C[NODES] = node + 1
    HT[at, 0] = key
    HT[at, 1] = node
    M[node, SLOT] = at
    M[node, KEY] = key
    M[node, BOOTS] = M[0, BOOTS]
    M[node, BEGIN] = C[ROWS]
    M[node, COUNT] = 0
    M[node, CAPACITY] = 0
    for k in range(C[SHARED]):
        N[node, k] = N[0, k]
        WN[node, k] = WN[0, k]
    for n in range(M[0, COUNT]):
        row = M[0, BEGIN] + n
        _add(C, S, W, R, M, H, L, B, Q, NM, TF, node, R[row, TOKEN], 0, row)
    return int(node)


def _mark_mode(C: Any, A: Any, token: int, modes: int, count: int, number: int) -> None:
    """Count packets that left an interface in access modes."""
    mask = C[MODES_CAP] - 1
    at = _mixed(token, modes) & mask
    while A[at, 2] != 0 and (A[at, 0] != token or A[at, 1] != modes):
        at = (at + 1) & mask
    if A[at, 2] == 0:
        A[at, 0] = token
        A[at, 1] = modes
        A[at, 2] = 1
        A[at, 3] = number
        A[at, 4] = 0
        C[MODES] += 1
    A[at, 4] += count


def _next(C: Any, time: Any, row_of: Any, kind_of: Any, H: Any, K: Any) -> int:
    """What comes next: what is overdue by then, or an event at once."""
    i = C[AT]
    if i >= C[SIZE]:
        return STOP + DONE
    if (
        C[ROWS_CAP] - C[ROWS] < ROOM
        or C[NODES_CAP] - C[NODES] < 2
        or C[HASH_CAP] < 2 * C[NODES] + 4
        or C[HEAP_CAP] - C[HEAP] < C[ROWS] + ROOM
        or C[LATE_CAP] - C[LATE] < 2 * C[ROWS] + ROOM
        or C[MODES_CAP] < 2 * C[MODES] + 4
    ):
        return STOP + GROW
    kind = kind_of[row_of[i]]
    C[LOOKED] = 0
    if kind >= 0 and K[kind, GAP] == 1:
        C[AFTER] = _GAP
        C[UNTIL] = C[NOW]
        return _OVERDUE if C[NOW] != U else _GAP
    C[AFTER] = _EVENT
    C[UNTIL] = time[i]
    return _OVERDUE if C[LATE] > 0 or (C[HEAP] > 0 and H[0, 0] < time[i]) else _EVENT


def _overdue(C: Any, S: Any, R: Any, N: Any, M: Any, H: Any, Q: Any, P: Any, Z: Any) -> int:
    """The next interface to be looked at: one that was left, or one whose deadline has come."""
    row = -1
    while row < 0:
        if C[LOOKED] < C[LATE]:
            row = Q[C[LOOKED]]
            C[LOOKED] += 1
            while R[row, MOVED] >= 0:
                row = R[row, MOVED]
        elif C[HEAP] > 0 and H[0, 0] < C[UNTIL]:
            deadline = H[0, 0]
            row = H[0, 2]
            _pop(C, H)
            while R[row, MOVED] >= 0:
                row = R[row, MOVED]
            if deadline == R[row, QUEUED]:
                R[row, QUEUED] = NEVER
            else:
                row = -1
        else:
            break
    if row < 0:
        C[LATE] = 0
        C[LOOKED] = 0
        return int(C[AFTER])
    node = R[row, WHOSE]
    begin = M[node, BEGIN]
    C[ROW] = row
    C[NODE] = node
    C[INDEX] = row - begin
    C[OUTCOMES] = due(
        C[UNTIL], row - begin, S[row], N[node], S[begin : begin + M[node, COUNT]], P, Z
    )  # fmt: skip
    C[OUTCOME] = 0
    if C[TRACKS] == 1 and node == 0:
        C[OUTCOMES] = 0
    return _MISS


def _missed(C: Any, S: Any, W: Any, R: Any, M: Any, H: Any, L: Any, T: Any, G: Any, F: Any, Z: Any) -> int:
    """What it was late with."""
    row = C[ROW]
    node = C[NODE]
    stop = DONE
    while C[OUTCOME] < C[OUTCOMES]:
        at = C[OUTCOME]
        C[OUTCOME] = at + 3
        rule = Z[at]
        C[RULE] = rule
        C[DEADLINE] = Z[at + 1]
        if Z[at + 2] == U:
            T[rule, UNKNOWN] += 1
            if T[rule, HOLED] == 0:
                stop = MISSED_HOLE
                break
            continue
        T[rule, BREACHES] += 1
        anchor = W[row, T[rule, ANCHOR]]
        found = -1
        for n in range(rule * LIMIT, rule * LIMIT + T[rule, CAUSES]):
            if G[n, 0] == M[node, KEY] and G[n, 1] == R[row, TOKEN] and G[n, 2] == anchor:
                found = G[n, 5]
                break
        if found >= 0:
            F[found, 0] += 1
            F[found, 1] = C[DEADLINE]
            F[found, 2] = anchor
        elif T[rule, GROUPS] >= LIMIT:
            T[rule, UNLISTED] += 1
        else:
            stop = MISSED
            break
    if stop != DONE:
        return STOP + stop
    _plan(C, S, R, H, L, row, C[UNTIL])
    return _OVERDUE


def _event(
    C: Any,
    time: Any,
    row_of: Any,
    kind_of: Any,
    token_of: Any,
    keys: Any,
    S: Any,
    W: Any,
    R: Any,
    N: Any,
    WN: Any,
    M: Any,
    HT: Any,
    H: Any,
    Q: Any,
    K: Any,
    L: Any,
    A: Any,
    B: Any,
    NM: Any,
    TF: Any,
) -> int:
    """Whom an event is about."""
    i = C[AT]
    r = row_of[i]
    kind = kind_of[r]
    C[NOW] = time[i]
    C[ALL] = 0
    if kind < 0:
        C[AT] = i + 1
        return _NEXT
    told = K[kind, ACCESS] >= 0 and keys[r, K[kind, ACCESS]] != U
    if told and K[kind, DIRECTION] >= 0 and keys[r, K[kind, DIRECTION]] == K[kind, OUTWARD]:
        count = keys[r, K[kind, MANY]] if K[kind, MANY] >= 0 else U
        _mark_mode(C, A, token_of[r], keys[r, K[kind, ACCESS]], count if count != U else 1, C[FIRST] + i)
    if C[TRACKS] == 0:
        C[NODE] = 0
        return _TARGET
    key = keys[r, K[kind, TRACKED]] if K[kind, TRACKED] >= 0 else U
    if key != U:
        node = _find_node(C, S, W, R, M, N, WN, HT, H, L, B, Q, NM, TF, key)
        if node < 0:
            return STOP + TOO_MANY_NODES
        C[NODE] = node
        return _TARGET
    if K[kind, TELLING] == 1:
        C[SPREAD] += C[NODES] - 1
        if C[SPREAD] > C[MOST_SPREAD]:
            return STOP + TOO_MUCH_SPREAD
        C[ALL] = 1
        C[CURSOR] = 1
        C[NODE] = 1 if C[NODES] > 1 else 0
        return _TARGET
    C[AT] = i + 1
    return _NEXT


def _happen(
    C: Any,
    time: Any,
    row_of: Any,
    kind_of: Any,
    token_of: Any,
    keys: Any,
    number: Any,
    S: Any,
    W: Any,
    R: Any,
    N: Any,
    WN: Any,
    M: Any,
    H: Any,
    Q: Any,
    K: Any,
    L: Any,
    B: Any,
    NM: Any,
    TF: Any,
    P: Any,
    Z: Any,
    OS: Any,
    OW: Any,
    ON: Any,
    OV: Any,
    X: Any,
) -> int:
    """An event happens to a node."""
    if C[OCCURRED_CAP] - C[OCCURRED] < C[RULES] or C[ROWS_CAP] - C[ROWS] < ROOM:
        return STOP + (FLUSH if C[OCCURRED_CAP] - C[OCCURRED] < C[RULES] else GROW)
    i = C[AT]
    r = row_of[i]
    kind = kind_of[r]
    node = C[NODE]
    token = token_of[r]
    if token < 0:
        row = 0
        index = U
        for k in range(C[SLOTS]):
            S[0, k] = U
        for k in range(C[VARIABLES]):
            W[0, k] = -1
        R[0, TOKEN] = token
        R[0, WHOSE] = node
    else:
        row = _place(C, S, W, R, M, H, L, B, Q, NM, TF, node, token)
        if row < 0:
            return STOP + TOO_MANY_INTERFACES
        index = row - M[node, BEGIN]
    C[ROW] = row
    C[INDEX] = index
    changing = K[kind, CHANGING] == 1
    if changing:
        for k in range(C[SLOTS]):
            OS[k] = S[row, k]
        for k in range(C[VARIABLES]):
            OW[k] = W[row, k]
        for k in range(C[SHARED]):
            ON[k] = N[node, k]
            OV[k] = WN[node, k]
    begin = M[node, BEGIN]
    those = S[begin : begin + M[node, COUNT]]
    if kind == C[VARYING]:
        for k in range(C[WIDTH]):
            X[k] = keys[r, k]
        if number[i] >= 0:
            X[C[VARYING_KEY]] = number[i]
        C[OUTCOMES] = step(kind, time[i], index, S[row], N[node], those, X, P, C[FIRST] + i, W[row], WN[node], Z)
    else:
        C[OUTCOMES] = step(
            kind, time[i], index, S[row], N[node], those, keys[r], P, C[FIRST] + i, W[row], WN[node], Z
        )  # fmt: skip
    C[OUTCOME] = 0
    C[CHANGED] = 0
    if changing:
        # Who writes what a variable already was has not brought it about: the writer before is kept.
        for k in range(C[VARIABLES]):
            if S[row, k] == OS[k]:
                W[row, k] = OW[k]
        for k in range(C[SHARED]):
            if N[node, k] == ON[k]:
                WN[node, k] = OV[k]
            else:
                C[CHANGED] = 1
    if C[ALL] == 1 and node == 0 and C[NODES] > 1:
        C[OUTCOMES] = 0  # the state in which nodes begin is nobody's
    return _OUT


def _judge(
    C: Any,
    time: Any,
    row_of: Any,
    kind_of: Any,
    S: Any,
    W: Any,
    R: Any,
    WN: Any,
    M: Any,
    H: Any,
    Q: Any,
    K: Any,
    L: Any,
    IO: Any,
    IS: Any,
    T: Any,
    G: Any,
    F: Any,
    OC: Any,
    Z: Any,
    OW: Any,
    OV: Any,
) -> int:
    """What rules say to it, and what it leaves to be looked at."""
    i = C[AT]
    row = C[ROW]
    node = C[NODE]
    kind = kind_of[row_of[i]]
    changing = K[kind, CHANGING] == 1
    stop = DONE
    while C[OUTCOME] < C[OUTCOMES]:
        at = C[OUTCOME]
        C[OUTCOME] = at + 2
        rule = Z[at]
        C[RULE] = rule
        if Z[at + 1] == 1:
            T[rule, KEPT] += 1
            continue
        if Z[at + 1] == U:
            T[rule, UNKNOWN] += 1
            if T[rule, HOLED] == 0:
                stop = HOLE
                break
            continue
        T[rule, BREACHES] += 1
        h = rule + 1
        for k in range(IO[rule, 0], IO[rule, 1]):
            h = _mixed(h, OW[IS[k]] if changing else W[row, IS[k]])
        for k in range(IO[rule, 1], IO[rule, 2]):
            h = _mixed(h, OV[IS[k]] if changing else WN[node, IS[k]])
        if IO[rule, 2] < IO[rule, 3]:
            for other in range(M[node, BEGIN], M[node, BEGIN] + M[node, COUNT]):
                for k in range(IO[rule, 2], IO[rule, 3]):
                    h = _mixed(h, OW[IS[k]] if changing and other == row else W[other, IS[k]])
        C[DEADLINE] = h
        found = -1
        for n in range(rule * LIMIT, rule * LIMIT + T[rule, CAUSES]):
            if G[n, 0] == M[node, KEY] and G[n, 1] == R[row, TOKEN] and G[n, 2] == kind:
                if G[n, 3] == h:
                    found = G[n, 5]
                break
        if found >= 0:
            F[found, 0] += 1
            F[found, 1] = time[i]
            F[found, 2] = C[FIRST] + i
            if C[RECORD] == 1:
                OC[C[OCCURRED], 0] = found
                OC[C[OCCURRED], 1] = C[FIRST] + i
                C[OCCURRED] += 1
        elif T[rule, GROUPS] >= LIMIT:
            T[rule, UNLISTED] += 1
        else:
            stop = BROKEN
            break
    if stop != DONE:
        return STOP + stop
    if changing:
        if C[LIMITS] > 0 and row != 0 and _plan(C, S, R, H, L, row, time[i]) == 1:
            Q[C[LATE]] = row
            C[LATE] += 1
        if C[ENTANGLED] == 1 or C[CHANGED] == 1:
            for other in range(M[node, BEGIN], M[node, BEGIN] + M[node, COUNT]):
                if other != row and R[other, EXPIRED] == 1:
                    Q[C[LATE]] = other
                    C[LATE] += 1
    if C[ALL] == 1 and node != 0:
        C[CURSOR] += 1
        C[NODE] = C[CURSOR] if C[CURSOR] < C[NODES] else 0
        return _TARGET
    C[AT] = i + 1
    return _NEXT


def _gap(
    C: Any,
    row_of: Any,
    kind_of: Any,
    token_of: Any,
    keys: Any,
    S: Any,
    W: Any,
    R: Any,
    N: Any,
    WN: Any,
    M: Any,
    HT: Any,
    H: Any,
    Q: Any,
    K: Any,
    L: Any,
    B: Any,
    NM: Any,
    TF: Any,
) -> int:
    """Evidence is missing: of a node, of an interface, of all."""
    i = C[AT]
    r = row_of[i]
    kind = kind_of[r]
    token = token_of[r]
    C[ALL] = 0
    node = 0
    if C[TRACKS] == 1:
        key = keys[r, K[kind, TRACKED]] if K[kind, TRACKED] >= 0 else U
        if key != U:
            node = _find_node(C, S, W, R, M, N, WN, HT, H, L, B, Q, NM, TF, key)
            if node < 0:
                return STOP + TOO_MANY_NODES
        else:
            C[ALL] = 1
            node = 1
    C[NODE] = node
    if C[ALL] == 1:
        # Whatever interface it was: what a device keeps of a node belongs to none.
        C[CURSOR] = M[1, BEGIN] if C[NODES] > 1 else 0
        C[LAST] = C[CURSOR] + M[1, COUNT] if C[NODES] > 1 else 0
    elif token < 0:
        C[CURSOR] = M[node, BEGIN]
        C[LAST] = C[CURSOR] + M[node, COUNT]
    else:
        row = _place(C, S, W, R, M, H, L, B, Q, NM, TF, node, token)
        if row < 0:
            return STOP + TOO_MANY_INTERFACES
        C[CURSOR] = row
        C[LAST] = row + 1
    C[OUTCOME] = 0
    C[OUTCOMES] = 0
    return _PEND


def _pend(C: Any, S: Any, R: Any, N: Any, M: Any, T: Any, P: Any, Z: Any) -> int:
    """What was owed when the evidence was lost may have been met."""
    stop = DONE
    while True:
        while C[OUTCOME] < C[OUTCOMES]:
            rule = Z[C[OUTCOME]]
            C[OUTCOME] += 1
            C[RULE] = rule
            T[rule, UNKNOWN] += 1
            if T[rule, HOLED] == 0:
                stop = GAP_HOLE
                break
        if stop != DONE:
            break
        if C[CURSOR] < C[LAST]:
            row = C[CURSOR]
            C[CURSOR] = row + 1
            node = R[row, WHOSE]
            begin = M[node, BEGIN]
            C[ROW] = row
            C[INDEX] = row - begin
            C[OUTCOMES] = pending(
                row - begin, S[row], N[node], S[begin : begin + M[node, COUNT]], P, Z
            )  # fmt: skip
            C[OUTCOME] = 0
        elif C[ALL] == 1 and C[NODE] + 1 < C[NODES]:
            C[NODE] += 1
            C[CURSOR] = M[C[NODE], BEGIN]
            C[LAST] = C[CURSOR] + M[C[NODE], COUNT]
        else:
            break
    if stop != DONE:
        return STOP + stop
    return _PENDED


def _forget(
    C: Any, time: Any, row_of: Any, token_of: Any, S: Any, W: Any, R: Any, N: Any, WN: Any, M: Any, HT: Any, Q: Any
) -> int:
    """From the last event to here anything may have happened: nothing is known."""
    i = C[AT]
    e = C[FIRST] + i
    token = token_of[row_of[i]]
    if C[ALL] == 1:
        # Nodes are then as unknown as those that have not been seen, and need not be remembered.
        for n in range(1, C[NODES]):
            HT[M[n, SLOT], 1] = 0
        C[NODES] = 1
        C[ROWS] = 1
        C[HEAP] = 0
        C[LATE] = 0
        M[0, BOOTS] = 0
        M[0, BEGIN] = 1
        M[0, COUNT] = 0
        M[0, CAPACITY] = 0
        node = 0
    else:
        node = C[NODE]
        begin = M[node, BEGIN] if token < 0 else C[ROW]
        end = begin + (M[node, COUNT] if token < 0 else 1)
        for row in range(begin, end):
            for k in range(C[SLOTS]):
                S[row, k] = U
            for k in range(C[VARIABLES]):
                W[row, k] = e
        if token < 0:
            M[node, BOOTS] = 0
        for other in range(M[node, BEGIN], M[node, BEGIN] + M[node, COUNT]):
            if C[LIMITS] > 0 and R[other, EXPIRED] == 1:
                Q[C[LATE]] = other
                C[LATE] += 1
    # What the interfaces share may have changed too.
    for k in range(C[SHARED]):
        N[node, k] = U
        WN[node, k] = e
    C[NOW] = time[i]
    C[AT] = i + 1
    return _NEXT


def replay(
    C: Any, time: Any, row_of: Any, kind_of: Any, token_of: Any, keys: Any, number: Any,
    S: Any, W: Any, R: Any, N: Any, WN: Any, M: Any, HT: Any, H: Any, Q: Any,
    K: Any, L: Any, IO: Any, IS: Any, T: Any, G: Any, F: Any, OC: Any, A: Any, B: Any, NM: Any, TF: Any,
    P: Any, Z: Any, OS: Any, OW: Any, ON: Any, OV: Any, X: Any,
) -> int:  # fmt: skip
    """Take the events of a batch, from `C[AT]` on; why it stopped. See `replay.py` for the arrays.

    `OS`, `OW`, `ON`, `OV` take what an interface and its node were before the event; `X` the keys of an event one of
    which stands beside the table.
    """
    phase = C[PHASE]
    while phase < STOP:
        C[PHASE] = phase
        if phase == _NEXT:
            phase = _next(C, time, row_of, kind_of, H, K)
        elif phase == _OVERDUE:
            phase = _overdue(C, S, R, N, M, H, Q, P, Z)
        elif phase == _MISS:
            phase = _missed(C, S, W, R, M, H, L, T, G, F, Z)
        elif phase == _EVENT:
            phase = _event(C, time, row_of, kind_of, token_of, keys, S, W, R, N, WN, M, HT, H, Q, K, L, A, B, NM, TF)
        elif phase == _TARGET:
            phase = _happen(
                C,
                time,
                row_of,
                kind_of,
                token_of,
                keys,
                number,
                S,
                W,
                R,
                N,
                WN,
                M,
                H,
                Q,
                K,
                L,
                B,
                NM,
                TF,
                P,
                Z,
                OS,
                OW,
                ON,
                OV,
                X,
            )
        elif phase == _OUT:
            phase = _judge(C, time, row_of, kind_of, S, W, R, WN, M, H, Q, K, L, IO, IS, T, G, F, OC, Z, OW, OV)
        elif phase == _GAP:
            phase = _gap(C, row_of, kind_of, token_of, keys, S, W, R, N, WN, M, HT, H, Q, K, L, B, NM, TF)
        elif phase == _PEND:
            phase = _pend(C, S, R, N, M, T, P, Z)
        else:  # _PENDED
            phase = _forget(C, time, row_of, token_of, S, W, R, N, WN, M, HT, Q)
    return int(phase - STOP)
