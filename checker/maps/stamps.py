"""The stamps of lines: patterns as strptime has them → nanoseconds, and how fine a stamp is."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console.errors import quoted
from mipcheck.checker.trace.times import TIME_LIMIT
from mipcheck.model.values.errors import MipcheckError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NS: Final = 10**9
_DAY: Final = 86400
_MONTHS: Final = {
    name: number
    for names in (
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "jan feb mär apr mai jun jul aug sep okt nov dez",
        "janv févr mars avril mai juin juil août sept oct nov déc",
        "ene feb mar abr may jun jul ago sep oct nov dic",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "jan fev mar abr mai jun jul ago set out nov dez",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "jan feb mar apr maj jun jul aug sep okt nov dec",
        "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "янв фев мар апр мая июн июл авг сен окт ноя дек",
        "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    )
    for number, name in enumerate(names.split(), 1)
}
"""Months as the journal lists them, by the language of who asks for it: in English, German, French, Spanish, Italian,
Portuguese, Dutch, Danish or Swedish, Finnish, Polish, Russian, Chinese or Japanese."""
_DAYS: Final = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_NAMED: Final = {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 3600, "CET": 3600, "CEST": 7200, "EET": 7200,
                 "EEST": 10800, "BST": 3600, "EST": -18000, "EDT": -14400,
                 "CST": -21600, "CDT": -18000, "MST": -25200, "MDT": -21600,
                 "PST": -28800, "PDT": -25200, "JST": 32400, "IST": 19800}  # fmt: skip
"""Zones by their abbreviations: s east of UTC."""

_PARTS: Final = {
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "m": r"(?P<m>1[0-2]|0?[1-9])",
    "d": r"[ ]?(?P<d>[0-9]{1,2})",
    "e": r"[ ]?(?P<d>[0-9]{1,2})",
    "b": r"(?P<b>[^\W\d_]{3,6}|1?[0-9]月)\.?",
    "B": r"(?P<b>[A-Za-z]{3})[a-z]{0,6}+",
    "a": rf"(?:{_DAYS})",
    "H": r"(?P<H>[0-9]{1,2})",
    "I": r"(?P<I>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "f": r"(?P<f>[0-9]{1,9})",
    "p": r"(?P<p>[AaPp][Mm])",
    "z": r"(?P<z>[Zz]|[+-][0-9]{2}:?[0-9]{2})",
    "Z": r"(?P<Z>[A-Z]{1,5})",
    "s": r"(?P<s>[0-9]{9,10})",
    "i": r"(?P<i>[0-9]{1,6})",
    "N": r"[0-9]{1,12}",
}
"""What each letter after a per cent sign matches. strptime has not: `%i`, microseconds as a whole number, and `%N`, any
number that is no time."""
_UPTIME: Final = r"[ ]{0,16}+(?P<s>[0-9]{1,9})"
BOOT: Final = (0, 0)
"""What seconds since boot count from."""
_SHORT: Final = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "D": "%m/%d/%y", "r": "%I:%M:%S %p", "R": "%H:%M", "h": "%b",
                 "k": "%H", "l": "%I", "c": "%a %b %e %H:%M:%S %Y"}  # fmt: skip
_FINER: Final = r"(?:[.,](?P<f>[0-9]{1,9}))?(?![0-9])"
"""Fractions of a second, which charon (`time_add_ms`) appends to whatever form it was given."""
_ISO: Final = (
    r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})[Tt ](?P<H>[0-9]{2}):(?P<M>[0-9]{2}):(?P<S>[0-9]{2})"
    r"(?:[.,](?P<f>[0-9]{1,9}))?(?P<z>[Zz]|[+-][0-9]{2}:?[0-9]{2})?(?:\.(?P<g>[0-9]{1,9}))?"
)


class StampError(MipcheckError, ValueError):
    """A stamp that cannot be, or a pattern of stamps that is none; `at` is the index there, -1 for all of it."""

    def __init__(self, message: str, hint: str = "", at: int = -1) -> None:
        super().__init__(message)
        self.message, self.hint, self.at = message, hint, at


@dataclass(frozen=True, slots=True)
class Stamp:
    """A form of stamps. Where it counts from `since` (month, day; BOOT), times are relative: from then on.
    It stands at the beginning of a line, or `after` the first such text in it. Lines with one that is a program's `own`
    are that program's, whether they name it or not."""

    text: str
    regex: re.Pattern[str]
    since: tuple[int, int] | None = None
    after: str = ""
    own: bool = False

    def match(self, text: str) -> re.Match[str] | None:
        """Return its match in a line; None where there is none."""
        if not self.after:
            return self.regex.match(text)
        at = text.find(self.after)
        return None if at < 0 else self.regex.match(text, at + len(self.after))

    def lacks_year(self, match: re.Match[str]) -> bool:
        """Tell whether a match of it is a date without its year."""
        return self.since is None and not _has(match, "sYy")

    def lacks_zone(self, match: re.Match[str]) -> bool:
        """Tell whether a match of it is local time without a zone."""
        return self.since is None and not _has(match, "szZ")


