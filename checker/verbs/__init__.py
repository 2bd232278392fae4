"""The verbs of the command line but for `fleet`.

`NAME.py` is a verb: its options (`arguments`) and how it is run (`run`). It imports nothing heavy, so that `--help` is
quick; what the verb does stands in files `NAME_*.py` beside it, or in the rooms below. `cli/cli.py` has a line for it.
"""
