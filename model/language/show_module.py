"""Syntax tree of a specification → text. Parsing the text again gives the same tree."""

from __future__ import annotations

import re

from mipcheck.model.language import catalogue
from mipcheck.model.language import syntax as s
from mipcheck.model.language.expression import Citation, Expression
from mipcheck.model.language.show import show_citations, show_entry, show_expression, show_pattern, show_patterns


def show_body(b: s.BodyDecl) -> str:
    """Return what a rule demands, as text."""
    match b:
        case s.AllowDecl(patterns, condition, unclear=unclear, kept=kept):
            doubt = f" unclear if {show_expression(unclear)}" if unclear is not None else ""
            shown = f" kept by {show_patterns(kept)}" if kept else ""
            return f"allow {show_patterns(patterns)} only if {show_expression(condition)}{doubt}{shown}"
        case s.RequireDecl(patterns, within, anchor, condition):
            return (
                f"require {show_patterns(patterns)} within {show_expression(within)} of {anchor}"
                f" while {show_expression(condition)}"
            )
        case s.ConfigureDecl(condition):
            return f"configure {show_expression(condition)}"


def show_claim(c: s.ClaimDecl) -> str:
    """Return what a property claims, as text."""
    match c:
        case s.InvariantDecl(condition):
            return f"invariant {show_expression(condition)}"
        case s.WheneverDecl(patterns, condition):
            return f"whenever {show_patterns(patterns)}: {show_expression(condition)}"
        case s.PermittedDecl(patterns):
            return f"permitted {show_patterns(patterns)}"
        case s.IndependentDecl(variables, allowed):
            subjects = [v.name for v in variables] + [f"allowed {show_pattern(p)}" for p in allowed]
            return f"independent {', '.join(subjects)}"
        case s.ConsistentDecl():
            return "consistent"


def _type(t: s.TypeName) -> str:
    return t.name if t.name is not None else "{" + ", ".join(t.members) + "}"


def _keys(keys: tuple[s.KeyDecl, ...]) -> str:
    return ", ".join(f"{k.name}{'?' if k.optional else ''}: {_type(k.type)}" for k in keys)


def _cite(cite: tuple[Citation, ...]) -> str:
    return f" cite {show_citations(cite)}" if cite else ""


def _text(text: str) -> str:
    return f' "{text}"' if text else ""


