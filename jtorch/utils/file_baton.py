"""A file that only one process at a time has (`torch.utils.file_baton`)."""
from __future__ import annotations

import os
import time
import warnings


class FileBaton:
    """Whoever makes the file has the baton.

    lock_file_path      the file
    wait_seconds        how long `wait` sleeps before it looks again
    warn_after_seconds  after how long it warns, once
    """

    def __init__(self, lock_file_path: str | os.PathLike, wait_seconds: float = 0.1, warn_after_seconds: float | None = None) -> None:
        self.lock_file_path, self.wait_seconds, self.warn_after_seconds = lock_file_path, wait_seconds, warn_after_seconds
        self.fd: int | None = None

    def try_acquire(self) -> bool:
        """Make the file, unless somebody has.  Returns whether it was made."""
        try:
            self.fd = os.open(self.lock_file_path, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        return True

    def wait(self) -> None:
        """Wait until the file is gone."""
        start, warned = time.monotonic(), self.warn_after_seconds is None
        while os.path.exists(self.lock_file_path):
            time.sleep(self.wait_seconds)
            if not warned and self.warn_after_seconds is not None and time.monotonic() - start > self.warn_after_seconds:
                warned = True
                warnings.warn(f'Waited on lock file "{self.lock_file_path}" for {self.warn_after_seconds} seconds.', stacklevel=2)

    def release(self) -> None:
        """Remove the file."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        os.remove(self.lock_file_path)
