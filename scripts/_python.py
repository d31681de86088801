"""Finds a Python that is new enough. Kept in syntax that any Python 3 can read, so that it can say so."""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 10)
NEWEST_TESTED = (3, 13)


def _version_of(command):
    code = "import sys; print(sys.version_info[0], sys.version_info[1])"
    try:
        out = subprocess.check_output([command, "-c", code], stderr=subprocess.DEVNULL)
        major, minor = out.decode().split()
        return (int(major), int(minor))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return (0, 0)


def require(script):
    """Return when this Python will do; otherwise start `script` again with one that does, or say what to install."""
    if sys.version_info[:2] >= OLDEST:
        return
    for minor in range(NEWEST_TESTED[1], OLDEST[1] - 1, -1):
        command = shutil.which("python3.%d" % minor)
        if command and _version_of(command) >= OLDEST:
            os.execv(command, [command, script] + sys.argv[1:])
    sys.exit(
        "Stream-Talk needs Python %d.%d or newer; this is Python %d.%d (%s).\n"
        "Install one (macOS: brew install python; Debian and Ubuntu: apt install python3 python3-venv; Windows: "
        "winget install Python.Python.3.12) and run this again."
        % (OLDEST[0], OLDEST[1], sys.version_info[0], sys.version_info[1], sys.executable)
    )
