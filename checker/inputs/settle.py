"""The site of a run: what its logs say, under a configuration file, under the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mipcheck.checker.console.errors import InputError, Problem, UsageError, joined, quoted
from mipcheck.checker.console.escape import printable
from mipcheck.checker.inputs.opening import name_of, open_input, refuse_other
from mipcheck.checker.site.site import Site, SiteError, merge_sites, site_from_words, site_words
from mipcheck.checker.trace.source import SourceTable
from mipcheck.checker.trace.vocabulary import RoleError, Vocabulary
from mipcheck.model.values.event import Position


def vocabulary_for(vocabulary: Vocabulary, role: str) -> Vocabulary:
    """Return what a trace of that role may say. Raises UsageError where the specification knows no such role."""
    try:
        return vocabulary.for_role(role)
    except RoleError as error:
        raise UsageError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Over:
    """The site that wins over the logs, the names of what it says explicitly, and the role if that is among them.

    `sources` are what is said of the sources of inputs.
    """

    site: Site
    given: frozenset[str]
    role: str | None
    sources: tuple[SourceTable, ...] = ()


def over_logs(vocabulary: Vocabulary, config: str | None, words: Mapping[str, str], keys: Sequence[str] = ()) -> Over:
    """Read what wins over the logs: the file `config`, and over it the `words` of the command line and files of `keys`.

    Raises InputError for what is wrong with the file, UsageError for words.
    """
    site, given = Site(), frozenset[str]()
    sources: tuple[SourceTable, ...] = ()
    if config is not None:
        from mipcheck.checker.site.toml import read_config

        with open_input(config) as stream:
            refuse_other(stream, name_of(config))
            site, given, sources = read_config(stream, name_of(config), vocabulary)
    try:
        last = site_from_words(words, vocabulary)
    except SiteError as error:
        raise UsageError(joined(f"{error.message}", error.hint)) from None
    site, given = merge_sites(site, last, words.keys()), given | words.keys()
    for path in keys:
        from mipcheck.checker.site.keys import read_keys

        with open_input(path) as stream:
            site = merge_sites(site, read_keys(stream, name_of(path)))
    if "role" in given:
        vocabulary_for(vocabulary, site.role)
    return Over(site, given, site.role if "role" in given else None, sources)


class Settling:
    """The site of a run while its logs are read, one after another.

    `vocabulary` is what the next log may say: the role that one log states holds for those after it that do not.
    """

    def __init__(self, vocabulary: Vocabulary, over: Over) -> None:
        self.vocabulary, self._over = vocabulary, over
        self._said: dict[str, tuple[Site, frozenset[str]]] = {}
        self._read: dict[str, Vocabulary] = {}  # by path, what a log could say that stated no role

    @property
    def role(self) -> str | None:
        """The role that is known whatever the logs say."""
        return self._over.role

    @property
    def tunnels(self) -> frozenset[str]:
        """The interfaces that are not physical, whatever the logs say."""
        return frozenset(self._over.site.tunnels)

    def add(self, path: str, site: Site, given: frozenset[str]) -> None:
        """Take what a log says of the site; `given` names what it says explicitly. Raises RoleError."""
        self._said[path] = (site, given)
        if "role" in given and self._over.role is None:
            self.vocabulary = self.vocabulary.for_role(site.role)
        elif self._over.role is None:
            self._read[path] = self.vocabulary

    def settle(self) -> tuple[Site, frozenset[str], Vocabulary]:
        """Return the site, what of it was said explicitly by anybody, and what a trace of its role may say.

        Raises InputError where one log contradicts another or was read before one that states the role, UsageError for
        a role that the specification has not.
        """
        settled = self._over.given
        site, given = Site(), frozenset[str]()
        said: dict[str, tuple[str, str]] = {}
        for path, (own, explicit) in self._said.items():
            shown = site_words(own)
            for key in sorted(explicit - settled):
                word = shown.get(key, "")
                file, earlier = said.setdefault(key, (path, word))
                if earlier != word:
                    hint = f"decide with --set {key}=… or in a --config file"
                    message = (
                        f"site key {key} is {quoted(word)} here, but {quoted(earlier)} in {printable(name_of(file))}"
                    )
                    raise InputError([Problem(Position(name_of(path)), message, hint)])
            site, given = merge_sites(site, own, explicit), given | explicit
        site = merge_sites(site, self._over.site, settled)
        vocabulary = vocabulary_for(self.vocabulary, site.role)
        for path, read in self._read.items():
            if read.events != vocabulary.events:
                message = (
                    f"it states no role, and role={printable(site.role)} is stated only by {{}}, which comes after it"
                )
                hint = f"give that one first, or --set role={printable(site.role)}"
                where = printable(name_of(said["role"][0]))
                raise InputError([Problem(Position(name_of(path)), message.format(where), hint)])
        return site, given | settled, vocabulary
