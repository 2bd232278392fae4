"""What the site comes to: what the logs say, under a configuration file, under the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mipcheck.checker.console.errors import InputError, Problem, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.site.site import Site, SiteError, merge_sites, site_from_words, site_words
from mipcheck.checker.trace.vocabulary import RoleError, Vocabulary
from mipcheck.model.values.event import Position

if TYPE_CHECKING:
    from mipcheck.checker.logs.lines import Log

from mipcheck.checker.console.errors import UsageError
from mipcheck.checker.inputs.opening import name_of, open_input


def vocabulary_for(vocabulary: Vocabulary, role: str) -> Vocabulary:
    try:
        return vocabulary.for_role(role)
    except RoleError as error:
        raise UsageError(str(error)) from None


# --- the site -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Over:
    """What wins over the logs: a site, what it says explicitly, and the role if that is among it."""

    site: Site
    given: frozenset[str]
    role: str | None


def over_logs(vocabulary: Vocabulary, config: str | None, words: Mapping[str, str]) -> Over:
    """The file, then the command line; the later wins."""
    site, given = Site(), frozenset[str]()
    if config is not None:
        from mipcheck.checker.site.toml import read_given

        with open_input(config) as stream:
            site, given = read_given(stream, name_of(config), vocabulary)
    try:
        last = site_from_words(words, vocabulary.parameters, vocabulary.capabilities, vocabulary.roles)
    except SiteError as error:
        raise UsageError(joined(f"{error.message}", error.hint)) from None
    site, given = merge_sites(site, last, words.keys()), given | words.keys()
    if "role" in given:
        vocabulary_for(vocabulary, site.role)
    return Over(site, given, site.role if "role" in given else None)


def site_of(logs: Mapping[str, Log], over: Over) -> tuple[Site, frozenset[str]]:
    """What the logs say, and over it what wins over them. Logs must not contradict each other."""
    settled = over.given
    site, given = Site(), frozenset[str]()
    said: dict[str, tuple[str, str]] = {}
    for path, log in logs.items():
        shown = site_words(log.site)
        for key in sorted(log.given - settled):
            word = shown.get(key, "")
            file, earlier = said.setdefault(key, (path, word))
            if earlier != word:
                hint = f"decide with --set {key}=… or in a --config file"
                message = f"site key {key} is {quoted(word)} here, but {quoted(earlier)} in {printable(name_of(file))}"
                raise InputError([Problem(Position(name_of(path)), message, hint)])
        site, given = merge_sites(site, log.site, log.given), given | log.given
    return merge_sites(site, over.site, settled), given | settled