def _has(match: re.Match[str], letters: str) -> bool:
    """Tell whether a match has one of some parts."""
    part = match.groupdict()
    return any(part.get(letter) for letter in letters)


@dataclass(frozen=True, slots=True)
class StampTime:
    """A time (ns), how fine it was told (ns), and whether it counts from the epoch."""

    ns: int
    resolution: int
    absolute: bool


def read_stamp(text: str, since: str | None = None, after: str = "") -> Stamp:
    """Read a pattern of stamps: `iso`, or letters after per cent signs as strptime has them; they count `since` a day
    or boot, and stand `after` a text. Raises StampError."""
    if text == "iso":
        return Stamp(text, re.compile(_ISO + (r"(?![0-9A-Za-z])" if after else r"(?=[ \t]|\Z)")), after=after)
    booted = since == "boot"
    pattern, at, used, inside = "", 0, set[str](), False
    full = text
    while at < len(full):
        char = full[at]
        if char == "%":
            letter = full[at + 1 : at + 2]
            if letter in _SHORT:
                full = full[:at] + _SHORT[letter] + full[at + 2 :]
                continue
            if letter == "%":
                pattern += "%"
            elif letter in _PARTS:
                group = "d" if letter == "e" else "b" if letter == "B" else letter
                if group in used:
                    raise StampError(f"%{letter} appears twice", at=at)
                used.add(group)
                pattern += _UPTIME if booted and letter == "s" else _PARTS[letter]
            else:
                letters = " ".join(f"%{k}" for k in (*_PARTS, *_SHORT))
                raise StampError(f"unknown part {quoted('%' + letter)} of a stamp", f"parts: {letters}", at)
            at += 2
        elif full.startswith("{?", at) and not inside:
            pattern, at, inside = pattern + "(?:", at + 2, True
        elif char == "}" and inside:
            pattern, at, inside = pattern + ")?", at + 1, False
        elif char in " \t":
            pattern += r"[ \t]{1,64}+" if not pattern.endswith("+") or not full[at - 1].isspace() else ""
            at += 1
        else:
            pattern += re.escape(char)
            at += 1
    if inside:
        raise StampError("a part that may be missing has no end", "as in {? %Z}", full.rfind("{?"))
    dated = {"m", "d"} <= used or {"b", "d"} <= used
    if "s" not in used and not (dated and used & {"H", "I"}):
        raise StampError("a stamp needs a day and an hour, or %s", "as in %b %d %H:%M:%S")
    if booted and "s" not in used:
        raise StampError("what counts since boot counts seconds", 'as in stamp "[%s.%f]" since "boot"')
    if not used & {"f", "i"} and full[-2:-1] == "%":
        pattern += _FINER
    return Stamp(text, re.compile(pattern), _day(since) if since is not None else None, after)


def _day(word: str) -> tuple[int, int]:
    """Read the day from which a clock counts that was never set, or BOOT. Raises StampError."""
    if word == "boot":
        return BOOT
    match = re.fullmatch(r"([0-9]{2})-([0-9]{2})", word)
    if match is None or not (1 <= int(match[1]) <= 12 and 1 <= int(match[2]) <= 31):
        raise StampError(f"{quoted(word)} is no day", "expected month and day, as 03-01, or boot")
    return int(match[1]), int(match[2])


LISTINGS: Final = (
    read_stamp("iso"),
    read_stamp("%b %e %T"),
    read_stamp("%a %F %T{?.%f} %Z"),
    read_stamp("%a %b %e %T{?.%f} %Y"),
    read_stamp("%b %e %Y %T"),
    read_stamp("%s"),
    read_stamp("[%s.%f]", "boot"),
)
"""How lines begin in syslog and in listings of the journal, in whatever form (`journalctl -o short-full`, `short-unix`,
`short-monotonic`; OpenWrt's logread), so that each map of a program knows them."""


