"""A term is made once of the same state, and never taken for that of another."""

from __future__ import annotations

from mipcheck.model.prover.form import ANY, Form
from mipcheck.model.prover.free import in_form
from mipcheck.model.prover.remembered import Itself
from mipcheck.model.prover.setting import Setting, setting_of
from mipcheck.model.prover.spacer import Z
from mipcheck.model.specification.load import loads

TEXT = """
spec small "who is ready goes in time"
param t_most: time = 5 s
site home
event ready(to: address) by node seen log
event go(to: address) by node seen log
node { ready: bool = false  at: time }
interface { own: bool = false }
on ready when to = site.home { ready := true; at := now; own := true }
rule A MUST cite 1 "a" allow go(to = site.home) only if ready and now - at <= t_most and (some interface: own)
"""


def _condition(setting: Setting, tag: str = "", interface: int = 0) -> Z:
    """Return what rule A demands, of a state whose constants end in a tag."""
    world = setting.world(setting.rules.values())
    (action, *_) = [a for a in world.actions if a.event == "go" and a.interface == interface]
    return world.permitted(world.fresh(tag), action, world.keys("go", tag), world.time(0))


def test_alike_are_one() -> None:
    setting = setting_of(loads(TEXT))
    assert _condition(setting).eq(_condition(setting))
    (rule,) = setting.rules.values()
    here, there = (setting.world([rule]).term(rule.body.patterns[0].condition, {}, 0, keys, None)
                   for keys in (setting.world([rule]).keys("go", ""),) * 2)  # fmt: skip
    assert here is there


def test_what_is_read_tells_terms_apart() -> None:
    setting = setting_of(loads(TEXT))
    one = _condition(setting)
    others = [
        _condition(setting, "'"),
        _condition(setting_of(loads(TEXT), {"t_most": 6 * 10**9})),
        _condition(in_form(setting, Form(free=("t_most",)))),
        _condition(in_form(setting, Form(free=("site.home",)))),
        _condition(in_form(setting, Form(ANY))),
        _condition(setting_of(loads(TEXT.replace("<= t_most", "< t_most")))),
    ]
    assert len({z.sexpr() for z in (one, *others)}) == 1 + len(others)


def test_what_is_free_is_state_where_it_is_read() -> None:
    from mipcheck.model.prover.prove import system_of_property

    setting = setting_of(loads(TEXT + 'property p "p" whenever go: now - at <= t_most'))
    for names in (("t_most",), ("t_most", "site.home"), ("site.home",)):
        system = system_of_property(in_form(setting, Form(free=names)), "p", whole=True)
        assert {slot[1] for slot in system.state if slot[0] == "free"} == set(names)


def test_an_object_is_a_key_by_itself() -> None:
    one, other = [1], [1]
    assert Itself(one) == Itself(one) != Itself(other) and hash(Itself(one)) == hash(Itself(one))
