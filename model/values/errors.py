"""The exceptions of mipcheck, under one base: a script catches them all by `except mipcheck.Error`.

    MipcheckError                         anything that mipcheck raises of itself
      UserError                           what was given cannot be used; the message says why, and what to do
        UsageError (and ValueError)       an option, or an argument of a function
        ParameterError (and ValueError)   a parameter of the specification, or its value
        SpecError                         a specification
        InputError                        a log or a site: `problems`, each with its place
        CaptureError (and ValueError)     a capture
      ValueSyntaxError (and ValueError)   a word;     whoever reads the file around it says where it stands,
      LineError                           a line of a log;                        by one of the errors above
      SiteError (and ValueError)          a key of a site
      SourceError (and ValueError)        a word of what a source shows
      SpanError (and ValueError)          an end of a span of time
      RoleError (and ValueError)          a role
      PatternError (and ValueError)       a pattern of a map
      StampError (and ValueError)         a stamp of another program's log
      MapNameError (and ValueError)       a map that nobody has
      UnusableKey (and ValueError)        a key of IPsec
      Untold (and ValueError)             an access mode whose octets the specification does not tell
      TooMuch (and ValueError)            more interfaces or nodes than are followed
      TooManyEntries                      a property that speaks of more entries of a table than a proof follows
      Malformed                           a text that is no certificate of a proof; the property is proved anew
      Unreadable                          a formula of a certificate; likewise
      Unfollowed                          a script of a certificate; likewise
      NativeError                         code that cannot be compiled; Python does the work instead
      DiverseError                        a capture of which columns make nothing; it is read frame by frame instead
      UndecidedError                      a device's capture whose packets have to be seen in full; likewise
      CaptureGrows                        what is followed turns out to be a capture; it is judged in rounds instead
      ClusterLost                         a cluster that has gone, with files unchecked
      WorkerLost                          a worker of a fleet that has died
      Died                                a process apart that has ended before its work was done
      TimeOver                            a file of a fleet that has taken too long
      OddFinding (and ValueError)         a text that a fleet kept and that is no findings of a file
      OtherVersion                        a worker with another mipcheck than the one that asks
      Unsaid (and ValueError)             a formula about parameters that the language has no words for
      Unwritten (and ValueError)          a proof that SMT-LIB has no words for: a fault of mipcheck
      Disagreement (and RuntimeError)     prover and observer contradict each other: a fault of mipcheck

Only a UserError is for who runs a command. Where any other reaches the command line, or anything that is no
MipcheckError does, mipcheck itself is at fault.
"""

from __future__ import annotations

from typing import ClassVar, Final

WRONG_INPUT: Final = 2
INCONCLUSIVE: Final = 3
INTERNAL_ERROR: Final = 4
INTERRUPTED: Final = 130
"""What a shell reports of a command that was interrupted."""


class MipcheckError(Exception):
    """The base of all errors. `exit_code` is what the command exits with where nothing catches the error."""

    exit_code: ClassVar[int] = INTERNAL_ERROR


class UserError(MipcheckError):
    """The base of what is wrong with a command line, a specification or an input, and not with mipcheck."""

    exit_code: ClassVar[int] = WRONG_INPUT
