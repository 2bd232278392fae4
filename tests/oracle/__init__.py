"""An independent judge of mobile nodes, a simulator of such nodes, and a comparison of that judge with mipcheck.

The judge is written from the draft's text alone. It shares nothing with the specifications or with the checker: where
the two disagree, one of them has misread the draft.

Compared on 2026-11-29, with the specification of that day: faulty nodes, seeds 12001 to 16000, no disagreement;
conforming nodes, seeds 12001 to 15000, one, which is open: 13907 (where t_stop is over since the first copy of what was
accepted, but not since the last, it is untold whether the x-HA may be asked; P3 allows it). Before its last changes
(copies of accepted requests, an x-HA that answers late, addresses after a gap): conforming nodes, seeds 1 to 5750 and
11001 to 11750, none; faulty nodes, seeds 1 to 2000 and 11001 to 11500, two, and 12001 to 15000, three, of the first two
of these kinds. What was settled is in `test_settled.py`.
"""
