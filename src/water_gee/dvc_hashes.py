"""The hash by which DVC knows a folder."""

from pathlib import Path


def dvc_hash(root: Path, folder: Path) -> str:
    """Return the MD5 and `.dir` by which DVC knows a folder below `root`.

    It is made from the files, not read from `dvc.lock`, which may be older than they are. DVC's own state database
    remembers the hash of each file that has not changed since.
    """
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db import HashFileDB
    from dvc_data.hashfile.state import State
    from dvc_objects.fs import LocalFileSystem

    system, hidden = LocalFileSystem(), root.resolve() / "mlartifacts" / ".hashes"
    state = State(root_dir=str(root.resolve()), tmp_dir=str(hidden))
    try:
        store = HashFileDB(system, str(hidden), state=state)  # a dry run stores nothing there
        return str(build(store, str(folder.resolve()), system, "md5", dry_run=True)[2].hash_info.value)
    finally:
        state.close()
