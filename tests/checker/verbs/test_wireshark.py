"""The dissector makes fields of mipcheck's comments, all of them and no others', as tshark shows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from mipcheck.checker.cli.main import main
from mipcheck.checker.verbs import wireshark
from mipcheck.model.specification.load import load

from making.paths import ROOT

CAPTURE = ROOT / "traces" / "captures" / "loss-ignored.pcapng"
FIELDS = ("frame.number", "mipcheck.rule", "mipcheck.level", "mipcheck.section", "mipcheck.role", "frame.comment")


def fields(tshark: str, script: Path, capture: Path, filtered: str) -> list[list[str]]:
    """Return the FIELDS of packets that a filter lets pass; several of one name are divided by ¦."""
    words = [w for name in FIELDS for w in ("-e", name)]
    done = subprocess.run(
        [tshark, "-X", f"lua_script:{script}", "-r", str(capture), "-Y", filtered, "-T", "fields", "-E", "aggregator=|",
         *words],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "Lua" not in done.stderr, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


FORMS = {
    "mipcheck: D1 (MUST, 4.2.1) owed from here, and not kept: words": "owed",
    "mipcheck: F2 (SHOULD, 3.3) broken here: words": "broken",
    "mipcheck: did not count for M2 (4.2.2) at frame 7: wrong id: 1.0 eth0 rrp": "near-miss",
    "mipcheck: led to M2 (4.2.2) at other.log:7: 1.0 eth0 rrp": "led-to",
    "mipcheck: and 7 more": "",
    "mipcheck is fine": "",
    "led to M2 (4.2.2) at frame 7: x": "",
    "mipcheck: M2 (%s%n, ((((": "",
}


@pytest.mark.slow
def test_what_is_annotated_can_be_filtered_by_rule_level_section_and_role(tshark: str, tmp_path: Path) -> None:
    script, out = tmp_path / "own.lua", tmp_path / "out.pcapng"
    assert main(["wireshark", "-o", str(script)]) == 0
    site = CAPTURE.with_suffix(".toml")
    assert main([str(CAPTURE), "--config", str(site), "--annotate", str(out), "-o", str(tmp_path / "r")]) == 1
    every = fields(tshark, script, out, "frame.comment")
    assert every
    level = load().rules["M2"].level
    for _, rule, strength, section, role, comment in every:
        said = comment.split("|")
        assert rule.split("|") == ["M2"] * len(said)
        assert set(strength.split("|")) == {level}
        assert set(section.split("|")) == {"4.2.2"}
        kinds = ["led-to" if "led to" in c else "near-miss" if "did not count" in c else "broken" for c in said]
        assert role.split("|") == kinds
    broken = fields(tshark, script, out, 'mipcheck.role == "broken" && mipcheck.rule == "M2" && mipcheck.must')
    assert broken == [row for row in every if "broken" in row[4]]
    assert 0 < len(broken) < len(every)


def test_each_form_of_a_comment_has_its_role_and_others_comments_have_none(tshark: str, tmp_path: Path) -> None:
    from mipcheck.checker.report.annotate import annotate

    script, out = tmp_path / "own.lua", tmp_path / "out.pcapng"
    script.write_text(wireshark.dissector(load()))
    with CAPTURE.open("rb") as source, out.open("wb") as file:
        annotate(source, file, {n: [comment] for n, comment in enumerate(FORMS, 1)})
    found = fields(tshark, script, out, f"frame.number <= {len(FORMS) + 1}")
    assert [row[4] for row in found] == [*FORMS.values(), ""]


def test_it_is_installed_where_tshark_looks_or_where_one_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["wireshark", "--install", str(tmp_path / "a" / "b")]) == 0
    assert (tmp_path / "a" / "b" / "mipcheck.lua").read_text() == wireshark.dissector(load())
    assert str(tmp_path / "a" / "b" / "mipcheck.lua") in capsys.readouterr().out
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert wireshark.plugins() == tmp_path / ".local" / "lib" / "wireshark" / "plugins"
    (tmp_path / "file").write_text("")
    assert main(["wireshark", "--install", str(tmp_path / "file" / "x")]) == 2
    assert "cannot be made" in capsys.readouterr().err
