"""The TEN app: `python main.py -- --graph X`, `tman run start -- --graph X` and `stream-talk run X` mean the same."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SYSTEM = ROOT / "ten_packages" / "system"
# TEN's native runtime comes first where it is installed. In an installed wheel none of these directories exists, nor is it needed.
IMPORT_DIRS = [
    SYSTEM / "ten_runtime_python" / "lib",
    SYSTEM / "ten_runtime_python" / "interface",
    SYSTEM / "ten_runtime_embedded" / "interface",
    SYSTEM / "stream_talk" / "interface",
    ROOT / "apps" / "cli",
]


def run(arguments: list[str]) -> int:
    sys.path[:0] = [str(directory) for directory in IMPORT_DIRS if directory.is_dir()]
    try:
        from stream_talk_cli.main import main
    except ImportError as error:
        print(f"{error.name or error} is not installed for {sys.executable}; run: pip install {ROOT}", file=sys.stderr)
        return 1
    return main(["run", *(arguments[1:] if arguments[:1] == ["--"] else arguments)])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
