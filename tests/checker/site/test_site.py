"""Sites: from words, from TOML, merged; and what is said about what is wrong with them."""

from __future__ import annotations

import io
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mipcheck.checker.console.errors import LIMIT, InputError, Problem
from mipcheck.checker.site.site import (
    LISTS,
    EspSa,
    MnHaKey,
    Site,
    SiteError,
    keys_of,
    merge_sites,
    site_from_words,
    site_words,
)
from mipcheck.checker.site.toml import SIZE_LIMIT, read_given, read_site
from mipcheck.checker.trace.vocabulary import Vocabulary
from mipcheck.model.values.nearest import closest
from mipcheck.model.values.types import BOOL, INT, TIME

PARAMETERS = {"t_reregister": TIME, "n_retransmit": INT, "strict": BOOL}
WORDS = Vocabulary({}, PARAMETERS, {"vpn-fa", "endpoint-update"})

WHOLE = """\
[site]
role = "mn"
boot = false
iha = "10.1.0.10"
internal = ["10.0.0.0/8"]
fa = []
tunnels = ["xmip", "ipsec0", "imip"]   # interfaces that are not physical
capabilities = ["vpn-fa"]
[parameters]
t_reregister = "3s"
n_retransmit = 4
strict = true
[[mn_ha_key]]
agent = "iha"
spi = 256
algorithm = "hmac-md5"
key = "i-ha-key-1234567"
[[mn_ha_key]]
agent = "xha"
spi = 0x101
algorithm = "MD5 prefix+suffix"
key = "0x00ff"
[[esp_sa]]
spi = 0x0c44be6c
encryption = "aes-cbc"
encryption_key = "F48780B5DEEDDEBF939FC6AB87D3000E"
integrity = "HMAC-SHA1-96"
integrity_key = "0x2E4F29C799CDD1854297C18D6A90672F6E3B6F0C"
"""


def read(text: str | bytes) -> Site:
    return read_site(io.BytesIO(text.encode() if isinstance(text, str) else text), "site.toml", WORDS)


