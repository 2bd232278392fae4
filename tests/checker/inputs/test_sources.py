"""What a source is able to show decides what its silence means, and how its stamps are to be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.report import Report
from mipcheck.checker.cli.main import main
from mipcheck.checker.console.errors import InputError

from making.source_logs import COARSE, ELSEWHERE, HEAD, INSIDE, OUTSIDE, SITE, TUNNEL


def report(folder: Path, *texts: str, config: str = "", name: str = "trace{}.log") -> Report:
    paths = [folder / name.format(n) for n, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    site = folder / "site.toml"
    site.write_text(config, "utf-8")
    return check(paths, config=site if config else None)


def status(found: Report) -> dict[str, str]:
    return {r.id: r.status for r in found.rules}


# --- what is seen -------------------------------------------------------------------------------------------------


def test_registrations_that_no_source_shows_are_not_missed(tmp_path: Path) -> None:
    assert status(report(tmp_path, HEAD + SITE + TUNNEL))["V3"] == "violated"
    found = report(tmp_path, HEAD + "source sees=ike,sa\n" + SITE + TUNNEL)
    assert found.verdict == "inconclusive"
    assert status(found)["V3"] == "inconclusive"
    assert status(found)["S2"] == "unobservable"
    assert any("trace0.log" in r.why and "rrq" in r.why for r in found.rules if r.id == "V3")


def test_what_is_seen_in_part_is_judged_by_itself(tmp_path: Path) -> None:
    asks = "1.000000 wlan0 rrq to=iha path=vpn coa=10.1.7.20 flags=D lifetime=60 id=1\n"
    found = report(tmp_path, HEAD + "source sees=ike,sa,rrq~\n" + SITE + asks)
    assert status(found)["V2"] == "violated"
    assert status(found)["V13"] == "unobservable"


def test_several_sources_show_the_union(tmp_path: Path) -> None:
    assert status(report(tmp_path, HEAD + "source sees=ike,sa\n" + TUNNEL, HEAD + SITE + INSIDE))["V3"] == "violated"


def test_another_source_that_sees_no_registrations_does_not_help(tmp_path: Path) -> None:
    other = HEAD + "source sees=data\n0.000000 wlan0 data dir=out protection=esp\n"
    found = report(tmp_path, HEAD + "source sees=ike,sa\n" + SITE + TUNNEL, other)
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("sees", "wanted"),
    [
        ("link~,rrq,rrp,data", "violated"),
        ("link,coa~,gone~,rrq,rrp,data", "violated"),
        ("coa,gone,rrq,rrp,data", "violated"),
        ("link,coa,rrq,data", "inconclusive"),  # the i-HA may have accepted it again
    ],
)
def test_what_unseen_events_could_only_repeat_stays_known(tmp_path: Path, sees: str, wanted: str) -> None:
    told = INSIDE + "3.000000 eth0 link state=down\n5.000000 eth0 data dir=out protection=none stack=ip/ip\n"
    found = report(tmp_path, HEAD + f"source sees={sees}\n" + SITE + told)
    assert status(found)["D1"] == status(found)["S1"] == wanted
    assert [v.at.line for v in found.violations if v.rule == "D1"] == ([10] if wanted == "violated" else [])


def test_what_unseen_events_could_change_is_not_known(tmp_path: Path) -> None:
    found = report(tmp_path, HEAD + "source sees=link,rrq,rrp,data\n" + SITE + INSIDE)
    assert status(found)["D1"] == status(found)["S1"] == "inconclusive"


def test_what_a_node_says_of_itself_need_not_be_listed(tmp_path: Path) -> None:
    leak = "0.500000 eth0 data dir=out protection=none stack=ip/ip\n"
    listed = "source sees=link,coa,advert,solicit,rrq,rrp,ike,sa,data\n"
    assert status(report(tmp_path, HEAD + listed + SITE + leak))["D1"] == "violated"


@pytest.mark.parametrize("form", ["log", "jsonl"])
def test_a_gateways_log_that_shows_only_packets(tmp_path: Path, form: str) -> None:
    log = tmp_path / "gateway.log"
    site = "site role=vpn iha=10.1.0.2 ihoa=10.1.0.100\n"
    log.write_text(HEAD + "source sees=packet\n" + site + "0.000000 - gap\n", "utf-8")
    out = tmp_path / f"again.{form}"
    assert main(["convert", str(log), "-o", str(out), "--format", form]) == 0
    assert "packet" in out.read_text("utf-8").split("sees", 1)[1].partition("\n")[0]
    assert status(check([out])) == status(check([log]))


# --- an interface that may have been unplugged ----------------------------------------------------------------------


def test_silence_until_another_address(tmp_path: Path) -> None:
    seen = "source sees=link~,coa,rrq,rrp,ike,sa,data\n"
    assert status(report(tmp_path, HEAD + SITE + INSIDE + ELSEWHERE))["M1"] == "violated"
    found = report(tmp_path, HEAD + seen + SITE + INSIDE + ELSEWHERE)
    assert status(found)["M1"] == "inconclusive"
    assert found.verdict == "inconclusive"


def test_a_packet_after_the_deadline_ends_the_excuse(tmp_path: Path) -> None:
    seen = "source sees=link~,coa,rrq,rrp,ike,sa,data\n"
    alive = "40.000000 eth0 data dir=in protection=none stack=ip/ip\n"
    assert status(report(tmp_path, HEAD + seen + SITE + INSIDE + alive + ELSEWHERE))["M1"] == "violated"


def test_the_same_address_again_is_no_change(tmp_path: Path) -> None:
    seen = "source sees=link~,coa,rrq,rrp,ike,sa,data\n"
    renewed = "60.000000 eth0 coa kind=colocated addr=10.1.7.20\n"
    assert status(report(tmp_path, HEAD + seen + SITE + INSIDE + renewed))["M1"] == "violated"


# --- resolution -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "wanted"), [("1.900000", "held"), ("2.190000", "inconclusive"), ("3.190000", "violated")]
)
def test_order_inside_a_resolution_is_unknown(tmp_path: Path, answer: str, wanted: str) -> None:
    exact = HEAD + SITE + OUTSIDE.format(answer)
    for source in ("", "source sees=ike,sa resolution=1s\n"):
        assert status(report(tmp_path, exact, HEAD + source + COARSE))["V3"] == wanted


def test_a_finer_resolution_can_be_stated(tmp_path: Path) -> None:
    exact = HEAD + SITE + OUTSIDE.format("2.190000")
    assert status(report(tmp_path, exact, HEAD + "source resolution=1ms\n" + COARSE))["V3"] == "violated"


def test_one_source_keeps_its_order(tmp_path: Path) -> None:
    both = OUTSIDE.format("2") + COARSE
    whole = "".join(f"2 {line.partition(' ')[2]}" for line in both.splitlines(keepends=True))
    assert status(report(tmp_path, HEAD + SITE + whole))["V3"] == "held"


@pytest.mark.parametrize(("last", "wanted"), [(60, "held"), (61, "violated")])
def test_durations_have_the_tolerance_of_their_stamps(tmp_path: Path, last: int, wanted: str) -> None:
    def log(time: str) -> str:
        return (
            "0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x11\n"
            "0 eth0 rrp from=iha path=direct code=0 lifetime=600 id=0x11 auth=ok\n"
            f"{time} eth0 data dir=out protection=none stack=ip/ip\n"
        )

    # 60 s from one second to another may be 60.9 s.
    expected = "inconclusive" if wanted == "held" else wanted
    assert status(report(tmp_path, HEAD + SITE + log(str(last))))["M2"] == expected
    assert status(report(tmp_path, HEAD + SITE + log(f"{last}.000000")))["M2"] == wanted


def test_an_obligation_is_overdue_once_it_is_for_certain(tmp_path: Path) -> None:
    start = SITE.replace("boot", "t_slack=0s t_reregister=20s t_detection=0s boot")
    log = (
        "0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x11\n"
        "0 eth0 rrp from=iha path=direct code=0 lifetime=600 id=0x11 auth=ok\n"
        "{} eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x12\n"
    )
    assert status(report(tmp_path, HEAD + start + log.format(20)))["M1"] != "violated"
    assert status(report(tmp_path, HEAD + start + log.format(23)))["M1"] == "violated"


RENEWED = (
    SITE.replace("boot", "t_slack=1s t_reregister=10s t_detection=3s boot")
    + "0 eth0 link state=up\n0 eth0 coa kind=colocated addr=10.1.7.20\n"
    + "0 eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x11\n"
    + "0 eth0 rrp from=iha path=direct code=0 lifetime=600 id=0x11 auth=ok\n"
)


@pytest.mark.parametrize(("time", "wanted"), [(13, "held"), (14, "inconclusive"), (15, "violated")])
def test_what_may_have_been_owed_for_too_long_is_not_said_to_be_in_time(tmp_path: Path, time: int, wanted: str) -> None:
    """Accepted in second 0, after 3 s of detection, it is renewed within 10 s and a slack of 1 s: in second 14."""
    asks = f"{time} eth0 rrq to=iha path=direct coa=10.1.7.20 flags=DT lifetime=600 id=0x12\n"
    assert status(report(tmp_path, HEAD + RENEWED + asks))["M1"] == wanted
    ended = status(report(tmp_path, HEAD + RENEWED + f"{time} eth0 link state=down\n"))["M1"]
    assert ended == {"held": "not-exercised"}.get(wanted, wanted)


@pytest.mark.parametrize(
    ("time", "wanted", "verdict"),
    [(13, "not-exercised", "conformant"), (14, "inconclusive", "inconclusive"), (15, "violated", "violation")],
)
def test_what_may_be_overdue_when_a_trace_ends_is_not_known_to_be(
    tmp_path: Path, time: int, wanted: str, verdict: str
) -> None:
    last = f"{time} eth0 data dir=in protection=none stack=ip/ip\n"
    found = report(tmp_path, HEAD + RENEWED + last)
    assert (status(found)["M1"], found.verdict) == (wanted, verdict)


@pytest.mark.parametrize(("time", "wanted"), [(21, "inconclusive"), (22, "violated")])
def test_the_order_of_a_devices_lines_is_known_beyond_the_resolution(tmp_path: Path, time: int, wanted: str) -> None:
    """What was queued goes out within t_order (50 ms) of a binding's end, which stands in second 20."""
    asks = "rrq home=10.1.0.100 coa={} flags=DT lifetime=60 id={} auth=ok via=inside dynamic=no nat=no udp=no\n"
    grants = "rrp home=10.1.0.100 code=0 lifetime=60 id={} udp=no\n"
    log = (
        HEAD + "site role=iha boot=true iha=10.1.0.2\n"
        "0 eth0 " + asks.format("10.1.7.1", 1) + "0 eth0 " + grants.format(1)
        + "10 eth0 tunnel home=10.1.0.100 coa=10.1.7.1\n"
        "20 eth0 " + asks.format("10.1.7.2", 2) + "20 eth0 " + grants.format(2)
        + f"{time} eth0 tunnel home=10.1.0.100 coa=10.1.7.1\n"
    )  # fmt: skip
    assert status(report(tmp_path, log))["IH6"] == wanted


