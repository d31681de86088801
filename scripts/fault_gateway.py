#!/usr/bin/env python3
"""Clients that vanish or read too slowly: scripts/fault_gateway.py [--cycles 5000]"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import sessions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    sessions.add_arguments(parser)
    parser.set_defaults(rows=["vanish", "slow"])
    return sessions.run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
