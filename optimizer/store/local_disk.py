"""Runs, their catalogue and their locks are kept on local disk: network file systems do not keep the promises they rest on."""

from __future__ import annotations

import re
from pathlib import Path

from optimizer.errors import ConfigError

_PLAIN = {"afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
_FUSE = {"fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
NETWORK = frozenset(_PLAIN | _FUSE)
MOUNTS = Path("/proc/self/mountinfo")


def check_local(folder: Path, mounts: Path = MOUNTS) -> None:
    """Refuses a folder on a network file system: renames and locks may fail there without a word.

    Where the system does not tell (no /proc), nothing is refused.

    Raises:
      ConfigError: the folder, or the nearest one above it that is there, lies on a network file system.
    """
    kind = file_system(folder, mounts)
    if kind in NETWORK:
        rule = "must be on local disk: locks and renames of a network file system cannot be trusted"
        raise ConfigError("output.folder", rule, f"{folder} ({kind})", "Name a folder on local disk and copy finished runs from there.")


def file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Type of the file system that holds the folder, as the kernel names it; None where the system does not tell.

    Example: "ext4"
    """
    if not mounts.is_file():
        return None
    place, found, longest = folder.absolute().resolve(), None, -1
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4]))
        depth = len(point.parts)
        if place.is_relative_to(point) and depth >= longest:  # of two mounts on one point the later covers the earlier
            found, longest = after.split()[0], depth
    return found
