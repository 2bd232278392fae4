"""A log of another program is known by its first lines where one map knows them and no other, or is told its map."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mipcheck import check
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError, UsageError
from mipcheck.checker.follow import follow
from mipcheck.checker.maps.library import bundled, map_of, use_of
from mipcheck.checker.maps.read import LogReading
from mipcheck.checker.maps.recognise import SIZE, recognised, timeless

from making.depth import drawn
from making.following import Clock, Pieces, followed, follower
from making.passed_over import assert_passed_over_alike

CHARON = (
    "Nov  3 09:14:02 11[KNL] 203.0.113.20 appeared on wlan0\n"
    "Nov  3 09:14:02 13[IKE] <corp|1> initiating IKE_SA corp[1] to 192.0.2.1\n"
    "Nov  3 09:14:02 13[NET] <corp|1> sending packet: from 203.0.113.20[500] to 192.0.2.1[500] (240 bytes)\n"
)
LISTED = (
    "Nov  3 09:14:02 host charon[7]: 11[KNL] 203.0.113.20 appeared on wlan0\n"
    "Nov  3 09:14:03 host kernel: something else\n"
)
LEASE = "Nov  3 09:14:01 host dhclient[9]: bound to 203.0.113.20 -- renewal in 60 seconds.\n"
OWN = "mipcheck-trace 1\n2025-11-03T09:14:02Z wlan0 coa kind=colocated addr=203.0.113.20\n"


def maps(head: str) -> list[str]:
    return [r.map.name for r in recognised(head.encode())]


@pytest.mark.parametrize(
    ("name", "number"), [(name, n) for name in bundled() for n in range(len(map_of(name).samples))]
)
def test_each_map_is_known_by_its_samples_and_taken_for_no_other(name: str, number: int) -> None:
    sample = map_of(name).samples[number]
    if "stamp" not in sample.settings:
        assert maps("\n".join(sample.raw)) == [name]


def test_a_listing_in_which_several_programs_speak_is_read_through_the_maps_of_all(tmp_path: Path) -> None:
    assert maps(LISTED) == ["charon"]
    assert maps(LISTED + LEASE) == ["charon+dhclient"]
    path = tmp_path / "both.log"
    asks = LEASE.replace(
        "bound to 203.0.113.20 -- renewal in 60 seconds.", "DHCPREQUEST on wlan0 to 255.255.255.255 port 67"
    )
    again = LEASE.replace(":01", ":05").replace("113.20", "113.21")
    path.write_text(asks + LEASE + LISTED + again + UP + UP.replace("Gained", "Unheard"))
    report = check(path)
    assert any("(6 of 6 are of these programs)" in n and "--map charon+dhclient+networkd" in n for n in report.notes)
    assert any("7 records, 5 known to it, 1 of other programs, 1 that nothing" in n for n in report.notes)
    assert report.inputs[0].events == 3  # the address that both tell is one; another, and a link


def test_two_programs_that_tell_one_thing_twice_tell_it_twice(tmp_path: Path) -> None:
    """Within two seconds what one tells is what the other told; later it is told anew."""
    seconds = (0, 1, 1, 4)
    (tmp_path / "a.map").write_text(ONE.format("a"))
    (tmp_path / "b.map").write_text(ONE.format("b"))
    lines = [f"Nov  3 09:14:0{s} h {p}[1]: up\n" for s, p in zip(seconds, "abbb", strict=True)]
    path = tmp_path / "x.log"
    path.write_text("".join(lines))
    use = use_of(f"{tmp_path}/a.map+{tmp_path}/b.map,year=2025,zone=UTC")
    assert use.map.sees == ("link", "coa")
    records = list(LogReading(use, "x", None).records(io.BytesIO(path.read_bytes())))
    assert [len(r.events) for r in records] == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("charon+windows", "windows does not know its lines by the program's name"),
        ("networkmanager+wpa-supplicant", "two of them are for one program"),
        ("charon+charn", "did you mean"),
    ],
)
def test_maps_that_cannot_be_joined(word: str, said: str) -> None:
    with pytest.raises((UsageError, InputError), match=said):
        use_of(word)


ONE = 'map {0} "{0}"\nprogram {0}\nsees link~ link coa\nstamp "%s"\nline "up" {{ event eth0 link state=up }}\n'
UP = "Nov  3 09:14:06 host systemd-networkd[9]: eth0: Gained carrier\n"


@settings(deadline=None, max_examples=drawn(40, 1000))
@given(
    st.lists(
        st.sampled_from([LISTED, LEASE, UP, UP.replace("Gained", "Lost"), "Nov  3 09:14:06 h cron[1]: x\n", "x\n"])
    )
)
def test_what_is_passed_over_for_several_maps_is_counted_as_if_it_were_read(parts: list[str]) -> None:
    data = (LISTED + "".join(parts)).encode()
    assert_passed_over_alike("charon+dhclient+networkd,year=2025,zone=UTC", data)


ROUTER = (
    "Nov  3 09:14:02.250: MobileIP: HA accepts registration from MN 10.1.0.100\n"
    "Nov  3 09:14:02.255: MobileIP: HA sent reply to MN 10.1.0.100\n"
    "Nov  3 09:14:02.250: MobileIP: FA received registration for MN 10.1.0.100 on interface Fa0 using COA 10.1.7.1 HA"
    " 10.1.0.2 lifetime 60 options sbdmgvT\n"
    "Nov  3 09:14:02.250: MobileIP: FA forwarded reply to MN 10.1.0.100\n"
)


def test_a_log_that_may_be_either_of_two_is_not_guessed_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "router.log"
    path.write_text(ROUTER)
    assert maps(ROUTER) == ["ios-fa", "ios-ha"]
    assert main([str(path)]) == 2
    error = capsys.readouterr().err
    assert "its first lines may be those of" in error
    assert "(ios-fa)" in error
    assert "(ios-ha)" in error


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        OWN,
        OWN.replace("mipcheck-trace", "mipchek-trace"),
        OWN.partition("\n")[2],
        "".join(f"# {line}\n" for line in CHARON.splitlines()) + OWN,
        "Nov  3 09:14:03 host kernel: something else\n" * 5,
        "2025-11-03T09:14:03Z interface eth0 activated\n",  # some daemon's, in words that charon has too
        "Nov  3 09:14:03 interface eth0 deleted\n",
        "[2025-11-03T09:14:03.1] local time is wrong\n",  # nothing but what ip-monitor leaves aside
        "01[KNL] 203.0.113.20 appeared on wlan0\n",
        "2025-11-03 09:14:03: INFO: received something\n",  # what racoon's map leaves aside, and others say, too
        "Nov  3 09:14:03 01[LIB] loaded plugins\n",
        "x" * SIZE,
        "\x00\x01",
    ],
)
def test_what_is_no_known_program_s_is_left_alone(text: str) -> None:
    assert maps(text) == []


def test_a_log_of_our_own_is_never_taken_whatever_it_quotes(tmp_path: Path) -> None:
    path = tmp_path / "own.log"
    path.write_text("# from\n" + "".join(f"#{line}\n" for line in CHARON.splitlines()) + OWN)
    report = check(path)
    assert [i.kind for i in report.inputs] == ["log"]
    assert not any("recognised by" in note for note in report.notes)


def test_of_many_lines_of_others_few_of_ours_are_enough_and_most_others_are_too_many() -> None:
    others = "Nov  3 09:14:03 host kernel: something else\n" * 50
    assert maps(others + LISTED) == ["charon"]
    strange = "Nov  3 09:14:03 nobody knows this\n"
    assert maps(CHARON + 3 * strange) == ["charon"]
    assert maps(CHARON + 4 * strange) == []


def test_a_recognised_log_is_judged_and_the_report_says_so(tmp_path: Path) -> None:
    path = tmp_path / "charon.log"
    path.write_text(CHARON)
    report = check(path)
    assert [i.events for i in report.inputs] == [2]
    (said,) = [n for n in report.notes if "recognised by" in n]
    assert "(3 of 3 are of this program)" in said
    assert "--map charon" in said
    assert not any("recognised by" in n for n in check(path, maps=["charon"]).notes)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_recognised_log_that_grows_is_followed(tmp_path: Path, size: int) -> None:
    data = CHARON.encode()
    pieces = [data[n : n + size] for n in range(0, len(data), size)]
    live, _ = followed([Pieces(str(tmp_path / "charon.log"), pieces)])
    assert [i.events for i in live.inputs] == [2]
    assert any("recognised by its first lines" in n for n in live.notes)


def test_the_site_file_says_the_map_and_the_command_line_wins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.log").write_text(CHARON)
    own = tmp_path / "own.log"
    own.write_text(OWN)
    (tmp_path / "own.map").write_text(
        'map mine "mine"\nstamp "%b %e %T"\nline "{..} appeared on {if:word}" { event {if} link state=up }\n'
    )
    site = tmp_path / "site.toml"
    site.write_text(f'[[source]]\nfile = "*.log"\nmap = "{tmp_path}/own.map,year=2025,zone=UTC"\n')
    report = check([tmp_path / "a.log", own], config=site)
    assert any("read by the map mine: 3 records, 1 known to it" in n for n in report.notes)
    assert not any("recognised by" in n for n in report.notes)
    report = check([tmp_path / "a.log", own], config=site, maps=["charon,year=2025,zone=UTC"])
    assert any("read by the map charon" in n for n in report.notes)
    site.write_text('[[source]]\nfile = "*.log"\nmap = "charon,yaer=2025"\n')
    assert main([str(tmp_path / "a.log"), "--config", str(site)]) == 2
    assert '[[source]] of *.log: map charon takes no "yaer"' in capsys.readouterr().err
    site.write_text('[[source]]\nfile = "*.log"\nmap = 3\n')
    assert main([str(tmp_path / "a.log"), "--config", str(site)]) == 2
    assert "key map of [[source]] has no such value" in capsys.readouterr().err


TIMELESS = {
    "charon.filelog": "11[KNL] 203.0.113.20 appeared on wlan0\n13[IKE] local host is behind NAT, sending keep alives\n",
    "logtime=no": '"corp"[1] 192.0.2.1 #1: initiating IKEv2 connection\n',
    "ip -ts monitor": "2: eth0: <NO-CARRIER,UP> mtu 1500 state DOWN\n    link/ether 02:00:5e:00:53:10\n",
    "run it with -S": "udhcpc: started, v1.35.0\nudhcpc: lease of 10.1.7.26 obtained from 10.1.7.1, lease time 120\n",
    "journalctl -t dhclient": "bound to 10.1.7.26 -- renewal in 55 seconds.\n",
}


@pytest.mark.parametrize("advice", TIMELESS)
def test_a_log_without_times_is_told_the_setting_to_change_at_once(tmp_path: Path, advice: str) -> None:
    path = tmp_path / "x.log"
    path.write_text(TIMELESS[advice])
    with pytest.raises(InputError, match="its lines have no times, and none is invented") as whole:
        check(path)
    assert advice in str(whole.value)
    with pytest.raises(InputError, match=advice):
        followed([Pieces(str(path), [TIMELESS[advice].encode()])])


@pytest.mark.parametrize(
    "text", ["something else\n", "interface up\n", OWN.partition("\n")[2], TIMELESS["logtime=no"] + CHARON]
)
def test_what_no_program_is_known_to_write_or_has_times_is_not_said_to_lack_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.log"
    path.write_text(text)
    with suppress(InputError):
        check(path)
    assert timeless(text.encode()) is None


OTHERS = "Nov  3 09:14:00 host kernel: something else\n"


@pytest.mark.parametrize("size", [30, 400])
def test_a_log_that_grows_is_recognised_by_as_many_lines_as_a_whole_one(tmp_path: Path, size: int) -> None:
    data = (OTHERS * 20 + LISTED + OTHERS).encode()
    pieces = [data[n : n + size] for n in range(0, len(data), size)]
    live, _ = followed([Pieces(str(tmp_path / "x.log"), pieces)])
    assert [i.events for i in live.inputs] == [1]
    assert any("read by the map charon: 23 records, 1 known to it, 22 of other programs" in n for n in live.notes)


def test_what_is_undecided_is_told_when_nothing_has_come_for_the_grace_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    monkeypatch.setattr(follow, "time", clock)
    tail = Pieces(str(tmp_path / "x.log"), [OTHERS.encode()], ends=False)
    run = follower([tail], [])
    run._turn()
    assert "no map" not in capsys.readouterr().err
    for more, known in ((b"", False), (OTHERS.encode(), False), (CHARON.encode(), True)):
        tail.left.append(more)
        run._turn()
        clock.now += 3
        run._turn()
        assert run._logs[0].known is known
    assert capsys.readouterr().err.count("no map that comes along knows its lines so far") == 1
    assert len(run._logs[0].input().events) == 2


def test_a_log_that_no_map_knows_is_refused_after_so_many_lines_and_one_that_is_rotated_before_is_not_lost(
    tmp_path: Path,
) -> None:
    strange = b"Nov  3 09:14:00 nobody knows this\n"
    tail = Pieces(str(tmp_path / "x.log"), [strange * 100] * 5, ends=False)
    with pytest.raises(InputError, match="header"):
        follower([tail], [])._turn()
    tail = Pieces(str(tmp_path / "x.log"), [CHARON.encode()], ends=False)
    run = follower([tail], [])
    run._read(0)
    run._logs[0].turn("", run._means())
    assert run._logs[0].known
