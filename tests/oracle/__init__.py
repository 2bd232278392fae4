"""An independent judge of mobile nodes, a simulator of such nodes, and a comparison of that judge with mipcheck.

The judge is written from the draft's text alone. It shares nothing with the specifications or with the checker: where
the two disagree, one of them has misread the draft.

Compared on 2026-11-29, each with the text of its hour: seeds 1 to 20000, conforming and faulty, three disagreements
(11812, 8513, 10759); then, in both ways of reading, 20001 to 30000 conforming (22757) and 20001 to 29750 faulty
(24571), and without any, 30001 to 33750 and 40001 to 40250 of both. All disagreements are settled since, in the judge
or in the specification: see `test_settled.py`. `cases/` holds logs, and `test_capture_cases.py` captures, written by
hand, with the verdicts that the texts give them.
"""
