#!/usr/bin/env python3
"""Many conversations at once against a server of its own: scripts/load_gateway.py [--sessions 20 60] [--seconds 20]"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import sessions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    sessions.add_arguments(parser)
    parser.set_defaults(rows=["added", "stop", "concurrent", "idle"])
    return sessions.run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
