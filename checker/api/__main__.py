"""`python -m mipcheck` is `mipcheck`, for where scripts are not on the path."""

import sys

from mipcheck.checker.cli.start import start

if __name__ == "__main__":
    sys.exit(start())
