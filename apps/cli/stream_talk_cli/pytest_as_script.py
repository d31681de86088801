"""pytest as its own script starts it. `python -m pytest` puts the working directory first among the import paths: there a package's `tests`
would hide every other module of that name."""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this file's directory
    try:
        import pytest
    except ModuleNotFoundError:
        sys.exit(f"pytest is not installed for {sys.executable}; run: {sys.executable} -m pip install pytest")
    sys.exit(pytest.main())
