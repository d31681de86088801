#!/usr/bin/env python3
"""Malformed frames and messages beside a conversation that must not notice: scripts/fuzz_gateway.py [--messages 10000]"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import sessions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    sessions.add_arguments(parser)
    parser.set_defaults(rows=["fuzz"])
    return sessions.run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