def problems(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        read(text)
    assert all(line.isprintable() for line in str(caught.value).split("\n"))
    return caught.value.problems


def problem(text: str | bytes) -> Problem:
    found = problems(text)
    assert len(found) == 1, list(map(str, found))
    return found[0]


def test_a_whole_file() -> None:
    assert read(WHOLE) == Site(
        addresses={"iha": 0x0A01000A},
        internal=(IPv4Network("10.0.0.0/8"),),
        tunnels=("xmip", "ipsec0", "imip"),
        capabilities=frozenset({"vpn-fa"}),
        parameters={"t_reregister": "3s", "n_retransmit": "4", "strict": "true"},
        mn_ha_keys=(
            MnHaKey("iha", 256, "hmac-md5", b"i-ha-key-1234567"),
            MnHaKey("xha", 257, "keyed-md5", b"\x00\xff"),
        ),
        esp_sas=(
            EspSa(
                0x0C44BE6C,
                "aes-cbc",
                bytes.fromhex("F48780B5DEEDDEBF939FC6AB87D3000E"),
                "hmac-sha1-96",
                bytes.fromhex("2E4F29C799CDD1854297C18D6A90672F6E3B6F0C"),
            ),
        ),
    )


def test_empty_crlf_and_byte_order_mark() -> None:
    assert read("") == Site()
    assert read(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()) == read(WHOLE)


@pytest.mark.parametrize("word", ["md5", "keyed-md5", "Keyed MD5", "prefix+suffix", "MD5 (prefix+suffix)", "keyed_md5"])
def test_spellings_of_keyed_md5(word: str) -> None:
    key = f'[[mn_ha_key]]\nagent = "iha"\nspi = 256\nalgorithm = "{word}"\nkey = "k"\n'
    assert read(key).mn_ha_keys[0].algorithm == "keyed-md5"


def test_a_key_may_be_for_one_node() -> None:
    key = '[[mn_ha_key]]\nagent = "iha"\nspi = 256\nalgorithm = "md5"\nkey = "k"\n'
    each = [key + f'home = "10.1.9.{n}"\n' for n in (1, 2)]
    assert [k.home for k in read(key + "".join(each)).mn_ha_keys] == [0, 0x0A010901, 0x0A010902]
    assert "a second [[mn_ha_key]]" in problem(each[0] + each[0]).message
    assert "the home address" in problem(key + 'home = "10.1.9"\n').hint


def test_null_encryption_needs_no_key() -> None:
    assert read('[[esp_sa]]\nspi = 1\nencryption = "null"\n').esp_sas == (EspSa(1, "null", b"", "null", b""),)
    assert "lacks key encryption_key" in problem('[[esp_sa]]\nspi = 1\nencryption = "aes-cbc"\n').message


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("[sit]\n", 1, 2, 'did you mean "site"'),
        ('iha = "1.2.3.4"\n', 1, 1, "belongs into [site]"),
        ("t_reregister = 3\n", 1, 1, "belongs into [parameters]"),
        ('[site]\n\nrol = "mn"\n', 3, 1, 'did you mean "role"'),
        ('[site]\nt_reregister = "3s"\n', 2, 1, "belongs into [parameters]"),
        ('[site]\nrole = "man"\n', 2, 1, 'did you mean "mn"'),
        ("[site]\nrole = 5\n", 2, 1, "expected a text"),
        ("[site]\niha = 5\n", 2, 1, "an IPv4 address"),
        ('[site]\niha = "10.1.0"\n', 2, 1, "expected an IPv4 address"),
        ('[site]\nboot = "true"\n', 2, 1, "without quotation marks"),
        ('[site]\nfa = "10.1.7.1"\n', 2, 1, 'such as ["10.1.7.1"]'),
        ('[site]\nfa = ["10.1.7.1,10.1.7.2"]\n', 2, 1, "a list of texts"),
        ("[site]\ntunnels = [1]\n", 2, 1, "a list of texts"),
        ('[site]\ninternal = ["10.1.0.0/33"]\n', 2, 1, "an IPv4 prefix"),
        ('[site]\ninternal = ["10.1.0.0/8"]\n', 2, 1, 'did you mean "10.0.0.0/8"'),
        ('[site]\ncapabilities = ["vpn"]\n', 2, 1, "capabilities: endpoint-update vpn-fa"),
        ("site = 5\n", None, None, "expected [site]"),
        ("[parameters]\nt_regster = 3\n", 2, 1, 'did you mean "t_reregister"'),
        ('[parameters]\nt_reregister = "soon"\n', 2, 1, "a duration"),
        ("[parameters]\nt_reregister = 2026-11-23\n", 2, 1, "a duration"),
        ("[parameters]\nt_reregister = [1]\n", 2, 1, "a duration"),
        ("[parameters]\nt_reregister = nan\n", 2, 1, "a duration"),
        ("[parameters]\nt_reregister = 1e400\n", 2, 1, "a duration"),
        ("[parameters]\nn_retransmit = 1.5\n", 2, 1, "a whole number"),
        ("[parameters]\nn_retransmit = " + "9" * 4000 + "\n", 2, 1, "a whole number"),
        ("[parameters]\nn_retransmit = true\n", 2, 1, "a whole number"),
        ("[mn_ha_key]\n", 1, 1, "expected [[mn_ha_key]]"),
        ("mn_ha_key = [5]\n", None, None, "expected [[mn_ha_key]]"),
        ("[site]\nrole = \n", 2, 8, "no TOML"),
        ("[site]\nrole = 'mn", 2, 11, "no TOML"),
        ('[site]\nrole = "mn"\nrole = "fa"\n', 3, 12, "no TOML"),
    ],
)
def test_what_is_wrong(text: str, line: int | None, column: int | None, said: str) -> None:
    found = problem(text)
    assert (found.at.line, found.at.column) == (line, column), str(found)
    assert said in str(found)
    assert len(str(found)) < 600


KEYS = WHOLE[WHOLE.index("[[mn") :]


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('agent = "iha"', 'agent = "vpn"', 2, "iha or xha"),
        ('agent = "iha"\n', "", 1, "lacks key agent"),
        ("spi = 256", 'spi = "256"', 3, "a whole number of 32 bits"),
        ("spi = 256", "spi = true", 3, "a whole number of 32 bits"),
        ("spi = 256", "spi = -1", 3, "a whole number of 32 bits"),
        ("spi = 0x101", "spi = 0x100000000", 8, "a whole number of 32 bits"),
        ("spi = 256", "spl = 256", 3, 'did you mean "spi"'),
        ('"hmac-md5"', '"hmac-sha1"', 4, "hmac-md5 or keyed-md5"),
        ('"i-ha-key-1234567"', "1234567", 5, "a text, or hexadecimal"),
        ('"i-ha-key-1234567"', '""', 5, "a text, or hexadecimal"),
        ('"0x00ff"', '"0x00f"', 10, "a text, or hexadecimal"),
        ("F48780", "X48780", 14, "hexadecimal digits"),
        ("F48780", "F4878", 14, "hexadecimal digits"),
        ('"aes-cbc"', '"aes,cbc"', 13, "the name of an algorithm"),
        ('agent = "xha"\nspi = 0x101', 'agent = "iha"\nspi = 0x100', 8, "a second"),
    ],
)
def test_what_is_wrong_with_keys_is_said_without_showing_them(old: str, new: str, line: int, said: str) -> None:
    text = KEYS.replace(old, new)
    assert text != KEYS
    found = problems(text)
    assert any(p.at.line == line and said in str(p) for p in found), list(map(str, found))
    shown = "\n".join(map(str, found))
    assert "1234567" not in shown and "00f" not in shown and "8780" not in shown


