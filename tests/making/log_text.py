"""Text logs for Hypothesis: lines as programs write them, odd ones that the grammar takes all the same, and damage."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st

HEAD = "mipcheck-trace 1\n"
SITE = "site iha=10.1.0.2 xha=198.51.100.2 vpn=192.0.2.1 ihoa=10.1.0.100 xhoa=198.51.100.100 t_reregister=3s\n"

interfaces = st.sampled_from(["eth0", "eth0", "eth0", "wlan0", "wlan0", "-", "ü", '"a b"', "e#1", "x", "site"])
_addresses = st.sampled_from(
    ["10.1.7.20", "10.1.0.2", "198.51.100.100", "192.0.2.1", "0.0.0.0", "255.255.255.255", "10.1.0.100"]
)
_bad_addresses = st.sampled_from(["10.1.7", "256.1.1.1", "01.2.3.4", "1.2.3.4.5", "10.1.7.20a", "1..2.3", "١.2.3.4"])
_ids = st.sampled_from(["0xd0c1", "0xd0c2", "7", "0", "0xFFFFFFFFFFFFFFFF", "18446744073709551615", "0XaB",
                        "0x8000000000000000", "00000000000000000007", "9223372036854775808"])  # fmt: skip
_bad_ids = st.sampled_from(["0x", "18446744073709551616", "0x11111111111111111", "-1", "1e5", "0xg"])
_stacks = st.sampled_from(["ip/ip", "ip/esp", "ip/udp434/ip/udp4500/esp/x", "ip/udp434/ip", "eth", "ip=ip", '"ip /ip"'])


def _pair(key: str, value: str | None) -> str | None:
    """Return `key=value`, or None where there is no value."""
    return None if value is None else f"{key}={value}"


def _pairs(*keys: tuple[str, st.SearchStrategy[str]], absent: str = "") -> st.SearchStrategy[str]:
    """Keys with values, in any order; those in `absent` may be missing."""
    drawn = [
        (values if key not in absent.split() else st.one_of(values, st.none())).map(partial(_pair, key))
        for key, values in keys
    ]
    return st.tuples(*drawn).map(lambda t: [w for w in t if w is not None]).flatmap(
        lambda words: st.one_of(st.just(words), st.permutations(words)).map(" ".join)
    )  # fmt: skip


one = st.sampled_from
_numbers = one(["0", "60", "600", "-5", "007", "123456789012345678"])
kinds = st.one_of(
    one(["gone", "gone addr=10.1.7.20", "gone addr=10.1.0.100", "restart", "suspend", "resume",
          "link state=up", "link state=down", "solicit", "gap", "gap reason=lost", 'gap reason="a b"', "mode name=c",
          "mode name=cvc", "infer where=inside", "infer where=outside", "hint kind=nai says=inside",
          "hint kind=nai says=outside", "sa state=up", "sa state=down features=vpn-fa,endpoint-update"]),
    _pairs(("kind", one(["colocated", "foreign-agent"])), ("addr", _addresses), ("domain", one(["x.example", "ü"])),
           absent="domain").map("coa ".__add__),
    _pairs(("to", one(["iha", "iha", "xha"])), ("path", one(["direct", "vpn"])), ("coa", _addresses),
           ("flags", one(["-", "T", "DT", "SBDMGrT", "TD"])), ("lifetime", _numbers), ("id", _ids),
           ("home", _addresses), absent="home flags lifetime id").map("rrq ".__add__),
    _pairs(("from", one(["iha", "iha", "xha"])), ("path", one(["direct", "vpn"])), ("code", one(["0", "1", "136"])),
           ("lifetime", _numbers), ("id", _ids), ("auth", one(["ok", "bad", "absent", "unchecked"])),
           ("tnc", one(["yes", "no"])), ("by", one(["ha", "fa"])), absent="tnc by lifetime id").map("rrp ".__add__),
    _pairs(("phase", one(["start", "established", "deleted", "updated"])), ("src", _addresses), ("dst", _addresses),
           ("version", one(["1", "2"])), ("vendor", one(["-", "vpn-fa", "endpoint-update,vpn-fa"])),
           absent="version vendor").map("ike ".__add__),
    *[_pairs(("dir", one(["in", "out", "out"])), ("protection", one(["none", "esp"])), ("bytes", _numbers),
             ("stack", _stacks), ("src", _addresses), ("dst", _addresses), ("count", one(["1", "3", "1000000"])),
             ("scope", one(["enterprise", "other"])), ("access", one(["c", "c,f", "-"])),
             absent="bytes stack src dst count scope access").map("data ".__add__)] * 3,
)  # fmt: skip
wrong = st.one_of(
    one(["lnk state=up", "link", "link state=sideways", "link state=up state=up", "link state=up x=1", "link state=",
          "data dir=out protection=none scop=other", "gap reason=", 'gap reason="x', "data dir=out", "rrq", "=", "a=b",
          "sa state=up features=vpn-fa,vpn-fa", "mode name=cc", "link  state=up", "link state =up", "link state= up",
          "gap reason=a=b", "gap reason=#", "gap #reason=x", "solicit # a comment", "solicit\t", 'link "state"=up']),
    _bad_addresses.map("coa kind=colocated addr={}".format),
    _bad_ids.map("rrp from=iha path=direct code=0 lifetime=5 auth=ok id={}".format),
    one(["TT", "X", ""]).map("rrq to=iha path=direct coa=10.1.7.20 lifetime=5 id=1 flags={}".format),
    one(["1.5", "+3", "1e3", "1234567890123456789", "٣", "-", "--1"]).map(
        "rrq to=iha path=direct coa=10.1.7.20 id=1 flags=T lifetime={}".format),
)  # fmt: skip

seconds = st.builds(
    lambda ns, decimals: f"{ns // 10**9}.{ns % 10**9:09d}"[: -(9 - decimals) or None].removesuffix("."),
    st.integers(0, 30 * 10**9),
    st.integers(0, 9),
)
dates = st.builds(
    lambda s, rest: f"2026-11-23T02:{s // 60:02d}:{s % 60:02d}{rest}",
    st.integers(0, 3599),
    one(["Z", ".5Z", ".123456789z", "+01:00", ".25-00:30", "+24:00"]),
)
odd_times = one(
    ["1.", ".5", "-1", "1e3", "12345678901", "1.1234567890", "2026-11-23", "4611686018.4", "9999999999"]
) | one(["2026-02-30T00:00:00Z", "2016-12-31T23:59:60Z", "1999-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
_spaces = one([" ", " ", " ", " ", "\t", "  "])
_ends = one(["", "", "", "", "\r", " ", "\t ", " # said so", "#no"])
_other = st.one_of(
    one(["", "# a comment", "   ", "\t# x", SITE.strip(), "mipcheck-trace 1", "site role=mn", "\x00", "\x0b", "\xa0",
          "garbage", "0", "0.5", "0.5 eth0", "0.5 eth0 "]),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12),
)  # fmt: skip


@st.composite
def times(draw: st.DrawFn, most: int, clean: bool) -> list[str]:
    """The times of a log: seconds in order, or, unless it is to be clean, dates in any."""
    which = dates if draw(st.integers(0, 5)) == 0 and not clean else seconds
    drawn = draw(st.lists(which, max_size=most))
    return sorted(drawn, key=float) if which is seconds else drawn


@st.composite
def logs(draw: st.DrawFn, most: int = 25, clean: bool = False) -> bytes:
    """A log with its header and mostly good lines; `clean` ones hold nothing that is an error by itself."""
    drawn = draw(times(most, clean))
    lines = [HEAD.strip(), *draw(st.lists(st.just(SITE.strip()), max_size=1))]
    for time in drawn:
        odd = draw(st.integers(0, 11))
        if odd == 0:
            lines.append(draw(one(["", "# x", "   "])) if clean else draw(_other))
            continue
        kind = draw(wrong if odd == 1 and not clean else kinds)
        if odd == 2 and not clean:
            time = draw(odd_times)
        space = draw(_spaces)
        lines.append(f"{time}{space}{draw(interfaces)}{space}{kind}{draw(_ends)}")
    text = "\n".join(lines) + draw(one(["\n", "\n", ""]))
    return text.encode()


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes], marks: bytes) -> bytes:
    """What another strategy gives with some of its bytes replaced, inserted or removed, or cut off."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3) | one([bytes([m]) for m in marks]))
    return bytes(data if draw(st.booleans()) else data[: draw(st.integers(0, len(data)))])


def mutated() -> st.SearchStrategy[bytes]:
    """A log with damage."""
    return damaged(logs(most=10), b' \n=0"#')
