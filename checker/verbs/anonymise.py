"""`mipcheck anonymise CAPTURE -o OUT`: a capture that may be shown to others, with the same verdict."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mipcheck.checker.console import options
from mipcheck.checker.console.output import answering, warned, write

if TYPE_CHECKING:
    from mipcheck.checker.check.report import Report
    from mipcheck.checker.site.site import EspSa, MnHaKey, Site
    from mipcheck.checker.verbs.anonymise_names import Disguise
    from mipcheck.model.specification.spec import Spec

DESCRIPTION: Final = (
    "Write a capture with other addresses, names and payloads, so that a report of a fault can carry it. Addresses"
    " are replaced consistently, and prefixes by prefixes. The verdict is the same, which is checked: otherwise"
    " nothing is written."
)
EPILOG: Final = """\
With --config, the site file that goes with it is written beside it (OUT.toml), with new keys. Times, lengths,
ports, interfaces' names and what an identification says of the clock stay. What ESP hides is noise, but for what the
[[esp_sa]] keys open: that is written without encryption, authenticated by new keys.
"""
_OF_LOGS: Final = (
    "of a log, mipcheck shrink writes the few events that break a rule, in which addresses and names can be replaced by"
    " hand; mipcheck says whether the answer is still the same"
)
EXAMPLE: Final = "mipcheck anonymise traces/captures/inside.pcapng --config traces/captures/inside.toml -o shown.pcapng"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("capture", metavar="CAPTURE", help="a capture (pcap or pcapng) in a file")
    options.add_spec(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="write to OUT, whole or not at all (-: standard output)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the capture, and its site file if one was given; return 0.

    Raises UsageError where the verdict would be another one, and what reading the specification, the site and the
    capture raises.
    """
    from mipcheck.checker.check.readings import resolved
    from mipcheck.checker.console.errors import InputError, Problem, UsageError
    from mipcheck.checker.inputs.opening import OpenInput, goes_by, open_input
    from mipcheck.checker.inputs.settle import over_logs
    from mipcheck.checker.trace.vocabulary import vocabulary_of
    from mipcheck.model.values.event import Position

    if goes_by(args.capture) or not Path(args.output).parent.is_dir():
        raise UsageError("anonymise reads a file twice, which a pipe cannot be, and writes into a folder that is there")
    if args.output == "-" and args.config is not None:
        raise UsageError("with --config a site file is written beside OUT, so that OUT has to be a file")
    with open_input(args.capture) as stream:
        if OpenInput(args.capture, stream).kind != "capture":
            raise InputError([Problem(Position(args.capture), "is no capture", _OF_LOGS)])
    spec = warned(resolved(args.spec))
    words = options.parameters(args)
    site = over_logs(vocabulary_of(spec), args.config, words).site
    beside = f"{args.output}.toml"
    if args.config is not None and os.path.realpath(beside) in map(os.path.realpath, (args.capture, args.config)):
        raise UsageError(f"{beside} would overwrite an input")
    text = anonymise(args.capture, args.output, spec, site, args.config, secrets.token_bytes(32), words)
    if args.config is not None:
        write(text, beside)
    return 0


