"""A specification with tables, and what it means, told plainly: dictionaries, of which everything is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st
from mipcheck.model.specification.load import loads
from mipcheck.model.values.event import Event, Position
from mipcheck.model.values.types import Value

S = 10**9
LIFETIME = 5 * S
LIMITS = {"wishes": 3, "places": 2}

TEXT = f"""
spec tabled "a server that keeps something for each of many"
document "none"
event hello() by node seen log
role server tracks home "the server" {{
  event wish(home: address, who?: int, what?: {{call, mail}}, to?: int, sure?: {{yes, no}}) by network seen log
  event move(home: address, who?: int, what?: {{call, mail}}, to?: int) by network seen log
  event grant(home: address, who?: int, what?: {{call, mail}}, id?: id) by node seen log
  event deny(home: address, who?: int, what?: {{call, mail}}) by node seen log
  event leave(home: address, sure?: {{yes, no}}) by network seen log
  event reset(home?: address) by node seen log
  event ask(home: address, who?: int, what?: {{call, mail}}, to?: int, least?: int) by node seen log
  event gap(reason?: text, home?: address) by observer seen log
  table wishes by who: int, what: {{call, mail}} limit {LIMITS["wishes"]} until expires "what is wished" {{
    to: int = 0      "where to"
    moved: bool = false
    expires: time
  }}
  table places by to: int limit {LIMITS["places"]} "where somebody is" {{ who: int = -1  "who it is"  id: id = 0 }}
  on wish(sure = yes) {{ wishes[who, what] := {{ to := to, expires := now + {LIFETIME} ns }} }}
  on move {{ wishes[who, what].to := to; wishes[who, what].moved := true }}
  on grant when (who, what) in wishes {{ places[wishes[who, what].to] := {{ who := who, id := id }} }}
  on grant, deny {{ remove wishes[who, what] }}
  on leave(sure = yes) {{ clear places }}
  on leave {{ clear wishes }}
  on reset {{ clear places; clear wishes }}
  rule HELD MUST cite 1 "there is such a wish" allow ask only if (who, what) in wishes
  rule MOVED MUST cite 1 "it has been moved" allow ask only if wishes[who, what].moved
  rule TO MUST cite 1 "it goes far" allow ask only if wishes[who, what].to > least
  rule WHO MUST cite 1 "who is where the wish goes" allow ask only if places[wishes[who, what].to].who = who
  rule SOME MUST cite 1 "some place" allow ask only if some p in places: p > least and places[p].who != who
  rule EVERY MUST cite 1 "every wish" allow ask only if every w, h in wishes: wishes[w, h].to in places or w = who
  rule NEW MUST cite 1 "the same identification" allow grant only if id != places[who].id or not who in places
}}
"""
SERVER = loads(TEXT).for_role("server")
RULES = ("HELD", "MOVED", "TO", "WHO", "SOME", "EVERY")
"""Those about `ask`, in their order."""
HOMES = (0x0A010001, 0x0A010002)


@dataclass
class Plainly:
    """The state of one node, of which everything is known; entries are never too many."""

    wishes: dict[tuple[int, str], dict[str, int]] = field(default_factory=dict)
    places: dict[int, dict[str, int]] = field(default_factory=dict)

    def held(self, who: int, what: str, now: int) -> dict[str, int] | None:
        """Return the wish, None if there is none or its time is over."""
        entry = self.wishes.get((who, what))
        return entry if entry is not None and now <= entry["expires"] else None

    def answers(self, args: Mapping[str, int | str], now: int) -> list[bool]:
        """Return what RULES come to."""
        who, what, to, least = (args[k] for k in ("who", "what", "to", "least"))
        assert isinstance(who, int) and isinstance(what, str) and isinstance(to, int) and isinstance(least, int)
        wish = self.held(who, what, now) or {"to": 0, "moved": 0}
        place = self.places.get(wish["to"], {"who": -1})
        held = [(w, self.held(*w, now)) for w in self.wishes]
        return [
            self.held(who, what, now) is not None,
            bool(wish["moved"]),
            wish["to"] > least,
            place["who"] == who,
            any(p > least and entry["who"] != who for p, entry in self.places.items()),
            all(entry["to"] in self.places or w[0] == who for w, entry in held if entry is not None),
        ]

    def take(self, kind: str, args: Mapping[str, int | str], now: int) -> None:
        """Let an event happen."""
        who, what = args.get("who", 0), args.get("what", "")
        assert isinstance(who, int) and isinstance(what, str)
        wish = self.held(who, what, now)
        if kind == "wish" and args["sure"] == "yes":
            self.wishes[who, what] = {"to": int(args["to"]), "moved": 0, "expires": now + LIFETIME}
        elif kind == "move" and wish is not None:
            wish["to"], wish["moved"] = int(args["to"]), 1
        elif kind in ("grant", "deny"):
            if wish is not None and kind == "grant":
                self.places[wish["to"]] = {"who": who, "id": int(args["id"])}
            self.wishes.pop((who, what), None)
        elif kind == "reset" or (kind == "leave" and args["sure"] == "yes"):
            self.places.clear()
        if kind in ("leave", "reset"):
            self.wishes.clear()

    def too_many(self) -> bool:
        """Tell whether there are more entries than a table holds, those whose time is over included."""
        return len(self.wishes) > LIMITS["wishes"] or len(self.places) > LIMITS["places"]


_KINDS = ("wish", "wish", "wish", "move", "grant", "grant", "deny", "leave", "reset", "ask")


@st.composite
def events(draw: st.DrawFn, least: int = 1, most: int = 25) -> list[tuple[str, int, dict[str, int | str]]]:
    """Kinds, times (ns) and all keys but `home` of some events."""
    now, found = 0, []
    for _ in range(draw(st.integers(least, most))):
        now += draw(st.sampled_from([0, 1, S, 2 * S, LIFETIME]))
        kind = draw(st.sampled_from(_KINDS))
        numbers = st.integers(0, 3)
        args: dict[str, int | str] = {}
        for key in SERVER.events[kind].keys:
            if key.name == "sure":
                args["sure"] = draw(st.sampled_from(["yes", "yes", "no"]))
            elif key.type.members:
                args[key.name] = draw(st.sampled_from(key.type.members))
            elif key.name != "home":
                args[key.name] = draw(numbers)
        found.append((kind, now, args))
    return found


def event(kind: str, time: int, args: Mapping[str, Value], home: int | None = HOMES[0]) -> Event:
    """Return an event at the server."""
    return Event(time, "-", kind, {**args, **({} if home is None else {"home": home})}, Position("x.log", 1))
