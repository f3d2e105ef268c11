"""Small file systems of their own, which can be filled without harm to others. Mounting needs root."""

import contextlib
import os
import subprocess
import sys


@contextlib.contextmanager
def mounted(path, megabytes):
    """An empty file system at `path`; ends the test as skipped where that is not allowed."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
    try:
        tried = subprocess.run(mount, capture_output=True, text=True, check=False)
        reason = tried.stderr.strip() if tried.returncode else ""
    except OSError as error:
        reason = str(error)
    if reason:
        print(f"skipped: a file system cannot be mounted here ({reason})")
        sys.exit(0)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=False)


def free_bytes(path):
    space = os.statvfs(path)
    return space.f_bavail * space.f_frsize


def fill(path, leave):
    """Takes all space of the file system but so many bytes."""
    with open(path, "ab") as ballast:
        while (room := free_bytes(path.parent) - leave) > 0:
            try:
                ballast.write(b"\0" * min(room, 1 << 20))
                ballast.flush()
            except OSError:
                break
