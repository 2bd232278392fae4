"""An independent judge of mobile nodes, a simulator of such nodes, and a comparison of that judge with mipcheck.

The judge is written from the draft's text alone. It shares nothing with the specifications or with the checker: where
the two disagree, one of them has misread the draft.
"""
