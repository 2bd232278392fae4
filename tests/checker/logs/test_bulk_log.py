"""Logs read in bulk are the logs that are read line by line: events, faults, and every number of every column."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mipcheck.checker.console.errors import InputError
from mipcheck.checker.inputs.opening import Spool
from mipcheck.checker.logs.bulk import log as bulk_log
from mipcheck.checker.logs.bulk import passes
from mipcheck.checker.logs.bulk.form import FORMS
from mipcheck.checker.logs.bulk.log import BulkLog
from mipcheck.checker.logs.jsonl import read_jsonl, write_jsonl
from mipcheck.checker.logs.parts import LINE_LIMIT
from mipcheck.checker.logs.text import read_log
from mipcheck.checker.trace.columns import EventTable
from mipcheck.checker.trace.derive import derive
from mipcheck.checker.trace.vocabulary import vocabulary_of
from mipcheck.model.machine.compile import Machine
from mipcheck.model.machine.kleene import UNKNOWN
from mipcheck.model.native.errors import NativeError
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.load import load, loads
from mipcheck.model.values.event import NODE

from making import log_json
from making.depth import drawn
from making.log_text import HEAD, SITE, logs, mutated
from making.paths import TRACES

SPEC = load()
WORDS = vocabulary_of(SPEC)


READERS = {"log": read_log, "jsonl": read_jsonl}


def bulk(data: bytes, keep_going: bool = False, kind: str = "log") -> BulkLog:
    log = BulkLog(io.BytesIO(data), "x.log", WORDS, keep_going, form=FORMS[kind])
    log.tell(SPEC, frozenset())
    return log


def same(data: bytes, keep_going: bool = False, kind: str = "log") -> None:
    fast, read = bulk(data, keep_going, kind), READERS[kind]
    batches = []
    try:
        fast.begin()
        for b in fast.batches():
            assert b.table is not None
            table = EventTable(b.table.interface.copy(), b.table.kind.copy(), b.table.keys.copy())
            batches.append((b.first, b.time.copy(), b.place.copy(), table))
    except InputError as error:
        with pytest.raises(InputError) as raised:
            read(io.BytesIO(data), "x.log", WORDS, keep_going)
        assert str(raised.value) == str(error)
        return
    except NativeError:
        # What an array cannot hold, or what has no name.
        assert b"8000000000000000" in data or b"9223372036854775808" in data or b'""' in data
        return
    slow = read(io.BytesIO(data), "x.log", WORDS, keep_going)
    assert len(fast) == len(slow.events)
    assert list(fast) == slow.events
    assert fast.interfaces == [i for i in dict.fromkeys(e.interface for e in slow.events) if i != NODE]
    reading = fast.reader
    assert (reading.lines, reading.skipped, reading.problems) == (slow.lines, slow.skipped, slow.problems)
    assert (reading.site(), reading.given) == (slow.site, slow.given)
    spec = SPEC.for_role(slow.site.role)
    machine = Machine(spec, configure(spec, {}), {})
    texts = {(k, key.name) for k, e in spec.events.items() for key in e.keys if key.type.name == "text"}
    derived = derive(spec, slow.events)
    for first, times, lines, table in batches:
        for n, time in enumerate(times):
            event = derived[first + n]
            assert (time, lines[n]) == (event.time, event.at.line)
            assert machine.kinds[table.kind[n]] == event.kind
            token = table.interface[n]
            assert (NODE if token < 0 else fast.interfaces[token]) == event.interface
            keys = [k - 2**64 if k >= 2**63 else k for k in machine.encode(event.kind, event.args)]
            for slot, key in enumerate(spec.events[event.kind].keys):
                wanted = keys[slot] if (event.kind, key.name) not in texts or keys[slot] == UNKNOWN else 0
                assert table.keys[n, slot] == wanted


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(logs(), st.booleans())
@example(
    (
        HEAD + "0 e solicit\n0.000000000 e rrp from=iha path=direct code=0 lifetime=1 id=0xFFFFFFFFFFFFFFFF auth=ok\n"
    ).encode(),
    False,
)
@example((HEAD + "1 e solicit\n2 e link state=sideways\n1.5 e solicit\n1.7 e solicit\n").encode(), False)
@example((HEAD + "1 e solicit\n2 e link state=sideways\n1.5 e solicit\n1.7 e solicit\n").encode(), True)
@example((HEAD + "1 e solicit\n2026-11-23T02:56:02Z e solicit\n2 e solicit").encode(), True)
@example((HEAD + "2024-02-29T23:59:59.9-01:00 e solicit\n2024-03-01T01:00:00Z e solicit\r\n").encode(), False)
@example(("\ufeff" + HEAD + SITE + "1 - solicit\n1 - solicit \r\r\n").encode(), False)
def test_the_same_events(data: bytes, keep_going: bool) -> None:
    same(data, keep_going)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(mutated(), st.booleans())
def test_the_same_faults(data: bytes, keep_going: bool) -> None:
    same(data, keep_going)


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize(
    "bad",
    [
        "2 e link state=sideways\n",
        "0.5 e solicit\n",  # which runs backwards
        "2026-11-23T02:56:02Z e solicit\n",
        "1 e gap reason=" + "a" * 70_000 + "\n",
        ("1 e gap reason=" + "a" * (bulk_log.BUFFER + 70_000) + "\n") * 2,
        "1 e gap reason=\udcff\n",  # no UTF-8
        "solicit\n",
    ],
    ids=["word", "backwards", "clock", "long", "longest", "octets", "other"],
)
def test_what_stands_for_lines_that_are_left_out(bad: str, at: int) -> None:
    lines = ["1 e solicit\n", "1 e solicit\n", "3 e solicit\n"]
    lines[at:at] = [bad]
    same((HEAD + "".join(lines)).encode("utf-8", "surrogateescape"), keep_going=True)


QUIET = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
EVENT = log_json.EVENT + "\n"


def test_lines_as_programs_write_them_are_read_without_jsonl(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        EVENT,
        '{"time":1.25,"interface":"wlan 0","event":"rrq","to":"iha","path":"direct","coa":"10.1.7.20",'
        '"flags":["T","D"],"lifetime":60,"id":53441,"home":null}\r\n',
        '{ "event" : "rrp" , "from" : "iha" , "path" : "direct" , "code" : 0 , "lifetime" : 60 , "id" : "0xd0c1" ,'
        ' "auth" : "ok" , "tnc" : true , "time" : "1.25" , "interface" : "-" } \n',
        "\n",
        '{"bytes": 52, "dir": "out", "event": "data", "interface": "e", "protection": "none", "time": 2}\n',
        '{"time": 3, "interface": "e", "event": "gap", "reason": ""}\n',
    ]
    data = (log_json.HEAD + "".join(lines)).encode()
    same(data, kind="jsonl")
    monkeypatch.setattr(passes.Pass, "_take_odd", None)
    assert len(bulk(data, kind="jsonl")) == 5


@pytest.mark.slow
def test_what_is_json_and_what_is_not() -> None:
    """Each is read as jsonl.py reads it, between lines that the compiled parser takes."""
    times = ["1.", "01", "-1", "+1", "1e0", "1.0e0", "1.1234567891", "1.5000000000", "10000000000", "2026-11-23",
             "null", "true", "[1]", "{}", '" 1"', '"1 "', '"1x"', '"1.50"', "1.50", '"2026-11-23T02:56:02Z"',
             '"2026-11-23T02:56:02Zx"']  # fmt: skip
    changes = [
        *(('"time": 1', f'"time": {time}') for time in times),
        *(('"e"', word) for word in ("null", '""', "1", '"é"', '"\\u0065"', '["e"]', "'e'", '"\x7f"', '"a b"')),
        *(("}", end) for end in ("}}", ",}", "", "}\t", "}\r", "}\0", "} x", ', "x": 1}', ', "mipcheck-trace": 1}')),
        *(("}", f', "{key}": 1}}') for key in ("time", "interface", "event", "link")),
        *(("{", begin) for begin in ("[", "{{", "\0{", "\t{ ", "{,")),
        ('"solicit"', "true"), ('"solicit"', '"link"'), ('"time"', '"Time"'), ('"time"', "time"), (",", ""), (":", "="),
    ]  # fmt: skip
    for old, new in changes:
        for keep_going in (False, True):
            same((log_json.HEAD + EVENT + EVENT.replace(old, new, 1) + EVENT).encode(), keep_going, "jsonl")


@pytest.mark.slow
def test_values_of_every_type_in_every_way() -> None:
    events = [
        '"rrq", "to": "iha", "path": "direct", "coa": "10.1.7.20", "flags": "T", "lifetime": 5, "id": 7',
        '"rrp", "from": "iha", "path": "direct", "code": 0, "lifetime": 5, "id": 7, "auth": "ok", "tnc": "yes"',
        '"data", "dir": "out", "protection": "none", "stack": "ip/ip", "count": 1',
        '"data", "dir": "out", "protection": "none", "stack": "ip/ip", "access": "c"',
        '"ike", "phase": "start", "src": "10.1.7.20", "dst": "192.0.2.1", "version": 2, "vendor": "vpn-fa"',
        '"gap", "reason": "x"',
    ]  # fmt: skip
    values = ["true", "false", "null", '"yes"', '"true"', "0", "-0", "7", '"7"', '"0x7"', "-7", "7.0", "1e1", "[]",
              "{}", '["T"]', '["T", "D"]', '["D","T"]', '["T", "T"]', '["TD"]', '["-"]', "[1]", '[""]', '"-"', '""',
              '"DT"', '"T,D"', "123456789", "1234567890", "123456789012345678", "1234567890123456789", '"a b"', '"c,f"',
              "18446744073709551616", '"10.1.7.21"', '"10.1.7.021"', '"iha"', '"ok"', '"no"', "2",
              '"vpn-fa,endpoint-update"', '["vpn-fa", "endpoint-update"]', '["vpn-fa","vpn-fa"]']  # fmt: skip
    for event in events:
        line = f'{{"time": 1, "interface": "e", "event": {event}}}\n'
        for pair in event.split(", ")[1:]:
            key = pair.partition(":")[0]
            changed = [line.replace(pair, f"{key}: {value}") for value in values]
            changed += [line.replace("}", f", {pair}}}"), line.replace(f", {pair}", "")]
            same((log_json.HEAD + line + line.join(changed) + line).encode(), True, "jsonl")


def test_a_key_that_is_called_like_those_of_every_event() -> None:
    words = vocabulary_of(loads('spec s ""\ndocument "none"\nevent go(time?: int, n?: int) by node seen log'))
    event = '{"time": 1, "interface": "e", "event": "go", "n": 5}\n'
    for more in ('"time": 7', '"n": 6', '"x": 6'):
        data = (log_json.HEAD + event + event.replace('"n": 5', more) + event.replace("}", f", {more}}}")).encode()
        log = BulkLog(io.BytesIO(data), "x", words, True, form=FORMS["jsonl"])
        slow = read_jsonl(io.BytesIO(data), "x", words, True)
        assert list(log) == slow.events
        assert log.reader.problems == slow.problems


@pytest.mark.slow
@QUIET
@given(log_json.logs(), st.booleans())
@example((log_json.HEAD + EVENT.replace("1", "1.50") + EVENT + EVENT.replace("1", "0")).encode(), False)
@example((log_json.HEAD + EVENT.replace("1", '"1.50"') + "\n" + EVENT + EVENT.replace("1", "2")).encode(), True)
@example((log_json.HEAD + EVENT + EVENT.replace('"e"', '"e", "time": 1')).encode(), False)
@example((log_json.HEAD + EVENT + EVENT.replace("}", ', "time": 2}')).encode(), False)
@example((log_json.HEAD + EVENT + EVENT.replace('solicit"', 'gap", "reason": ""')).encode(), False)
def test_the_same_events_of_json_lines(data: bytes, keep_going: bool) -> None:
    same(data, keep_going, "jsonl")


@pytest.mark.slow
@QUIET
@given(log_json.mutated(), st.booleans())
def test_the_same_faults_of_json_lines(data: bytes, keep_going: bool) -> None:
    same(data, keep_going, "jsonl")


@pytest.mark.sampled(4)
@pytest.mark.parametrize("path", sorted(TRACES.glob("*.log")), ids=lambda p: p.stem)
def test_example_traces(path: Path) -> None:
    same(path.read_bytes())
    log = read_log(io.BytesIO(path.read_bytes()), "x.log", WORDS)
    text = write_jsonl(log.events, log.site, WORDS, absolute=log.absolute)
    same(text.encode(), kind="jsonl")


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
    max_examples=drawn(20, 300),
)
@given(logs(clean=True), st.integers(300, 400))
def test_buffers_and_batches_of_any_size(data: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bulk_log, "BUFFER", size)
        patched.setattr(bulk_log, "MOST_ROWS", 3)
        patched.setattr(bulk_log, "_STRIDE", 2)
        same(data)


@pytest.mark.slow
@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
    max_examples=drawn(20, 300),
)
@given(log_json.logs(), st.integers(900, 1000), st.booleans())
def test_buffers_and_batches_of_any_size_of_json_lines(data: bytes, size: int, keep_going: bool) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bulk_log, "BUFFER", size)
        patched.setattr(bulk_log, "MOST_ROWS", 3)
        patched.setattr(bulk_log, "_STRIDE", 2)
        same(data, keep_going, "jsonl")


@pytest.mark.slow
@pytest.mark.parametrize(
    "length", [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, bulk_log.BUFFER + 5, 3 * bulk_log.BUFFER]
)
@pytest.mark.parametrize("end", [b"\n1 e solicit\n", b"\r\n", b""])
@pytest.mark.parametrize("keep_going", [False, True])
def test_long_lines(length: int, end: bytes, keep_going: bool) -> None:
    line = b"1 e gap reason="
    same(HEAD.encode() + b"0 e solicit\n" + line + b"x" * (length - len(line)) + end, keep_going)
    same(HEAD.encode() + b"0 e solicit\n" + b"# " + b"x" * (length - 2) + end, keep_going)
    line = b'{"time": 1, "interface": "e", "event": "gap", "reason": "'
    event = EVENT.encode()
    end = end.replace(b"1 e solicit\n", event)
    for last in (b'"}', b'"} '):
        long = line + b"x" * (length - len(line) - len(last)) + last + end
        same(log_json.HEAD.encode() + event + long, keep_going, "jsonl")
    same(log_json.HEAD.encode() + event + b" " * length + end, keep_going, "jsonl")


def test_what_is_asked_for_is_read_again() -> None:
    text = HEAD + "".join(f"{n}.5 e{n % 3} {'solicit' if n % 7 else 'link state=up'}\n# {n}\n" for n in range(5000))
    log = bulk(text.encode())
    slow = read_log(io.BytesIO(text.encode()), "x.log", WORDS).events
    assert len(log) == 5000
    assert [log[n] for n in (4999, 0, 1023, 1024, 1025, 2500, -1)] == [
        slow[n] for n in (4999, 0, 1023, 1024, 1025, 2500, -1)
    ]
    wanted = [e for e in slow[101:3101] if e.kind == "link" and e.interface == "e1"]
    assert list(log.following(100, 3000, {"link"}, "e1")) == wanted
    links = [e for e in slow[1001:4001] if e.kind == "link"]
    assert list(log.following(1000, 3000, {"link"}, None)) == links
    assert log.before(4001, 3000, {"link"}, 10_000) == links
    assert log.before(4001, 3000, {"link"}, 20) == links[-20:]
    assert log.before(0, 3000, {"link"}, 20) == []
    with pytest.raises(IndexError):
        log[5000]


def test_more_interfaces_than_any_node_has() -> None:
    text = HEAD + "".join(f"{n} if{n} solicit\n" for n in range(3000))
    log = bulk(text.encode())
    assert len(log) == 3000 and log.interfaces == [f"if{n}" for n in range(3000)]


def test_a_pipe_is_kept_to_be_read_again() -> None:
    text = (HEAD + "".join(f"{n} e solicit\n" for n in range(20000))).encode()

    class Pipe(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000))

    log = BulkLog(io.BufferedReader(Spool(Pipe(text), memory=50000)), "x.log", WORDS)
    assert len(log) == 20000
    assert [log[n].time for n in (0, 19999, 7)] == [0, 19999 * 10**9, 7 * 10**9]
    assert np.array_equal(np.concatenate([b.time.copy() for b in log.batches()]), np.arange(20000) * 10**9)
