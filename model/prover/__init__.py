"""A specification as a transition system in Z3, and what is asked of it."""

from mipcheck.model.prover.room import require_room

require_room()  # before any module here loads the library
