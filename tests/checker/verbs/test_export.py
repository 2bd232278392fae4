"""What `export` writes is read back by tools that are not ours."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import z3
from mipcheck.checker.cli.main import main
from mipcheck.model.specification.diagrams import diagrams
from mipcheck.model.specification.load import load, loads

from making.paths import TRACES

DOOR = """\
spec door "a door that is watched"
document "door.txt"
param t_open: time = 5 s
event open() by node seen log
event close() by node seen log
event wind(force: int) by network seen log
event paint(pot: {light-red, blue}) by node seen log
interface { is_open: bool = false
  colour: {light-red, blue} = blue "its colour"
  since: time = 0 s }
on open { is_open := true; since := now }
on close when is_open { is_open := false }
on wind(force > 7) { is_open := true; since := now }
on paint { colour := pot }
rule R1 MUST cite 1 "" allow open only if not is_open
rule R2 MUST cite 2 "" require close within t_open of since while is_open
property opened_once cite 1 "an open door is not opened" whenever open: not is_open
property painted cite 1 "a closed door is not painted" whenever paint: is_open
property shut cite 2 "an open door is shut in time" whenever wind: not is_open or now - since <= 5 s
property consistent cite 2 "" consistent
"""


@pytest.fixture
def door(tmp_path: Path) -> str:
    path = tmp_path / "door.spec"
    path.write_text(DOOR, "utf-8")
    return str(path)


def exported(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["export", *words]) == 0
    return capsys.readouterr().out


def test_a_diagram_has_the_values_and_what_changes_them() -> None:
    (is_open, colour) = diagrams(loads(DOOR))
    assert (is_open.values, is_open.initial) == (("false", "true"), "false")
    assert [(a.before, a.after, a.event, a.condition) for a in is_open.arrows] == [
        (("false", "true"), "true", "open", ""),
        (("true",), "false", "close", "is_open"),
        (("false", "true"), "true", "wind", "force > 7"),
    ]
    assert colour.values == ("light-red", "blue")


@pytest.mark.slow
def test_graphviz_reads_the_graph(door: str, capsys: pytest.CaptureFixture[str]) -> None:
    pydot = pytest.importorskip("pydot")
    text = exported(capsys, "dot", "--spec", door)
    (graph,) = pydot.graph_from_dot_data(text)
    clusters = {c.get_label().strip('"'): c for c in graph.get_subgraphs()}
    assert set(clusters) == {"is_open (interface)", "colour (interface)"}
    edges = [(e.get_source(), e.get_destination(), e.get("label")) for e in clusters["is_open (interface)"].get_edges()]
    assert {e for e in edges if e[2]} == {
        ('"is_open false"', '"is_open true"', '"open"'),
        ('"is_open true"', '"is_open false"', '"close when is_open"'),
        ('"is_open false"', '"is_open true"', '"wind when force > 7"'),
    }
    assert ('"is_open"', '"is_open false"', None) in edges  # where it begins
    if shutil.which("dot"):
        drawn = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True)
        assert "is_open (interface)" in drawn.stdout


@pytest.mark.slow
@pytest.mark.parametrize("role", [m.role for m in load().machines()])
def test_every_role_can_be_drawn(role: str, capsys: pytest.CaptureFixture[str]) -> None:
    pydot = pytest.importorskip("pydot")
    own = load().for_role(role)
    names = [d.variable for d in diagrams(own)][:2]  # all of them take pydot seconds
    if not names:
        assert main(["export", "dot", "--role", role]) == 2
        return
    (graph,) = pydot.graph_from_dot_data(exported(capsys, "dot", *names, "--role", role))
    assert len(graph.get_subgraphs()) == len(names)


def test_mermaid_marks_nothing_by_accident(door: str, capsys: pytest.CaptureFixture[str]) -> None:
    """There is no reader of Mermaid for Python: each line has one of the few forms that its grammar has."""
    lines = exported(capsys, "mermaid", "--spec", door).splitlines()
    assert lines[1] == "stateDiagram-v2"
    assert "    is_open__false --> is_open__true : wind when force #gt; 7" in lines
    assert "    colour__light_red : light-red" in lines
    for line in lines[2:]:
        words = line.split(" : ", 1)
        assert line == "  }" or line.startswith("  state ") or not set(words[-1]) & set(":{}<>") or "-->" in words[0]


READ = """
import fs from "fs"; import { JSDOM } from "jsdom";
globalThis.window = new JSDOM("").window; globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
const text = fs.readFileSync(0, "utf8");
await mermaid.parse(text);
const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
const arrows = [...db.getStates().values()].map(state => [state.id, state.doc.filter(s => s.stmt == "relation").map(
  s => [s.state1.start ? "" : s.state1.id, s.state2.id, s.description ?? ""])]);
