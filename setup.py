"""Compiles what the bundled specifications need while the package is built. All else is in pyproject.toml."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

KEPT = Path("mipcheck", "kept")


class Build(build_py):
    """Adds `mipcheck/kept`, see `checker/cli/precompile.py`. The package is complete without it where that fails."""

    def run(self):
        super().run()
        kept = Path(self.build_lib).resolve() / KEPT
        kept.mkdir(mode=0o755, parents=True, exist_ok=True)
        for old in kept.iterdir():
            old.unlink()
        with tempfile.TemporaryDirectory() as folder:
            # The package as it is going to be: an editable build has no copy of it.
            for there, here in self.get_output_mapping().items():
                copy = Path(folder, Path(there).resolve().relative_to(Path(self.build_lib).resolve()))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(here, copy)
            command = [sys.executable, "-m", "mipcheck.checker.cli.precompile"]
            environment = os.environ | {"PYTHONPATH": os.pathsep.join([folder, *sys.path]), "MIPCHECK_CACHE": str(kept)}
            if subprocess.run(command, env=environment, check=False).returncode:
                self.warn("nothing was compiled: the first run of mipcheck on a long file will take longer")

    def get_outputs(self, include_bytecode=1):
        kept = Path(self.build_lib, KEPT)
        return [*super().get_outputs(include_bytecode), *map(str, kept.glob("*"))]


class Native(Distribution):
    """A wheel that carries native code is one for the platform and the interpreter that it was compiled for."""

    def has_ext_modules(self):
        return True


def packages():
    """Every folder with an `__init__.py`: a package that was forgotten here would be missing from an installation."""
    inner = [path.parent for top in ("model", "checker") for path in sorted(Path(top).rglob("__init__.py"))]
    names = [".".join(("mipcheck", *folder.parts)) for folder in inner if folder != Path("checker/api")]
    return ["mipcheck", *names, "mipcheck.specs", "mipcheck.traces"]


setup(cmdclass={"build_py": Build}, distclass=Native, packages=packages())
