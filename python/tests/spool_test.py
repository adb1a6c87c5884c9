"""The spool: what was appended is there, in order, whatever happened to its process or its last bytes."""
import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

from support import SOURCES, Case

from millwright import spool as module
from millwright.spool import Full, Spool, new_spool, orphans

WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from millwright.spool import new_spool
spool = new_spool(sys.argv[2])
number = 0
while True:
    spool.append([{"n": number, "text": "x" * (number % 700)}])
    print(number, flush=True)
    number += 1
"""


def numbers(spool):
    return [record["n"] for _, record in spool.waiting()]


class SpoolTest(Case):
    def reopened(self, spool):
        """As after the end of its process."""
        spool._owner.close()
        if spool._file:
            spool._file.close()
        again = Spool(spool.folder)
        self.addCleanup(again.close)
        return again

    def test_order_and_taking(self):
        spool = Spool(self.folder / "a")
        for number in range(0, 100, 4):
            spool.append([{"n": number + more} for more in range(4)])
        self.assertEqual(numbers(spool), list(range(100)))
        self.assertEqual(spool.pending, 100)
        for count, (place, _) in enumerate(spool.waiting(), 1):
            spool.take(place)
            if count == 37:
                break
        again = self.reopened(spool)
        self.assertEqual(numbers(again), list(range(37, 100)))
        self.assertEqual(again.pending, 63)

    def test_segments_go_when_taken(self):
        with mock.patch.object(module, "SEGMENT_BYTES", 500):
            spool = Spool(self.folder / "a")
            for number in range(200):
                spool.append([{"n": number}])
            self.assertGreater(len(list(spool.folder.glob("*.seg"))), 5)
            for place, _ in spool.waiting():
                spool.take(place)
            self.assertEqual(list(spool.folder.glob("*.seg")), [])
            spool.append([{"n": 7}])
            self.assertEqual(numbers(self.reopened(spool)), [7])

    def test_every_torn_end(self):
        """Cut at every byte of the last frame: the others are there, and what comes after."""
        spool = Spool(self.folder / "a")
        spool.append([{"n": 1}, {"n": 2}])
        path = next(spool.folder.glob("*.seg"))
        whole = path.read_bytes()
        spool.append([{"n": 3}])
        longer = path.read_bytes()
        for cut in range(len(whole), len(longer)):
            path.write_bytes(longer[:cut])
            again = self.reopened(spool)
            again.append([{"n": 4}])
            self.assertEqual(numbers(again), [1, 2, 4])
            list(again.folder.glob("*.seg"))[-1].unlink()
            (again.folder / "0000000001.seg").unlink(missing_ok=True)
            path.write_bytes(longer)
            spool = again

    def test_every_damaged_byte(self):
        """Never a record that was not appended; nothing raised."""
        spool = Spool(self.folder / "a")
        spool.append([{"n": 1}, {"n": 2}])
        path = next(spool.folder.glob("*.seg"))
        whole = path.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 0x41
            path.write_bytes(damaged)
            again = self.reopened(spool)
            self.assertIn(numbers(again), ([], [1], [1, 2]))
            spool = again

    def test_limit(self):
        spool = Spool(self.folder / "a", limit=1000)
        with self.assertRaises(Full):
            for number in range(1000):
                spool.append([{"n": number}], droppable=True)
        kept = spool.pending
        spool.append([{"n": -1}])
        self.assertEqual(numbers(spool), [*range(kept), -1])
        with self.assertRaises(Full):
            for _ in range(1000):
                spool.append([{"n": -2}])

    def test_disk_full(self):
        spool = Spool(self.folder / "a")
        spool.append([{"n": 1}])
        with mock.patch.object(module.os, "fdatasync", side_effect=OSError(28, "No space left on device")):
            with self.assertRaises(Full):
                spool.append([{"n": 2}])
        spool.append([{"n": 3}])
        self.assertEqual(numbers(self.reopened(spool))[-1], 3)

    def test_segment_that_cannot_be_written_whole(self):
        """What was written in part is nobody's record, also when it is closed and there is room again."""
        spool = Spool(self.folder / "a")
        spool.append([{"n": 1}])
        whole = Spool._write_all

        def half(self, data):
            whole(self, data[:len(data) // 2])
            raise OSError(28, "No space left on device")
        for _ in range(3):
            with mock.patch.object(Spool, "_write_all", half), self.assertRaises(Full):
                spool.append([{"n": 2}])
        spool.append([{"n": 3}])
        self.assertEqual(numbers(self.reopened(spool)), [1, 3])

    def test_full_disk_is_emptied(self):
        """Though not even what was taken can be written down."""
        spool = Spool(self.folder / "a")
        for number in range(3):
            spool.append([{"n": number}])
        with mock.patch.object(module.Path, "write_text", side_effect=OSError(28, "No space left on device")):
            for place, _ in spool.waiting():
                spool.take(place)
        self.assertEqual((spool.pending, list(spool.folder.glob("*.seg"))), (0, []))
        source = self.folder / "source"
        source.write_bytes(b"data")
        before = spool._bytes
        with mock.patch.object(module.shutil, "copyfile", side_effect=OSError(28, "No space left on device")):
            self.assertRaises(Full, spool.keep_file, source)
        self.assertEqual(spool._bytes, before)

    def test_orphans(self):
        root = self.folder / "root"
        living = new_spool(root)
        living.append([{"n": 1}])
        self.assertEqual(list(orphans(root)), [])
        living._owner.close()
        found = list(orphans(root))
        self.assertEqual([numbers(spool) for spool in found], [[1]])
        for place, _ in found[0].waiting():
            found[0].take(place)
        found[0].close()
        self.assertFalse(found[0].folder.exists())

    def test_files(self):
        source = self.folder / "source"
        source.write_bytes(b"data")
        spool = Spool(self.folder / "a", limit=100)
        name = spool.keep_file(source)
        source.unlink()
        self.assertEqual((spool.folder / name).read_bytes(), b"data")
        source.write_bytes(b"x" * 200)
        with self.assertRaises(Full):
            spool.keep_file(source)

    def test_killed_while_writing(self):
        """kill -9: whatever append had returned for is there, once, in order."""
        for round_number in range(10):
            root = self.folder / f"root{round_number}"
            process = subprocess.Popen([sys.executable, "-c", WRITER, SOURCES, root], stdout=subprocess.PIPE, text=True)
            printed = [int(process.stdout.readline()) for _ in range(20 + 37 * round_number)]
            os.kill(process.pid, signal.SIGKILL)
            printed += [int(line) for line in process.communicate()[0].splitlines() if line]
            spool, = orphans(root)
            there = numbers(spool)
            self.assertEqual(there, list(range(len(there))))
            self.assertGreaterEqual(len(there), len(printed))
            self.assertLessEqual(len(there), len(printed) + 1)
            spool.close()


if __name__ == "__main__":
    unittest.main()
