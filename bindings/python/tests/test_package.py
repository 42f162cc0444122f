"""The package as a whole: versions, completeness, types, and what it says when its native module is missing or another one."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

import dsk

PACKAGE = Path(dsk.__file__).parent


def run(*argv: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(a) for a in argv], env={**os.environ, **variables}, capture_output=True, text=True)


def test_versions() -> None:
    version = (ROOT / "VERSION").read_text(encoding="utf-8").split()[0]
    assert dsk.__version__ == dsk.library_version() == version
    header = (ROOT / "include/dsk/base.h").read_text(encoding="utf-8")
    abi = re.search(r"#define DSK_ABI_VERSION (\d+)", header)
    assert abi and int(abi[1]) == dsk._version.ABI_VERSION  # pyright: ignore[reportAttributeAccessIssue]


def test_every_exported_function_is_offered() -> None:
    done = run(sys.executable, ROOT / "bindings/coverage.py")  # of Python, Go and Java
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_is_documented() -> None:
    for name in dir(dsk):
        if not name.startswith("_"):
            assert (getattr(dsk, name).__doc__ or "").strip(), name


def test_types() -> None:
    assert (PACKAGE / "py.typed").is_file()
    done = run(sys.executable, "-m", "pyright", "-p", ROOT, "--pythonpath", sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr


def copy_without_native(folder: Path) -> None:
    shutil.copytree(PACKAGE, folder / "dsk", ignore=shutil.ignore_patterns("*.so", "__pycache__"))


def test_a_missing_native_module_is_one_sentence(tmp_path: Path) -> None:
    copy_without_native(tmp_path)
    other = tmp_path / "elsewhere"
    done = run(sys.executable, "-c", "import dsk", PYTHONPATH=str(tmp_path), DSK_PYTHON_NATIVE=str(other))
    assert done.returncode == 1
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("ImportError")]
    for part in (f"dsk {dsk.__version__} needs", "ABI 1", str(other), str(tmp_path / "dsk"), "no such file"):
        assert part in sentence


def test_a_native_module_that_is_none(tmp_path: Path) -> None:
    copy_without_native(tmp_path)
    (tmp_path / "dsk/_native.abi3.so").write_bytes(b"not a library" * 100)
    done = run(sys.executable, "-c", "import dsk", PYTHONPATH=str(tmp_path), DSK_PYTHON_NATIVE="")
    assert done.returncode == 1 and "invalid ELF header" in done.stderr.splitlines()[-1]


def test_a_native_module_of_another_version_is_named_with_both(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "dsk", ignore=shutil.ignore_patterns("__pycache__"))
    version = tmp_path / "dsk/_version.py"
    version.write_text('__version__ = "0.2.0"\nABI_VERSION = 2\n', encoding="utf-8")
    native = dsk._loader.native.__file__  # pyright: ignore[reportAttributeAccessIssue]
    done = run(sys.executable, "-c", "import dsk", PYTHONPATH=str(tmp_path), DSK_PYTHON_NATIVE=str(Path(native).parent))
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "dsk 0.2.0 needs the native library of libdsk 0.2, ABI 2" in last
    assert f"holds libdsk {dsk.__version__}, ABI 1" in last


def test_the_wheel() -> None:
    wheels = sorted(PACKAGE.parents[1].glob("wheel/dsk-*.whl"))
    if not wheels:
        pytest.skip(f"no wheel beside {PACKAGE.parent}: the package is used from its sources")
    (wheel,) = wheels
    assert wheel.name.startswith(f"dsk-{dsk.__version__}-cp310-abi3-") and wheel.stat().st_size <= 10_000_000
    names = zipfile.ZipFile(wheel).namelist()
    assert "dsk/_native.abi3.so" in names and "dsk/py.typed" in names and not any("test" in n for n in names)


@pytest.mark.parametrize("version", ["3.10", "3.12", "3.13"])
def test_the_one_module_serves_other_pythons(version: str) -> None:
    own = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [*map(str, own.glob(f"{version}.*/bin/python{version}")), shutil.which(f"python{version}")]
    python = next((p for p in found if p and run(p, "-c", "").returncode == 0), None)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    done = run(python, "-c", "import dsk; print(len(dsk.catalog.names('device')))", PYTHONPATH=str(PACKAGE.parent))
    assert done.returncode == 0 and int(done.stdout) == len(dsk.catalog.names("device")), done.stderr
