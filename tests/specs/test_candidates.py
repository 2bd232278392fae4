"""The nine candidates of Appendix E: every bullet of its text is in the catalogue of its candidate, and is decided."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mipcheck.checker.check.check import check
from mipcheck.checker.check.parties import taken_at
from mipcheck.checker.cli.main import main
from mipcheck.checker.proofs.certificates import stored
from mipcheck.checker.verbs.claims import Decisions
from mipcheck.checker.verbs.prove_results import ToProve, prove_all
from mipcheck.checker.verbs.requirements_catalogue import requirements, requirements_json
from mipcheck.model.language import catalogue as k
from mipcheck.model.language.errors import SpecError
from mipcheck.model.specification.compose import owners
from mipcheck.model.specification.configure import configure
from mipcheck.model.specification.figures import holds, steps_of_a_move, value_of_figure
from mipcheck.model.specification.load import every_bundled, load, loads
from mipcheck.model.specification.spec import Spec

from making.schemas import conforming
from making.systems import SYSTEM

# First lines of the bullets and sub-items of Appendix E of the draft as published, by section and by the heading that
# they stand under; remarks that call themselves comments are comments. A program took them from the text.
BULLETS = {
    ("E.1", "pro"): "2787 2790 2793 2802 2804 2808",
    ("E.1", "con"): "2813 2817 2821 2825 2834 2837 2842 2845 2858 2862",
    ("E.1.1", "comment"): "2892 2896 2900 2904 2916 2924 2928",
    ("E.2", "pro"): "2951 2954 2970 2974 2978 2983",
    ("E.2", "comment"): "2957 2960",
    ("E.2", "con"): "2989 2994 2997 3002 3008 3014 3026 3029 3035 3040 3045 "
    "3051 3058 3061 3066 3069 3072 3085 3089 3096 3100 3105 3109",
    ("E.3", "pro"): "3125",
    ("E.3", "con"): "3138 3141",
    ("E.4", "pro"): "3166 3168 3171 3176 3178",
    ("E.4", "con"): "3183 3194 3203 3207 3209 3211 3214 3217 3221 3223 3225 3230 3232 3235 3237 3250 3256",
    ("E.5", "pro"): "3275 3277 3279 3281 3284",
    ("E.5", "con"): "3290 3293 3306 3314",
    ("E.5", "open"): "3321 3323 3325 3327",
    ("E.6", "pro"): "3362 3366",
    ("E.6", "con"): "3370 3374 3382 3386",
    ("E.7", "pro"): "3399 3401",
    ("E.7", "con"): "3405 3408 3418 3420 3423",
    ("E.8", "open"): "3435 3437 3439",
    ("E.9", "comment"): "3458 3463",
    ("E.9", "pro"): "3476 3479",
    ("E.9", "con"): "3484 3487",
}  # fmt: skip
CANDIDATES = [f"candidates/e{n}" for n in range(1, 10)]
EVERY = [*CANDIDATES, "candidates/mobike"]


def test_the_table_has_what_the_text_has() -> None:
    assert sum(len(lines.split()) for lines in BULLETS.values()) == 114


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_bullet_is_in_the_catalogue(name: str) -> None:
    section = name.rpartition("/")[2].replace("e", "E.")
    wanted = {
        (int(line), stance)
        for (at, stance), lines in BULLETS.items() if at == section or at.startswith(f"{section}.")
        for line in lines.split()
    }  # fmt: skip
    spec = load(name)
    found = {(c.lines[0], p.stance) for p in spec.points.values() for c in p.cite if c.lines is not None}
    assert wanted <= found
    assert all(c.section.startswith(section) for p in spec.points.values() for c in p.cite)
    entries = conforming("requirements", requirements_json(spec))
    points = [e for e in entries if e["id"] in spec.points]
    assert len(points) == len(spec.points) >= len(wanted)


@pytest.mark.parametrize("name", EVERY)
def test_figures_and_entities_are_as_said(name: str) -> None:
    spec = load(name)
    values = configure(spec, {})
    claims: list[k.PointDecl | k.AnswerDecl] = [*spec.points.values(), *spec.answers.values()]
    for claim in claims:
        for ground in claim.grounds:
            if isinstance(ground, k.Computed):
                assert all(holds(spec, f, values) for f in ground.figures), claim.name
            if isinstance(ground, k.Declared):
                assert all(spec.entities[e].standing == standing for e, standing in ground.entities), claim.name
            if isinstance(ground, k.Opinion | k.Missing):
                assert ground.reason, claim.name


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_what_is_proved_and_what_is_shown_is_so(name: str) -> None:
    """Of every point and answer, from certificates: a second each."""
    spec = load(name)
    decisions = Decisions(spec, name)
    claims: list[k.PointDecl | k.AnswerDecl] = [*spec.points.values(), *spec.answers.values()]
    for claim in claims:
        for ground in claim.grounds:
            for decision in decisions.of(ground).values():
                assert decision.as_said, (claim.name, decision.wrong)
                assert decision.kind != "shown" or decision.trace
    asked = {p for c in claims for g in c.grounds if isinstance(g, k.Proved | k.Shown) for p in g.properties}
    assert [p for p in sorted(asked) if stored(name, p) is None] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_every_counterexample_replays_at_the_parties_concerned(name: str, tmp_path: Path) -> None:
    """Each party's log is read whole and judged: the rules that a trace is allowed to break are broken, and no others;
    the event that refutes is in the log of whose it is."""
    spec = load(name)
    everywhere = owners(spec)
    claims: list[k.PointDecl | k.AnswerDecl] = [*spec.points.values(), *spec.answers.values()]
    shown = sorted({p for c in claims for g in c.grounds if isinstance(g, k.Shown) for p in g.properties})
    for answered in prove_all(ToProve(spec, name, shown, with_needs=False)) if shown else ():
        prop, owner = answered.result.name, everywhere[answered.result.name]
        assert answered.result.result == "refuted" and answered.logs, prop
        assert set(answered.logs) == (set(owner.parties) or {""}), prop
        told, paths = {}, []
        for party, text in answered.logs.items():
            path = tmp_path / f"{prop}.{party}.log"
            path.write_text(text, "utf-8")
            paths.append(str(path))
            lines = [line for line in text.splitlines()[1:] if line[:1].isdigit()]
            report = check([str(path)], spec=spec)
            assert sum(i.events for i in report.inputs) == len(lines), prop
            assert not report.violations, prop
            told[party] = [line.split()[2] for line in lines]
        assert any(told.values()), prop
        # As a reader would, in one run, in which the logs alone tell who is who.
        assert [(g.name, g.role) for g in taken_at(paths, {}, spec) or ()] == [
            (name, party.role) for name, party in owner.parties.items()
        ], prop
        last = {q.event.rpartition("/")[::2] for q in owner.properties[prop].patterns}
        assert not last or any(told[party][-1:] == [event] for party, _, event in _parts(last)), prop


# What a con says happens first, and what is shown of it then: events of a counterexample and their parties, in order.
IN_ORDER = [
    ("inner", "association_goes_on_return", "gateway.association mobile.comes mobile.registers agent.registered"),
    ("e2", "nothing_vanishes", "gateway.sa_up mobile.returns gateway.arrives gateway.to_tunnel"),
    ("e2", "crash_is_harmless",
     "gateway.sa_up mobile.crash mobile.returns mobile.register gateway.arrives gateway.to_tunnel"),
    ("e5", "silent_node_is_reached", "mobile.moved mobile.esp gateway.esp_in mobile.moved gateway.esp_out"),
    ("e6", "tunnel_follows", "mobile.moved mobile.exchanged home.keys mobile.moved home.sends"),
    ("e8", "packet_restores", "gateway.told mobile.esp gateway.esp_in"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "prop", "order"), IN_ORDER, ids=[f"{n}-{p}" for n, p, _ in IN_ORDER])
def test_what_is_shown_is_what_the_con_says_and_no_race(name: str, prop: str, order: str) -> None:
    """A packet that was on its way at a move or return, or an association that came up afterwards, shows less:
    the shortest traces were such."""
    spec = load(f"candidates/{name}")
    (answered,) = prove_all(ToProve(spec, f"candidates/{name}", [prop], with_needs=False))
    assert answered.result.result == "refuted"
    events = []
    for party, text in answered.logs.items():
        lines = [line.split() for line in text.splitlines() if line[:1].isdigit()]
        events += [(float(words[0]), f"{party}.{words[2]}") for words in lines]
    happened = iter([event for _, event in sorted(events)])
    assert all(event in happened for event in order.split()), events


@pytest.mark.slow
@pytest.mark.parametrize("prop", ["nothing_vanishes", "crash_is_harmless", "home_agent_is_passed"])
def test_packets_vanish_in_an_association_that_is_for_their_destination(prop: str) -> None:
    """Shown was one that a node without a home address uses to be assigned one: nobody sends it anything."""
    (answered,) = prove_all(ToProve(load("candidates/e2"), "candidates/e2", [prop], with_needs=False))
    assert "selector=home" in answered.logs["mobile"] and "selector=any" not in answered.logs["mobile"]


@pytest.mark.slow
def test_what_is_shown_of_a_candidate_would_not_be_of_one_without_the_con() -> None:
    """Whatever came out of E.4's gateway was said to take another way, had it gone back by the proxy or not."""
    rule = 'override rule E4V2 MUST cite E.4 "back by the proxy" allow inward only if up and to = proxy'
    spec = loads(f"spec other extends candidates/e4\n{rule}\n")
    (answered,) = prove_all(ToProve(spec, "", ["same_way_back"], with_needs=False))
    assert answered.result.result == "proved"


