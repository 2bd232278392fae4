"""An independent judge of mobile nodes, a simulator of such nodes, and a comparison of that judge with mipcheck.

The judge is written from the draft's text alone. It shares nothing with the specifications or with the checker: where
the two disagree, one of them has misread the draft.

Compared on 2026-11-29 with one text of draft-01.spec: seeds 50001 to 70000, conforming and faulty, in both ways of
reading, which never differed. Six disagreements, all settled in the judge (see `test_settled.py`): 54515, 56637, 58992,
60431, 65830 and 68290. Before that, each with the text of its hour: seeds 1 to 20000 of both, 20001 to 30000 conforming
and 20001 to 29750 faulty, 30001 to 33750 and 40001 to 40250 of both; all settled. `cases/` holds logs, and
`test_capture_cases.py` captures, written by hand, with the verdicts that the texts give them.
"""
