"""The version of mipcheck."""

__version__ = "0.1.0"