@pytest.mark.slow
def test_an_association_that_stays_has_been_used() -> None:
    """Of E.1, whose node is that of the draft: what a node inside still has has carried its data."""
    spec = load("candidates/e1")
    (answered,) = prove_all(ToProve(spec, "candidates/e1", ["sa_goes_on_return"], with_needs=False))
    protections = [word for word in answered.counterexample.split() if word.startswith("protection=")]
    assert protections == ["protection=esp", "protection=none"]


def _parts(names: set[tuple[str, str]]) -> list[tuple[str, str, str]]:
    return [(party.rstrip("/"), "/", event) for party, event in names]


@pytest.mark.slow
def test_the_page_has_a_chart_for_each_party_of_each_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["compare", "candidates/e5", "candidates/e8", "--report", f"html={page}", "--format", "json"]) == 0
    content = conforming("compare", capsys.readouterr().out)
    facts = {
        (spec, f["by"]): f["trace"]
        for g in content["guidelines"] for spec, cell in g["cells"].items() for f in cell if f["trace"]
    }  # fmt: skip
    text = page.read_text("utf-8")
    logs = [log for trace in facts.values() for log in trace.split("mipcheck-trace 1")[1:]]
    seen = [log for log in logs if any(line[:1].isdigit() for line in log.splitlines())]
    # What parts the two is drawn as each of them judges it; who has seen nothing has no chart.
    assert text.count("<svg") == len(seen) + 2
    assert all(by in text for _, by in facts)