class Clock:
    """Turns stamps into times, one after another: the year goes on where it turns over, and an hour that comes twice is
    the second one where time would run backwards."""

    def __init__(self, year: int | None, zone: ZoneInfo | datetime.tzinfo | None) -> None:
        """Begin in a year, in a zone; None where neither is needed."""
        self._year, self._zone = year, zone
        self._month = 0
        self._last = 0
        self._midnights: dict[tuple[int, int, int], int] = {}

    def read(self, stamp: Stamp, match: re.Match[str]) -> StampTime:
        """Return the time of a match of a stamp. Raises StampError for what no calendar or clock shows."""
        part = match.groupdict()
        fraction = part.get("f") or part.get("g") or (part.get("i") or "").rjust(6, "0") * bool(part.get("i"))
        nanos = int(fraction.ljust(9, "0")) if fraction else 0
        fine = 10 ** (9 - len(fraction))
        if (epoch := part.get("s")) is not None:
            seconds = int(epoch) * NS + nanos
            return self._moment(seconds, fine) if stamp.since is None else StampTime(seconds, fine, False)
        second = self._second_of_day(part)
        month = month_of(match)
        day = int(part["d"] or 0)
        if stamp.since is not None:
            days = self._midnight(1993, month, day) - self._midnight(1993, *stamp.since)
            return StampTime((days % (365 * _DAY) + second) * NS + nanos, fine, False)
        midnight = self._midnight(self._year_of(part, month), month, day)
        named = part.get("z") or part.get("Z")
        if named:
            return self._moment((midnight + second - _offset(named)) * NS + nanos, fine)
        return self._moment(self._local(midnight + second) * NS + nanos, fine)

    def _moment(self, ns: int, fine: int) -> StampTime:
        if not 0 <= ns < TIME_LIMIT:
            raise StampError("times lie between 1970 and 2116")
        self._last = max(self._last, ns)
        return StampTime(ns, fine, True)

    def _second_of_day(self, part: dict[str, str | None]) -> int:
        hour = int(part.get("H") or part.get("I") or 0)
        if half := part.get("p"):
            if not 1 <= hour <= 12:
                raise StampError("an hour of a clock with a.m. and p.m. is 1 to 12")
            hour = hour % 12 + 12 * (half in ("pm", "PM", "Pm", "pM"))
        minute, second = int(part.get("M") or 0), int(part.get("S") or 0)
        if hour > 23 or minute > 59 or second > 60:
            raise StampError("no clock shows this time")
        return hour * 3600 + minute * 60 + second

    def _year_of(self, part: dict[str, str | None], month: int) -> int:
        if part.get("Y"):
            return int(part["Y"] or 0)
        if part.get("y"):
            return 2000 + int(part["y"] or 0)
        assert self._year is not None
        # A log is in order but for some seconds: from December to January it goes on, the other way it does not.
        if self._month - month > 6:
            self._year += 1
        elif self._month and month - self._month > 6:
            return self._year - 1
        self._month = month
        return self._year

    def _midnight(self, year: int, month: int, day: int) -> int:
        """Return the s since the epoch of a day's beginning in UTC."""
        found = self._midnights.get((year, month, day))
        if found is None:
            try:
                found = (datetime.date(year, month, day).toordinal() - 719163) * _DAY
            except ValueError as error:
                raise StampError(f"no such day: {error}") from None
            if len(self._midnights) > 1000:
                self._midnights.clear()
            self._midnights[year, month, day] = found
        return found

    def _local(self, second: int) -> int:
        """Return the s since the epoch of local time, of two of them the later where the earlier runs backwards."""
        if self._zone is None:
            return second
        naive = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second)
        first, again = (
            second - int((naive.replace(tzinfo=self._zone, fold=f).utcoffset() or datetime.timedelta()).total_seconds())
            for f in (0, 1)
        )
        return again if first < again and (first + 1) * NS <= self._last else first


def month_of(match: re.Match[str]) -> int:
    """Return the month of a match of a stamp; 0 if it has none. Raises StampError."""
    part = match.groupdict()
    return int(part["m"]) if part.get("m") else _month(part["b"]) if part.get("b") else 0


def _month(name: str) -> int:
    """Return the number of a month by its short name. Raises StampError."""
    if name.lower() not in _MONTHS:
        raise StampError(
            f"{quoted(name)} is no month that is known", "expected an English one, as Nov: LC_ALL=C journalctl"
        )
    return _MONTHS[name.lower()]


def _offset(zone: str) -> int:
    """Return how far east of UTC a zone is, in s. Raises StampError."""
    if zone[0] in "+-":
        return (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60) * (-1 if zone[0] == "-" else 1)
    found = _NAMED.get(zone.upper())
    if found is None:
        raise StampError(f"unknown zone {quoted(zone)}", "write offsets, as +0100 (%z)")
    return found


def read_zone(word: str) -> datetime.tzinfo:
    """Read a zone that a user gives: UTC, an offset as +01:00, or a name as Europe/Berlin. Raises StampError."""
    if re.fullmatch(r"[+-][0-9]{2}:?[0-9]{2}", word) or word.upper() in ("UTC", "Z", "GMT"):
        return datetime.timezone(datetime.timedelta(seconds=_offset(word)))
    from zoneinfo import ZoneInfo

    try:
        if re.fullmatch(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*", word):
            return ZoneInfo(word)
    except (OSError, ValueError, LookupError):  # there is none of that name
        pass
    raise StampError(f"unknown zone {quoted(word)}", "expected UTC, an offset as +01:00, or a name as Europe/Berlin")
