"""An independent judge of mobile nodes, a simulator of such nodes, and a comparison of that judge with mipcheck.

The judge is written from the draft's text alone. It shares nothing with the specifications or with the checker: where
the two disagree, one of them has misread the draft.

Compared on 2026-11-29, with the specification of that day: conforming nodes, seeds 1 to 2500 and 11001 to 11750 (and,
before its last changes, 1 to 5750), no disagreement; faulty nodes, seeds 1 to 2000 and 11001 to 11500, two, which are
open: 11133 (is P1 owed where the x-HA first answers after the detection period?) and 11187 (does a copy of an accepted
request meet M1?). Those settled before are in `test_settled.py`.
"""
