"""Puts the native library into the package: that of LTLM_LIBRARY, or one that Cargo builds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

NAMES = {"darwin": "libltlm.dylib", "win32": "ltlm.dll"}
NAME = NAMES.get(sys.platform, "libltlm.so")


def library() -> Path:
    """The library to put in."""
    given = os.environ.get("LTLM_LIBRARY")
    if given:
        return Path(given)
    root = Path(__file__).resolve().parents[2]
    subprocess.run(["cargo", "build", "--package", "ltlm-ffi", "--profile", "client"], cwd=root, check=True)
    return root / "target" / "client" / NAME


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        shutil.copyfile(library(), Path(self.build_lib) / "ltlm" / NAME)


class Platform(Distribution):
    """It holds a native library, so it is not for every platform."""

    def has_ext_modules(self) -> bool:
        return True


class AnyPython(bdist_wheel):
    """But the library does not depend on Python."""

    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": AnyPython}, distclass=Platform)