@pytest.mark.slow
def test_two_that_share_words_are_told_apart_in_those(capsys: pytest.CaptureFixture[str]) -> None:
    """E.8's message was said to part it from E.5, which has no word for it; what does is that E.5 owes none."""
    assert main(["compare", "candidates/e5", "candidates/e8", "--format", "json"]) == 0
    apart = json.loads(capsys.readouterr().out)["apart"]
    assert (apart["left"], apart["right"]) == ([], ["E8N2"])
    assert " moved " in apart["trace"] and " tells " not in apart["trace"]
    assert main(["compare", "candidates/e1", "candidates/e4"]) == 0
    assert "only one of them has words for all of it" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("name", CANDIDATES)
def test_no_point_is_left_open_for_want_of_a_model(name: str) -> None:
    grounds = [g for p in load(name).points.values() for g in p.grounds]
    assert not [g for g in grounds if isinstance(g, k.Missing)]


@pytest.mark.parametrize("name", ["draft-01", "rfc5265", *EVERY])
def test_every_guideline_is_answered_or_a_reason_is_given(name: str) -> None:
    """No cell of the comparison says that nothing is said of it."""
    assert load("candidates/common").guidelines.keys() - load(name).answers.keys() == set()


def test_they_are_found_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(CANDIDATES) <= set(every_bundled())
    assert main(["requirements", "--spec", "candidates/e5"]) == 0
    assert "E.5 lines 3275" in capsys.readouterr().out
    with pytest.raises(SpecError, match='there is no specification "candidates/e10"'):
        load("candidates/e10")


# --- the language ---------------------------------------------------------------------------------------------------

SMALL = """
spec small
document "small.txt"
capability follow "the tunnel follows"
layer outer "o" as ip adds 20 moved by registration
layer tunnel "t" protects as esp adds 57 moved by exchange anew, update given follow
layer inner "i" as ip adds 20 moved by registration
access three = outer colocated, tunnel, inner colocated
access two = tunnel, inner colocated
access follows = tunnel, inner colocated needs follow
access by_agent = outer foreign-agent, tunnel
access ended = tunnel foreign-agent
entity gateway changed "it follows"
entity proxy new "it is new"
event go() by node seen log
interface { ready: bool = false }
on go { ready := true }
property never "refuted on purpose" invariant not ready
property fine "holds" whenever go: ready or not ready
"""


def _small(point: str) -> str:
    return SMALL + f'point p con cite 1 lines 2-3 "it is said"\n{point}\n'


