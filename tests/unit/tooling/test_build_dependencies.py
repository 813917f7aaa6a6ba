"""Which files of an installation ship."""

from __future__ import annotations

from pathlib import Path

from builder.dependencies import read_shipped_files

INSTALLED = [
    ".lock",
    "bin/jp.py",
    "greeting/__init__.py",
    "greeting/__pycache__/x.cpython-313.pyc",
    "greeting/_speedups.c",
    "greeting/data/words.json",
    "greeting/examples/hello.py",
    "greeting/py.typed",
    "greeting/tests/test_x.py",
    "greeting-1.0.dist-info/INSTALLER",
    "greeting-1.0.dist-info/METADATA",
    "greeting-1.0.dist-info/NOTICE",
    "greeting-1.0.dist-info/RECORD",
    "greeting-1.0.dist-info/direct_url.json",
    "greeting-1.0.dist-info/licenses/LICENSE.txt",
    "six.py",
    "six.pyi",
    "speedups.cpython-313-aarch64-linux-gnu.so",
]


def test_shipped_files_are_code_data_and_licences(tmp_path: Path) -> None:
    for name in INSTALLED:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())

    assert list(read_shipped_files(tmp_path)) == [
        (name, name.encode())
        for name in [
            "greeting/__init__.py",
            "greeting/data/words.json",
            "greeting-1.0.dist-info/METADATA",
            "greeting-1.0.dist-info/NOTICE",
            "greeting-1.0.dist-info/licenses/LICENSE.txt",
            "six.py",
            "speedups.cpython-313-aarch64-linux-gnu.so",
        ]
    ]


def test_empty_installation_ships_nothing(tmp_path: Path) -> None:
    assert list(read_shipped_files(tmp_path)) == []