def show_declaration(d: s.Declaration) -> str:
    """Return a declaration as text, of one line or several."""
    override = "override " if getattr(d, "override", False) else ""
    match d:
        case s.DocumentDecl(name):
            return f'document "{name}"'
        case s.EnumDecl(name, members, is_set):
            return f"{'set' if is_set else 'enum'} {name} {{{', '.join(members)}}}"
        case s.SiteDecl(names):
            return f"site {', '.join(names)}"
        case s.LayerDecl(name, text, protects, forms, moved=moved):
            head = f"{override}layer {name}{_text(text)}{' protects' if protects else ''}"
            needs = f" moved by {', '.join(map(_way, moved))}" if moved else ""
            return f"{head} as {', '.join(map(_form, forms))}{needs}"
        case s.AccessDecl(name, parts, needs, text):
            layers = ", ".join(f"{layer} {kind}".rstrip() for layer, kind in parts)
            needed = f" needs {', '.join(needs)}" if needs else ""
            return f"{override}access {name} = {layers}{needed}{_text(text)}"
        case s.CapabilityDecl(name, text):
            return f'capability {name} "{text}"'
        case s.ParamDecl(name, type_, default, cite, text):
            return f"{override}param {name}: {_type(type_)} = {show_expression(default)}{_cite(cite)}{_text(text)}"
        case s.EventDecl(name, keys, sender, seen, text, hidden, anew):
            shown = _keys(keys)
            where = f"seen {', '.join(seen)}" if seen else "silent"
            but = "" if hidden is None else f" unless {show_expression(hidden)}"
            return f"event {name}({shown}) by {sender} {'anew ' if anew else ''}{where}{but}{_text(text)}"
        case s.ExtendWords(name, members, is_set):
            return f"extend {'set' if is_set else 'enum'} {name} {{{', '.join(members)}}}"
        case s.ExtendEvent(name, keys):
            return f"extend event {name}({_keys(keys)})"
        case s.ExtendState(scope, values) | s.ExtendTable(scope, values):
            table = "table " if isinstance(d, s.ExtendTable) else ""
            more = " ".join(f"{v.name}: {{{', '.join(v.members)}}}" for v in values)
            return f"extend {table}{scope} {{ {more} }}"
        case s.PauseDecl(condition, since, text, ended=ended):
            ends = f" ended by {show_patterns(ended)}" if ended else ""
            return f"pause while {condition} since {since}{ends}{_text(text)}"
        case s.StageDecl(name, condition, text):
            return f"stage {name} while {show_expression(condition)}{_text(text)}"
        case s.StateDecl(scope, ghost, variables, told):
            kind = "ghost " if ghost else "told " if told else ""
            return "\n".join([f"{kind}{scope} {{", *map(_variable, variables), "}"])
        case s.TableDecl(name, keys, ghost, limit, until, text, variables):
            by = ", ".join(f"{k.name}: {_type(k.type)}" for k in keys)
            most = "" if limit is None else f" limit {limit}"
            head = f"{'ghost ' if ghost else ''}table {name} by {by}{most}{f' until {until}' if until else ''}"
            return "\n".join([f"{head}{_text(text)} {{", *map(_variable, variables), "}"])
        case s.UpdateDecl(patterns, assignments, changes, forgotten):
            forgets = [f"forget {x.name}" for x in forgotten]
            shown = "; ".join([*map(_assignment, assignments), *map(_change, changes), *forgets])
            return f"on {show_patterns(patterns)} {{ {shown} }}"
        case s.DefineDecl(name, value):
            return f"{override}define {name} = {show_expression(value)}"
        case s.AssumptionDecl(name, cite, text, patterns, condition):
            return (
                f'{override}assumption {name}{_cite(cite)} "{text}"\n'
                f"  on {show_patterns(patterns)}: {show_expression(condition)}"
            )
        case s.RuleDecl(name, level, cite, text, readings, options):
            lines = [f'{override}rule {name} {level}{_cite(cite)} "{text}"']
            for r in readings:
                lines += [f'  reading {r.name} "{r.text}"'] if r.name else []
                lines.append(f"  {show_body(r.body)}")
            for o in options:
                said = f'"{o.value}"' if o.kind in ("instead", "note") else f"capability {o.value}"
                lines.append(f"  {o.kind} {said}")
            return "\n".join(lines)
        case s.PropertyDecl(name, cite, text, claim, _, relying, against):
            base = f"\n  relying on {', '.join(relying)}" if relying else ""
            base += f"\n  against {', '.join(against)}" if against else ""
            return f'{override}property {name}{_cite(cite)} "{text}"\n  {show_claim(claim)}{base}'
        case s.DefaultReadingDecl(rule, reading):
            return f"default reading {rule} {reading}"
        case s.DropDecl(kind, names):
            return f"drop {kind} {', '.join(names)}"
        case s.ConfirmDecl(kind, name, level, cite, text):
            return f"confirm {kind} {name}{f' {level}' if level else ''}{_cite(cite)}{_text(text)}"
        case s.StatementDecl(name, level, cite, text, by, because):
            encoded = f"by {', '.join(by)}" if by else f'because "{because}"'
            return f'{override}statement {name} {level}{_cite(cite)} "{text}"\n  {encoded}'
        case s.AmbiguityDecl(name, cite, text, readings):
            choices = "".join(f'\n  reading {reading} "{why}"' for reading, why in readings)
            return f'{override}ambiguity {name}{_cite(cite)} "{text}"{choices}'
        case catalogue.EntityDecl(name, standing, text, by):
            encoded = f" by {', '.join(by)}" if by else ""
            return f'{override}entity {name} {standing} "{text}"{encoded}'
        case catalogue.GuidelineDecl(name, cite, text):
            return f'{override}guideline {name}{_cite(cite)} "{text}"'
        case catalogue.PointDecl(name, stance, cite, text, grounds):
            return f'{override}point {name} {stance}{_cite(cite)} "{text}"{_grounds(grounds)}'
        case catalogue.AnswerDecl(name, text, grounds):
            return f"{override}answer {name}{_text(text)}{_grounds(grounds)}"
        case s.RoleDecl(name, tracks, text, declarations):
            head = f"role {name}{f' tracks {tracks}' if tracks else ''}{_text(text)} {{"
            return "\n".join([head, *map(show_declaration, declarations), "}"])
        case s.SystemDecl(name, text, declarations):
            return "\n".join([f"system {name}{_text(text)} {{", *map(show_declaration, declarations), "}"])
        case s.PartyDecl(name, role, tracked, sites, text):
            bound = f" with {', '.join(f'{a} = {b}' for a, b in sites)}" if sites else ""
            return f"party {name}: {role}{f' for {tracked}' if tracked else ''}{bound}{_text(text)}"
        case s.ChannelDecl(name, text, key, private, sent, received, carried):
            head = f"{override}channel {name}{' private' if private else ''}{_text(text)}{f' key {key}' if key else ''}"
            ends = f"  from {show_patterns(sent)}\n  to {show_patterns(received)}"
            return f"{head}\n{ends}\n  carries {', '.join(map(_carried, carried))}"