def anonymise(
    capture: str, output: str, spec: Spec, site: Site, config: str | None, secret: bytes, words: dict[str, str]
) -> str:
    """Write what stands for `capture` to `output`; return the site file that goes with it.

    `config` and the `words` of the command line are what `site` was read from. Raises UsageError, CaptureError,
    InputError.
    """
    from mipcheck.checker.check.check import check
    from mipcheck.checker.console.errors import UsageError
    from mipcheck.checker.inputs.opening import open_input
    from mipcheck.checker.site.site import keys_of
    from mipcheck.checker.verbs.anonymise_esp import DisguisedAssociations
    from mipcheck.checker.verbs.anonymise_file import rewrite
    from mipcheck.checker.verbs.anonymise_frames import Rewriter
    from mipcheck.checker.verbs.anonymise_messages import new_key
    from mipcheck.checker.verbs.anonymise_names import Disguise

    disguise = Disguise(secret)
    keys = [(key, replace(key, key=new_key(key, secret), home=disguise.address(key.home))) for key in site.mn_ha_keys]
    associations = DisguisedAssociations(site.esp_sas, secret)
    before = _essence(check(capture, spec=spec, config=config, parameters=words))
    parameters = {name: word for name, word in words.items() if name not in keys_of(spec.sites)}
    with tempfile.TemporaryDirectory() as folder:
        made, beside = Path(folder) / Path(capture).name, Path(folder) / "site.toml"
        rewriter = Rewriter(disguise, keys, associations)
        for rewriter.fragments.learning in (True, False):
            with made.open("wb") as file, open_input(capture) as stream:
                rewrite(stream, capture, file, rewriter)
            if not rewriter.fragments:
                break
        text = site_toml(site, disguise, [new for _, new in keys], associations.site())
        beside.write_text(text)
        after = _essence(check(made, spec=spec, config=beside, parameters=parameters))
        if before != after:
            what = ", ".join(k for k in before if before[k] != after[k])
            message = f"what was made of {capture} is judged in another way ({what}), so that nothing is written"
            raise UsageError(message)
        with made.open("rb") as source, answering(output) as target:
            shutil.copyfileobj(source, target)
    return text


def _essence(report: Report) -> dict[str, object]:
    """Return what of a report does not speak of addresses and names, by what it says."""
    found: dict[str, object] = {"verdict": report.verdict, "set aside": dict(report.set_aside)}
    found["events"] = [(i.events, i.frames, i.interfaces, len(i.holes)) for i in report.inputs]
    for rule in report.rules:
        found[rule.id] = (rule.status, rule.kept, rule.broken, rule.unknown)
    found["findings"] = [
        (v.rule, v.interface, v.time, v.at.frame, v.count, [b.at.frame for b in v.because])
        for v in (*report.violations, *report.warnings)
    ]
    return found


def site_toml(site: Site, disguise: Disguise, keys: list[MnHaKey], associations: list[EspSa]) -> str:
    """Return the site file that stands for a site, with these keys and security associations."""
    from ipaddress import IPv4Address

    def shown(address: int) -> str:
        return str(IPv4Address(disguise.address(address)))

    def upkeep(item: str) -> str:
        host, colon, port = item.rpartition(":")
        return f"{shown(int(IPv4Address(host)))}:{port}" if colon else item

    values: dict[str, object] = {"role": site.role, "boot": site.boot}
    values |= {name: shown(address) for name, address in site.addresses.items()}
    values |= {
        "fa": [shown(a) for a in site.fa],
        "internal": [str(disguise.network(n)) for n in site.internal],
        "tunnels": list(site.tunnels),
        "upkeep": [upkeep(u) for u in site.upkeep] or ["-"],
        "capabilities": sorted(site.capabilities),
    }
    lines = ["[site]", *(f"{name} = {json.dumps(value)}" for name, value in values.items() if value != [])]
    if site.parameters:
        lines += ["", "[parameters]", *(f"{name} = {json.dumps(word)}" for name, word in site.parameters.items())]
    for key in keys:
        lines += ["", "[[mn_ha_key]]", f'agent = "{key.agent}"', f"spi = {key.spi}", f'algorithm = "{key.algorithm}"']
        lines.append(f'key = "0x{key.key.hex()}"')
        if key.home:
            lines.append(f'home = "{IPv4Address(key.home)}"')
    for sa in associations:
        lines += ["", "[[esp_sa]]", f"spi = {sa.spi:#x}", f'encryption = "{sa.encryption}"']
        lines.append(f'integrity = "{sa.integrity}"')
        if sa.integrity_key:
            lines.append(f'integrity_key = "0x{sa.integrity_key.hex()}"')
    return "\n".join(lines) + "\n"