def test_an_exact_sources_durations_stay_exact_beside_a_coarse_one(tmp_path: Path) -> None:
    late = "60.500000 eth0 data dir=out protection=none stack=ip/ip\n"
    coarse = HEAD + "source sees=ike,sa resolution=1s\n" + COARSE
    assert status(report(tmp_path, HEAD + SITE + INSIDE + late, coarse))["M2"] == "violated"


def test_many_packets_inside_a_second_are_no_missing_evidence(tmp_path: Path) -> None:
    """Packets change no state, so that their order among what the other source tells of that second does not matter."""
    asked = "rrq to=iha path=direct coa=10.1.7.20 flags=T lifetime=60 id=0x{0}"
    told = "rrp from=iha path=direct code=0 lifetime=60 id=0x{0} auth=ok"
    daemon = ["0 eth0 link state=up", "0 eth0 coa kind=colocated addr=10.1.7.20", f"0 eth0 {asked.format(1)}"]
    daemon += [f"1 eth0 {told.format(1)}", f"9 eth0 {asked.format(2)}", f"9 eth0 {told.format(2)}"]
    daemon += ["9 eth0 data dir=in protection=none stack=ip/ip"] * 40
    packets = [f"9.{n:03d} eth0 data dir=out protection=none stack=ip/ip" for n in range(0, 1000, 4)]
    site = "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 boot=true\n"
    texts = (HEAD + site + "\n".join(lines) + "\n" for lines in (daemon, packets))
    assert report(tmp_path, *texts).verdict == "conformant"
    early = [packets[0].replace("9.000", "0.500"), *packets]
    texts = (HEAD + site + "\n".join(lines) + "\n" for lines in (daemon, early))
    assert {v.rule for v in report(tmp_path, *texts).violations} == {"D1", "S1"}


