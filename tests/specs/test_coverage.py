"""Every line of the documents that carries a word of RFC 2119 is in the catalogue, at the level of that word."""

from __future__ import annotations

import pytest
from mipcheck.checker.verbs.requirements_catalogue import requirements
from mipcheck.model.specification.load import load

LINES = {
    "draft-01": {
        "MUST": [
            588, 591, 602, 605, 644, 646, 704, 706, 755, 757, 796, 798, 822, 824, 864, 866, 874, 875,
            940, 958, 972, 977, 993, 996, 1001, 1012, 1016, 1045, 1070, 1085, 1092, 1095, 1102, 1104,
            1106, 1107, 1151, 1155, 1179, 1196, 1199, 1238, 1298, 2259, 2288, 2317, 2319, 2321, 2324,
            2339, 2340, 2381, 2848,
        ],
        "SHOULD": [
            470, 595, 609, 1028, 1094, 1099, 1252, 1277, 2298, 2383, 2563,
        ],
        "MAY": [
            1086, 1132, 1154, 1165, 1257, 1281, 1304, 1553, 2271,
        ],
    },
    "rfc5265": {
        "MUST": [
            331, 660, 663, 684, 687, 740, 768, 834, 852, 854, 880, 887, 894, 918, 940, 944, 946, 959,
            968, 1027, 1035, 1041, 1043, 1044, 1108, 1111, 1117, 1157, 1160, 1249, 1254, 1258, 1270,
            1278, 1305, 1309, 1313,
        ],
        "SHOULD": [
            332, 713, 764, 774, 775, 933, 991, 1035, 1038, 1061, 1141, 1260, 1263, 1266, 1280, 1283,
            1297, 1311,
        ],
        "MAY": [
            332, 700, 753, 870, 1029, 1116, 1135, 1445,
        ],
    },
}  # fmt: skip
"""Found with grep in the texts; 73 lines of the draft, one of them with two words."""

BINDING = {
    "draft-01": [(1110, 1112), (620, 651), (678, 711), (738, 757), (762, 801), (805, 824), (829, 869), (653, 663),
                 (713, 731), (2326, 2369), (2383, 2392), (2534, 2544), (2580, 2584), (2652, 2662), (2472, 2480),
                 (873, 884)],
}  # fmt: skip
"""What binds without such a word: one home agent, the modes' steps, fallback, B.5, B.6, C, D.2, 3.9."""


@pytest.mark.parametrize(("spec", "level"), [(s, level) for s, lines in LINES.items() for level in lines])
def test_every_line_is_in_the_catalogue(spec: str, level: str) -> None:
    covered = {
        line
        for r in requirements(load(spec))
        if r.level == level
        for first, last in r.lines
        for line in range(first, last + 1)
    }
    assert [line for line in LINES[spec][level] if line not in covered] == []


@pytest.mark.parametrize(("spec", "first", "last"), [(s, *lines) for s, all_ in BINDING.items() for lines in all_])
def test_what_binds_without_a_word_is_in_the_catalogue(spec: str, first: int, last: int) -> None:
    entries = [r for r in requirements(load(spec)) if any(a <= last and b >= first for a, b in r.lines)]
    assert entries
    assert all(r.by or r.reason for r in entries)


@pytest.mark.parametrize("spec", LINES)
def test_every_citation_names_lines_of_the_own_document(spec: str) -> None:
    loaded = load(spec)
    cited = [(statement.id, c) for statement in loaded.statements.values() for c in statement.cite]
    for machine in loaded.machines():
        cited += [(rule.id, c) for rule in machine.rules.values() for c in rule.cite]
        cited += [(claim.name, c) for claim in machine.properties.values() for c in claim.cite]
    assert [(name, c) for name, c in cited if c.document] == []