console.log(JSON.stringify(Object.fromEntries(arrows)));
"""


@pytest.mark.slow
def test_mermaid_itself_reads_the_diagram(door: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MERMAID names a folder where npm has installed mermaid and jsdom, as .ci/run does."""
    if not (installed := os.environ.get("MERMAID")):
        pytest.skip("there is no MERMAID")
    (tmp_path / "node_modules").symlink_to(Path(installed).resolve() / "node_modules")
    (tmp_path / "read.mjs").write_text(READ)
    text = exported(capsys, "mermaid", "--spec", door)
    read = subprocess.run(["node", tmp_path / "read.mjs"], input=text, capture_output=True, text=True, check=True)
    found = json.loads(read.stdout)
    assert {name: len(arrows) for name, arrows in found.items()} == {"is_open": 4, "colour": 3}
    (wind,) = [a for a in found["is_open"] if a[2].startswith("wind when force ") and a[2].endswith(" 7")]
    assert wind[:2] == ["is_open__false", "is_open__true"]


@pytest.mark.parametrize(("name", "answer"), [("opened_once", z3.sat), ("painted", z3.unsat), ("shut", z3.sat)])
def test_spacer_solves_the_clauses(door: str, name: str, answer: object, capsys: pytest.CaptureFixture[str]) -> None:
    """`shut` rests on what is owed: with the rules on the same events alone, what is bad would be reached."""
    solver = z3.SolverFor("HORN")
    solver.from_string(exported(capsys, "horn", name, "--spec", door))
    assert solver.check() == answer


def test_pyvmt_reads_the_system(door: str, capsys: pytest.CaptureFixture[str]) -> None:
    reader = pytest.importorskip("pyvmt.vmtlib.reader")
    model = reader.read(io.StringIO(exported(capsys, "vmt", "opened_once", "--spec", door)))
    names = {v.symbol_name() for v in model.get_state_vars()}
    assert names == {"now", "is_open.0", "is_open.1", "$broken"}
    assert len(model.get_all_properties()) == 1


@pytest.mark.parametrize(("name", "bad"), [("opened_once", False), ("painted", True)])
def test_the_relation_of_vmt_reaches_what_is_bad_or_not(
    door: str, name: str, bad: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """One step from the first state: Z3 reads the same text, without its notes."""
    text = exported(capsys, "vmt", name, "--spec", door)
    solver = z3.Solver()
    solver.from_string(text + "(assert (and $init $trans $broken^))")
    assert (solver.check() == z3.sat) == bad


def test_a_log_has_a_state_for_each_event(capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, Any] = json.loads(exported(capsys, "itf", str(TRACES / "inside-colocated.log")))
    states = found["states"]
    assert [s["#meta"]["index"] for s in states] == list(range(len(states)))
    assert all(set(found["vars"]) == set(s) - {"#meta"} for s in states)
    (accepted,) = [s for s in states if s["event"] == "rrp"][:1]
    assert dict(accepted["inside"]["#map"])["eth0"] is True
    assert dict(states[1]["inside"]["#map"])["eth0"] is False


def test_a_reader_of_itf_finds_the_states(capsys: pytest.CaptureFixture[str]) -> None:
    itf_py = pytest.importorskip("itf_py")
    trace = itf_py.trace_from_json(json.loads(exported(capsys, "itf", str(TRACES / "inside-colocated.log"))))
    (accepted,) = [s.values for s in trace.states if s.values["event"] == "rrp"][:1]
    assert accepted["inside"] == {"eth0": True} and trace.states[0].meta["index"] == 0
    assert set(trace.vars) == set(accepted)


def test_a_counterexample_goes_through_a_pipe(door: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "found.log"
    assert main(["prove", "painted", "--spec", door, "-o", str(log)]) == 1
    found = json.loads(exported(capsys, "itf", str(log), "--spec", door))
    assert found["states"][-1]["event"] == "paint"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["dot", "since"], "there is no variable with few values"),
        (["horn"], "takes one property"),
        (["horn", "consistent"], "about several systems"),
        (["vmt", "opened"], "did you mean"),
        (["itf"], "takes one log"),
        (["dot", "--role", "gate"], "there is no role"),
    ],
)
def test_what_cannot_be_exported_is_said(
    door: str, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *words, "--spec", door]) == 2
    assert says in capsys.readouterr().err


def test_a_log_of_many_nodes_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "itf", str(TRACES / "iha-fifty-nodes.log")]) == 2
    assert "many nodes" in capsys.readouterr().err