def test_a_syntax_error_does_not_show_a_key_either() -> None:
    found = problem('[[mn_ha_key]]\nkey = "secret1 \n')
    assert found.at.line == 2 and "secret1" not in str(found)


def test_several_problems_at_once_but_not_too_many() -> None:
    assert len(problems('[site]\nrol = "mn"\n[parameters]\nt = 5\n[x]\n')) == 3
    with pytest.raises(InputError) as caught:
        read("[site]\n" + "".join(f"x{i} = 1\n" for i in range(30)))
    assert len(caught.value.problems) == LIMIT and caught.value.more


def test_not_text_or_too_much_of_it() -> None:
    found = problem(b"[site]\nrole = \xff\n")
    assert found.at.line == 2 and "byte offset 14" in found.message
    assert "longer than" in problem("#" * (SIZE_LIMIT + 1)).message
    assert problem("\x00").at.line == 1
    assert problem("x = " + "[" * 100000)
    assert problem("[parameters]\nn_retransmit = " + "9" * 5000 + "\n")
    assert "\x1b" not in str(problem('[site]\n"\\u001b[31m" = 5\n'))


@given(st.binary(max_size=200))
def test_arbitrary_bytes(data: bytes) -> None:
    for whole in (data, b"[site]\n" + data, b"[[esp_sa]]\n" + data):
        try:
            read(whole)
        except InputError as error:
            assert error.problems


@given(st.data())
def test_mutated_files(data: st.DataObject) -> None:
    mutated = bytearray(WHOLE.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        mutated[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        read(bytes(mutated))
    except InputError as error:
        assert error.problems


# ---- Words ----


def test_words_and_back() -> None:
    words = {
        "role": "vpn",
        "boot": "true",
        "iha": "10.1.0.2",
        "fa": "10.1.7.1,10.1.7.2",
        "internal": "10.0.0.0/8",
        "tunnels": "ipsec0,Wi-Fi 2",
        "capabilities": "endpoint-update,vpn-fa",
        "t_reregister": "3 s",
    }
    assert site_words(site_from_words(words, WORDS)) == words


@pytest.mark.parametrize(
    ("key", "word"),
    [("iah", "1.2.3.4"), ("iha", "1.2.3.4/8"), ("iha", ""), ("fa", "1.2.3.4,"), ("internal", "x"), ("tunnels", "a,,b")],
)
def test_bad_words(key: str, word: str) -> None:
    with pytest.raises(SiteError) as caught:
        site_from_words({key: word}, WORDS)
    assert caught.value.key == key and caught.value.message and caught.value.hint


def test_closest() -> None:
    known = ["path", "to", "t_reregister", "vpn-fa"]
    assert closest("pth", known) == closest("PATH", known) == "path"
    assert closest("t-reregister", known) == "t_reregister" and closest("ot", known) == "to"
    assert closest("vpn_fa", known) == "vpn-fa"
    assert closest("zzz", known) is None and closest("path" * 20000, known) is None


@pytest.mark.parametrize("key", keys_of(WORDS.sites))
def test_a_site_file_says_what_words_say(key: str) -> None:
    word = {"role": "vpn", "party": "gateway", "boot": "true", "internal": "10.0.0.0/8", "upkeep": "dns"}.get(key)
    word = word or {"tunnels": "ipsec0", "capabilities": "vpn-fa"}.get(key, "10.1.0.2")
    value = word if key == "boot" else f'["{word}"]' if key in LISTS else f'"{word}"'
    assert site_words(read(f"[site]\n{key} = {value}\n")) == {key: word}


# ---- Merging ----


def test_over_wins_key_by_key() -> None:
    first = MnHaKey("iha", 256, "hmac-md5", b"a")
    base = Site("vpn", True, {"iha": 1, "xha": 2}, fa=(1,), parameters={"a": "1", "b": "2"}, mn_ha_keys=(first,))
    second = MnHaKey("iha", 256, "hmac-md5", b"b")
    third = MnHaKey("xha", 256, "hmac-md5", b"c")
    over = Site(addresses={"xha": 3}, parameters={"b": "3"}, tunnels=("x",), mn_ha_keys=(second, third))
    assert merge_sites(base, over) == Site(
        "vpn", True, {"iha": 1, "xha": 3}, (1,), (), ("x",), frozenset(), {"a": "1", "b": "3"}, (second, third)
    )
    assert merge_sites(base, Site()) == base and merge_sites(Site(), base) == base


def test_what_is_given_wins_even_if_it_is_the_default() -> None:
    base = Site("vpn", True, fa=(1,))
    over, given_keys = read_given(io.BytesIO(b'[site]\nrole = "mn"\nboot = false\nfa = []\n'), "-", WORDS)
    assert merge_sites(base, over, given_keys) == Site()
    assert merge_sites(base, over) == base