def _carried(c: s.CarriedDecl) -> str:
    value = "" if c.value is None else f" = {show_expression(c.value)}"
    return f"{'outer ' if c.outer else ''}{c.name}{value}"


def _variable(v: s.VariableDecl) -> str:
    initial = f" = {_closed(v.initial)}" if v.initial is not None else ""
    return f"  {v.name}: {_type(v.type)}{initial}{_text(v.text)}"


def _assignment(a: s.Assignment) -> str:
    return f"{a.name} := {show_expression(a.value)}"


def _change(c: s.ChangeDecl) -> str:
    """Return what an update does to a table, as text."""
    match c:
        case s.SetEntry(entry, values):
            return f"{show_entry(entry)} := {{ {', '.join(map(_assignment, values))} }}"
        case s.SetField(entry, value):
            return f"{show_entry(entry)}.{_assignment(value)}"
        case s.RemoveEntry(entry):
            return f"remove {show_entry(entry)}"
        case s.ClearTable(table):
            return f"clear {table}"


def show_ground(g: catalogue.Ground) -> str:
    """Return what decides a claim, as text."""
    match g:
        case catalogue.Proved(names) | catalogue.Shown(names):
            return f"{'proved' if isinstance(g, catalogue.Proved) else 'shown'} by {', '.join(names)}"
        case catalogue.Computed(figures):
            return f"computed {', '.join(map(show_figure, figures))}"
        case catalogue.Declared(entities):
            return f"declared {', '.join(f'{name} {standing}' for name, standing in entities)}"
        case catalogue.Opinion(reason) | catalogue.Missing(reason):
            return f'{"opinion" if isinstance(g, catalogue.Opinion) else "missing"} "{reason}"'


def show_figure(f: catalogue.Figure) -> str:
    """Return a sum of measures, and what it is said to be, as text."""
    return show_amount(f.terms) + (f" {f.compare} {show_amount(f.value)}" if f.compare else "")


def show_amount(terms: tuple[tuple[int, catalogue.Measure | int], ...]) -> str:
    """Return a sum of measures, as text."""
    first, *rest = [(sign, x if isinstance(x, int) else _measure(x)) for sign, x in terms]
    return " ".join([str(first[1]), *(f"{'+' if sign > 0 else '-'} {x}" for sign, x in rest)])


def _measure(x: catalogue.Measure) -> str:
    return f"entities {x.of}" if x.what == "entities" else f"{x.what} of {x.of}"


def _grounds(grounds: tuple[catalogue.Ground, ...]) -> str:
    return "".join(f"\n  {show_ground(g)}" for g in grounds)


def _way(w: catalogue.Way) -> str:
    return f"{' and '.join(w.steps)}{' anew' if w.anew else ''}{f' given {w.given}' if w.given else ''}"


def _closed(e: Expression) -> str:
    """Return an expression, in parentheses if a name after it would be taken for the last word of `uses`."""
    text = show_expression(e)
    return f"({text})" if re.search(r" uses [^ ]+$", text) else text


def _form(f: s.FormDecl) -> str:
    adds = f" adds {show_expression(f.adds)}" if f.adds is not None else ""
    traversal, given = " traversal" if f.traversal else "", f" given {f.given}" if f.given else ""
    return f"{f.headers or 'nothing'}{traversal}{adds}{given}"


def show(module: s.Module) -> str:
    """Return the text of the whole specification."""
    header = f"spec {module.name}{_text(module.text)}" + (f" extends {', '.join(module.bases)}" if module.bases else "")
    return "\n".join([header, *map(show_declaration, module.declarations)]) + "\n"