# --- configuration, gaps, conversion ----------------------------------------------------------------------------------


def test_a_configuration_describes_a_source(tmp_path: Path) -> None:
    config = '[[source]]\nfile = "trace*.log"\nsees = ["ike", "sa"]\nrename = {wlan0 = "wifi"}\n'
    found = report(tmp_path, HEAD + SITE + TUNNEL, config=config)
    assert status(found)["V3"] == "inconclusive"
    assert found.inputs[0].interfaces == ("wifi",)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("source sees=rrq,rpr", 'unknown event "rpr"'),
        ("source seas=rrq", 'unknown source key "seas"'),
        ("source sees=rrq,rrq~", 'event "rrq" appears twice'),
        ("source resolution=soon", '"soon" is no resolution'),
        ("source sees=link(state=up)~", "says nothing"),
        ("0.0 - link state=up\nsource sees=rrq", "source after the first event"),
    ],
)
def test_what_is_wrong_with_a_source_is_said(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        report(tmp_path, HEAD + source + "\n")
    assert message in str(error.value)


def test_a_source_in_json_lines(tmp_path: Path) -> None:
    event = (
        '{"time": 2.0, "interface": "wlan0", "event": "ike", "phase": "start", "src": "1.2.3.4", "dst": "5.6.7.8"}\n'
    )
    line = '{"source": {"sees": ["ike", "sa"], "resolution": "1s"}}\n'
    assert status(report(tmp_path, '{"mipcheck-trace": 1}\n' + line + event, name="t{}.jsonl"))["S2"] == "unobservable"
    with pytest.raises(InputError) as error:
        report(tmp_path, '{"mipcheck-trace": 1}\n' + line.replace("ike", "iek") + event, name="t{}.jsonl")
    assert 'did you mean "ike"?' in str(error.value)


def test_a_gap_with_a_span_accuses_nobody_in_it(tmp_path: Path) -> None:
    late = "90.000000 eth0 link state=down\n"
    assert report(tmp_path, HEAD + SITE + INSIDE + late).verdict == "violation"
    for span in ("from=0.15 to=80", "from=start to=80", "from=5 to=end"):
        found = report(tmp_path, HEAD + SITE + INSIDE + late + f"90.000000 - gap {span}\n")
        assert found.verdict == "inconclusive", span
    leak = "85.000000 eth0 data dir=out protection=none stack=ip/ip\n90.000000 eth1 gap from=5 to=80\n"
    other = report(tmp_path, HEAD + SITE + INSIDE + leak)
    assert other.verdict == "violation"


def test_a_hole_at_an_unknown_place_makes_nothing_conformant(tmp_path: Path) -> None:
    assert report(tmp_path, HEAD + SITE + INSIDE).verdict == "conformant"
    hole = '0.000000 - gap reason="17 frames lost" from=start to=end\n'
    found = report(tmp_path, HEAD + SITE + hole + INSIDE)
    assert found.verdict == "inconclusive"
    assert any("17 frames lost" in reason for reason in found.reasons)


def test_the_end_of_a_span_has_to_be_a_time(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        report(tmp_path, HEAD + "1.0 - gap from=never to=end\n")
    assert '"never" is no time' in str(error.value)


@pytest.mark.parametrize("form", ["log", "jsonl"])
def test_conversion_keeps_what_a_log_says_of_its_source(tmp_path: Path, form: str) -> None:
    log, out = tmp_path / "a.log", tmp_path / f"b.{form}"
    hole = '0 - gap reason="a hole" from=start to=end\n'
    source = "source sees=link~,coa,rrq(path=vpn)~,rrp,ike,sa\n"
    log.write_text(HEAD + source + SITE + hole + COARSE, "utf-8")
    assert main(["convert", str(log), "-o", str(out), "--format", form]) == 0
    first, second = check([log]), check([out])
    assert (status(first), first.verdict) == (status(second), second.verdict)
    assert [r.partition(": ")[2] for r in first.reasons] == [r.partition(": ")[2] for r in second.reasons]
    assert "1s" in out.read_text("utf-8")


def test_what_is_renamed_is_renamed_in_its_gaps(tmp_path: Path) -> None:
    """A gap with a span of its own, on an interface that the other input calls otherwise."""
    log, config = tmp_path / "charon.log", tmp_path / "site.toml"
    log.write_text(
        HEAD + SITE + INSIDE.replace("eth0", "if3") + "30 if3 gap from=start to=end\n31 if3 solicit\n", "utf-8"
    )
    config.write_text('[[source]]\nfile = "charon.log"\nrename = { if3 = "wlan0" }\n', "utf-8")
    (given,) = check([log], config=config).inputs
    assert given.interfaces == ("wlan0",)
    assert [hole.partition(":")[0] for hole in given.holes] == ["wlan0"]
