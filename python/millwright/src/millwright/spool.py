"""Records on local disk until somebody has taken them, in order.

A spool is a folder that one process writes; `flock` on its file `owner` says that the process lives. Records lie in
numbered segments: 8 bytes of magic, then frames of (length, CRC-32, JSON). A frame that is torn or damaged ends its
segment: what was appended is on disk when `append` returns, so only an append that never returned can be torn. The file
`taken` names the next record; it is replaced by renaming and may be older than the truth, never newer: records can come
twice, which their receiver takes as once. Thread-safe.
"""
import fcntl
import json
import os
import shutil
import struct
import threading
import time
import uuid
import zlib
from pathlib import Path

MAGIC = b"MWSPOOL1"
FRAME = struct.Struct("<II")
SEGMENT_BYTES = 8 << 20
RECORD_BYTES_MAX = 64 << 20
LIMIT_BYTES = 1 << 30


class Full(Exception):
    """The spool has reached its limit, or the disk has."""


class Spool:
    """One process's records. `limit` bounds records and kept files; what is not droppable may pass it by a quarter."""

    def __init__(self, folder, limit=LIMIT_BYTES):
        self.folder, self.limit = Path(folder), limit
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._owner = owned(self.folder / "owner")
        self._lock = threading.RLock()
        self._file, self._taken = None, self._read_taken()
        self._bytes = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        numbers = self._segments()
        self._next = max([self._taken[0], *[number + 1 for number in numbers]])
        self._pending = sum(1 for _ in self.waiting())

    # ---- writing

    def append(self, records, droppable=False):
        """Durable when it returns. Raises Full."""
        frames = b"".join(self._frame(record) for record in records)
        with self._lock:
            if self._bytes + len(frames) > (self.limit if droppable else self.limit * 5 // 4):
                raise Full(f"{self.folder} has reached {self.limit} bytes")
            try:
                self._write(frames)
            except OSError as error:
                self._abandon_segment()
                raise Full(f"{self.folder}: {error.strerror}") from error
            self._bytes += len(frames)
            self._pending += len(records)

    @staticmethod
    def _frame(record):
        body = json.dumps(record, separators=(",", ":")).encode()
        if len(body) > RECORD_BYTES_MAX:
            raise Full(f"a record of {len(body)} bytes is more than {RECORD_BYTES_MAX}")
        return FRAME.pack(len(body), zlib.crc32(body)) + body

    def _write(self, frames):
        if self._file is None or self._file.tell() > SEGMENT_BYTES:
            self._open_segment()
        self._write_all(frames)
        os.fdatasync(self._file.fileno())

    def _open_segment(self):
        self._abandon_segment()
        self._file = open(self._path(self._next), "xb", buffering=0)
        self._next += 1
        self._write_all(MAGIC)
        sync_folder(self.folder)

    def _write_all(self, data):
        """Past every buffer: what could not be written must not come later by itself."""
        while data:
            data = data[self._file.write(data):]

    def _abandon_segment(self):
        """After a failed write nobody knows where its frames end: the next ones begin a segment of their own."""
        file, self._file = self._file, None
        if file:
            file.close()

    def keep_file(self, source):
        """Copies a file into the spool, durably; its name there. Raises Full."""
        name = f"file-{uuid.uuid4().hex}"
        size = os.path.getsize(source)
        with self._lock:
            if self._bytes + size > self.limit:
                raise Full(f"{self.folder} has reached {self.limit} bytes")
            self._bytes += size
        try:
            shutil.copyfile(source, self.folder / name)
            with open(self.folder / name, "rb") as copied:
                os.fsync(copied.fileno())
        except OSError as error:
            (self.folder / name).unlink(missing_ok=True)
            with self._lock:
                self._bytes -= size
            raise Full(f"{self.folder}: {error.strerror}") from error
        return name

    # ---- reading and taking

    @property
    def pending(self):
        return self._pending

    def waiting(self):
        """(place, record) of everything that was not taken, in order; `take(place)` what has arrived."""
        with self._lock:
            start, numbers = self._taken, self._segments()
        for number in numbers:
            if number >= start[0]:
                yield from self._read_segment(number, start[1] if number == start[0] else 0)

    def _read_segment(self, number, skip):
        try:
            file = open(self._path(number), "rb")
        except FileNotFoundError:
            return
        with file:
            if file.read(len(MAGIC)) != MAGIC:
                return
            for index, record in enumerate(frames_of(file)):
                if index >= skip:
                    yield (number, index + 1), record

    def take(self, place, count=1):
        """Everything up to `place`, `count` records, has arrived: whole segments and their files go."""
        with self._lock:
            self._taken = place
            self._pending = max(0, self._pending - count)
            if self._pending == 0 and self._file:
                self._abandon_segment()
                self._taken = (self._next, 0)
            try:
                temporary = self.folder / "taken.new"
                temporary.write_text(json.dumps(self._taken))
                temporary.replace(self.folder / "taken")
            except OSError:
                pass  # the disk is full: what goes now makes room, and older than the truth it may be
            for number in self._segments():
                if number < self._taken[0]:
                    self._remove(self._path(number))

    def drop_file(self, name):
        with self._lock:
            self._remove(self.folder / name)

    def close(self):
        """Lets somebody else take it over; the folder goes when nothing waits in it."""
        with self._lock:
            self._abandon_segment()
            if self._pending == 0:
                shutil.rmtree(self.folder, ignore_errors=True)
            self._owner.close()

    def _remove(self, path):
        try:
            self._bytes -= path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            pass

    def _read_taken(self):
        try:
            number, index = json.loads((self.folder / "taken").read_text())
            return int(number), int(index)
        except (OSError, ValueError, TypeError):
            return 0, 0

    def _segments(self):
        return sorted(int(path.stem) for path in self.folder.glob("*.seg"))

    def _path(self, number):
        return self.folder / f"{number:010}.seg"


def frames_of(file):
    """The records of an open segment, up to the first frame that is torn or damaged."""
    while len(head := file.read(FRAME.size)) == FRAME.size:
        length, checksum = FRAME.unpack(head)
        if length > RECORD_BYTES_MAX:
            return
        body = file.read(length)
        if len(body) < length or zlib.crc32(body) != checksum:
            return
        yield json.loads(body)


def owned(path):
    """The open file, locked as long as it is open. Raises OSError when somebody else holds it."""
    file = open(path, "a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_spool(root, limit=LIMIT_BYTES):
    """A spool of this process below `root`; names sort by age. Nobody takes it for an orphan before it is locked."""
    name = f"{time.time_ns():020}-{os.getpid()}"
    spool = Spool(Path(root) / f"new-{name}", limit)
    spool.folder = spool.folder.rename(Path(root) / name)
    return spool


def orphans(root):
    """The spools below `root` whose process is gone, oldest first, taken over by the caller."""
    for folder in sorted(Path(root).glob("[0-9]*-*")):
        try:
            yield Spool(folder)
        except OSError:  # its owner lives, or somebody else was faster
            continue