def test_what_a_move_takes_follows_from_the_layers() -> None:
    spec = loads(SMALL)
    found = {name: dict(steps_of_a_move(spec, a)) for name, a in spec.accesses.items()}
    assert found == {
        "three": {"registration": 1}, "two": {"exchange": 1, "registration": 1}, "follows": {"update": 1},
        "by_agent": {"registration": 1}, "ended": {"exchange": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("figure", "value", "right"),
    [
        ("octets of three - octets of two = 20", 20, True),
        ("octets of three - octets of two = octets of outer", 20, True),
        ("octets of by_agent", 57, True),
        ("registrations of two + exchanges of two > 2", 2, False),
        ("entities new - entities changed", 0, True),
        ("layers of three != 3", 3, False),
        ("protections of three", 1, True),
        ("protections of ended", 0, True),
    ],
)
def test_figures(figure: str, value: int, right: bool) -> None:
    spec = loads(_small(f"computed {figure}"))
    (ground,) = spec.points["p"].grounds
    assert isinstance(ground, k.Computed)
    assert value_of_figure(spec, ground.figures[0], {}) == value
    assert holds(spec, ground.figures[0], {}) is right


@pytest.mark.parametrize(
    ("ground", "message"),
    [
        ("proved by fin", 'no property "fin"'),
        ("shown by nevr", 'no property "nevr"'),
        ("declared gatway changed", 'no entity "gatway"'),
        ("computed octets of thre = 1", 'no access mode or layer is called "thre"'),
        ("computed registrations of outer = 1", "a layer alone has no registrations"),
        ('opinion "x"\nanswer natt missing "none"', 'no guideline "natt"'),
        ('opinion "x"\nguideline natt "?"\nanswer nattt missing "none"', 'no guideline "nattt"'),
    ],
)
def test_what_there_is_not_decides_nothing(ground: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        loads(_small(ground))


def test_points_are_not_taken_over() -> None:
    child = "spec child extends candidates/e5\n"
    spec = loads(child)
    assert not spec.points
    assert spec.answers.keys() == load("candidates/e5").answers.keys()


def test_kinds_of_points() -> None:
    by_id = {r.id: r for r in requirements(loads(_small('declared gateway changed\nopinion "for a reason"')))}
    assert (by_id["p"].kind, by_id["p"].level, by_id["p"].by) == ("declared", "con", ("gateway changed",))
    assert by_id["p"].reason == "for a reason"


AUDITED = [
    ("proved by fine", ""),
    ("proved by never", "it is said to be proved, and is refuted (never)"),
    ("shown by never", ""),
    ("shown by fine", "it is said to be shown to fail, and is proved (fine)"),
    ("computed octets of three = 97", ""),
    ("computed octets of three = 96", "it is 97 (octets of three = 96)"),
    ("declared gateway changed", ""),
    ("declared gateway standard", "gateway is changed (gateway standard)"),
    ('opinion "a taste"', ""),
]


@pytest.mark.parametrize(("ground", "lacks"), AUDITED)
def test_audit_holds_points_to_what_they_say(ground: str, lacks: str) -> None:
    from mipcheck.checker.verbs.audit_matrix import audit

    (row,) = [r for r in audit(loads(_small(ground))) if r.requirement.id == "p"]
    assert "; ".join(row.lacks) == lacks


def test_audit_looks_for_certificates_by_the_name_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by that of the last rule that it has audited: what has a certificate was proved anew, or not at all."""
    from mipcheck.checker.proofs.kept import KeptLogs
    from mipcheck.checker.verbs import audit_matrix

    given: list[str] = []

    class Noted(Decisions):
        def __init__(self, spec: Spec, name: str) -> None:
            given.append(name)
            super().__init__(spec, "")

    monkeypatch.setattr(audit_matrix, "Decisions", Noted)
    text = _small("proved by fine") + 'rule R MUST cite 1 "ready or not" allow go only if ready or not ready\n'
    audit_matrix.audit(loads(text), kept=KeptLogs("candidates/small"))
    assert given == ["candidates/small"]


@pytest.mark.slow
def test_audit_counts_properties_of_systems() -> None:
    """What a statement says is encoded by one was said to be noticed by nothing, proved or not."""
    from mipcheck.checker.verbs.audit_matrix import audit

    said = 'statement {0} MUST cite 1 "{0}" by {1}\n'
    text = SYSTEM + said.format("Q1", "known_is_right") + said.format("Q2", "answers_find") + said.format("Q3", "both")
    lacks = {row.requirement.id: "; ".join(row.lacks) for row in audit(loads(text))}
    assert (lacks["Q1"], lacks["Q2"]) == ("", "answers_find is refuted (answers_find)")
    assert "no_thief is refuted" in lacks["Q3"] and "known_is_right" not in lacks["Q3"]
