#!/usr/bin/env python3
"""Event files written by TensorBoard's own package, imported, and compared with what its own reader finds in them.

    tests/conformance/tensorboard_import.py

Scalars of both forms, histograms of both forms, texts; files that grow while they are followed, records cut off in the
middle, damaged ones. The package comes from PyPI (tensorboard_requirements.txt, into build/tensorboard).
"""
import json
import math
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from client_environment import run_within

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/crash"))
if __name__ == "__main__":
    run_within("tensorboard", Path(__file__).with_name("tensorboard_requirements.txt"))

import numpy  # noqa: E402
from tensorboard.backend.event_processing import event_accumulator  # noqa: E402
from tensorboard.compat.proto import event_pb2, histogram_pb2, summary_pb2  # noqa: E402
from tensorboard.plugins.histogram import metadata as histogram_metadata  # noqa: E402
from tensorboard.plugins.scalar import metadata as scalar_metadata  # noqa: E402
from tensorboard.plugins.text import metadata as text_metadata  # noqa: E402
from tensorboard.summary.writer.event_file_writer import EventFileWriter  # noqa: E402
from tensorboard.util import tensor_util  # noqa: E402

from crash_rounds import BIN, Platform, call, wait_for  # noqa: E402

START = 1_700_000_000.25


def event(step, summary):
    return event_pb2.Event(wall_time=START + step, step=step, summary=summary)


def old_scalar(tag, value):
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])


def old_histogram(tag, seed):
    histogram = histogram_pb2.HistogramProto(min=-1, max=seed + 1, num=6, sum=3, sum_squares=9,
                                             bucket_limit=[0, 1, seed + 1], bucket=[1, 2, 3])
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, histo=histogram)])


def tensor(tag, array, metadata):
    """A value as TensorFlow 2 and PyTorch write it."""
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(
        tag=tag, metadata=metadata, tensor=tensor_util.make_tensor_proto(array))])


def tensor_scalar(tag, array):
    return tensor(tag, array, scalar_metadata.create_summary_metadata("", ""))


def tensor_histogram(tag, values):
    counts, edges = numpy.histogram(values, bins=30)
    rows = numpy.stack([edges[:-1], edges[1:], counts], axis=1)
    return tensor(tag, rows, histogram_metadata.create_summary_metadata("", ""))


def tensor_text(tag, text):
    return tensor(tag, numpy.array(text.encode(), dtype=object), text_metadata.create_summary_metadata("", ""))


def write(folder, first, steps):
    writer = EventFileWriter(str(folder), filename_suffix=f".{first}")
    for step in range(first, first + steps):
        writer.add_event(event(step, old_scalar("loss", 1 / (step + 1))))
        writer.add_event(event(step, tensor_scalar("new/loss", numpy.float32(2 / (step + 1)))))
        if step % 10 == 0:
            writer.add_event(event(step, old_histogram("weights old", step)))
            writer.add_event(event(step, tensor_histogram("weights", numpy.arange(100) * (step + 1.0))))
            writer.add_event(event(step, tensor_text("notes", f"**step** {step} ä")))
    writer.close()
    return writer


def oracle(folder):
    """What TensorBoard's own reader finds: scalars by tag, histograms, texts."""
    reader = event_accumulator.EventAccumulator(str(folder), size_guidance={
        event_accumulator.SCALARS: 0, event_accumulator.TENSORS: 0, event_accumulator.HISTOGRAMS: 0})
    reader.Reload()
    scalars = {tag: [(e.wall_time, e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
    texts, histograms = {}, {}
    for tag in reader.Tags()["tensors"]:
        plugin = reader.SummaryMetadata(tag).plugin_data.plugin_name
        for e in reader.Tensors(tag):
            array = tensor_util.make_ndarray(e.tensor_proto)
            if plugin == "scalars":
                scalars.setdefault(tag, []).append((e.wall_time, e.step, float(array)))
            elif plugin == "text":
                texts.setdefault(tag, []).append((e.step, array.item().decode()))
            elif plugin == "histograms":
                histograms.setdefault(tag, []).append((e.step, array.tolist()))
    return scalars, histograms, texts


class Home:
    def __init__(self, directory):
        self.platform = Platform(directory)

    def __enter__(self):
        self.platform.start()
        return self

    def __exit__(self, *_):
        self.platform.stop()

    def ask(self, path, method="GET", body=None):
        status, answer = call(self.platform.control(), method, f"/api/2.0/mlflow/{path}", body)
        assert status == 200, (path, status, answer)
        return answer

    def runs(self, experiment):
        found = self.ask(f"experiments/get-by-name?experiment_name={urllib.parse.quote(experiment)}")
        runs = self.ask("runs/search", "POST", {"experiment_ids": [found["experiment"]["experiment_id"]]})
        return {run["info"]["run_name"]: run for run in runs.get("runs", [])}

    def history(self, run, key):
        answer = self.ask(f"metrics/get-history?run_id={run['info']['run_id']}&metric_key={urllib.parse.quote(key)}")
        return [(m["timestamp"], m["step"], m["value"]) for m in answer.get("metrics", [])]

    def lines(self, run, path):
        import http.client
        connection = http.client.HTTPConnection(self.platform.control(), timeout=10)
        connection.request("GET", f"/get-artifact?run_id={run['info']['run_id']}&path={urllib.parse.quote(path)}")
        response = connection.getresponse()
        text = response.read().decode()
        assert response.status == 200, (path, text)
        return [json.loads(line) for line in text.splitlines()]

    def command(self, *words):
        return [BIN / "millwright", "import", "tensorboard", *words, "--home", self.platform.home, "--json"]

    def imported(self, *words):
        ran = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             timeout=60, check=False)
        assert ran.returncode in (0, 1), ran.stderr
        return json.loads(ran.stdout)


def same_scalars(home, run, scalars):
    for tag, points in scalars.items():
        want = sorted({(math.floor(t * 1000 + 0.5), step, value) for t, step, value in points})
        have = sorted(home.history(run, tag))
        assert have == want, (tag, have[:3], want[:3], len(have), len(want))


def once(directory):
    logs = Path(directory, "logs")
    write(logs / "train", 0, 200)
    write(logs / "train", 200, 50)
    write(logs / "eval", 0, 30)
    types = EventFileWriter(str(logs / "types"))
    for step, dtype in enumerate((numpy.float32, numpy.float64, numpy.int32, numpy.int64, numpy.float16)):
        types.add_event(event(step, tensor_scalar(f"as {dtype.__name__}", numpy.array(step + 1, dtype))))
    types.close()
    with Home(directory) as home:
        report = home.imported(logs)
        assert report["whole"], report
        runs = home.runs("logs")
        assert set(runs) == {"train", "eval", "types"}, runs.keys()
        for name, run in runs.items():
            scalars, histograms, texts = oracle(logs / name)
            assert scalars
            same_scalars(home, run, scalars)
            assert run["info"]["status"] == "FINISHED", run["info"]
            for tag, rows in histograms.items():
                lines = home.lines(run, f"histograms/{tag.replace(' ', '=20')}.jsonl")
                assert len(lines) == len(rows)
                for line, (step, bins) in zip(lines, rows):
                    assert line["step"] == step and line["counts"] == [b[2] for b in bins], (tag, line)
                    assert line["edges"] == [bins[0][0]] + [b[1] for b in bins], (tag, line)
            for tag, rows in texts.items():
                assert [(line["step"], line["text"]) for line in home.lines(run, f"texts/{tag}.jsonl")] == rows
        train = runs["train"]["info"]
        assert train["start_time"] == int(START * 1000) and train["end_time"] == int((START + 249) * 1000), train
        old = home.lines(runs["train"], "histograms/weights=20old.jsonl")
        assert len(old) == 25 and old[0] == {"step": 0, "time": int(START * 1000), "min": -1, "max": 1, "count": 6,
                                             "sum": 3, "edges": [-1, 0, 1, 1], "counts": [1, 2, 3]}, old[0]
        again = home.imported(logs)
        assert again["counts"]["run"] == {"known": 3} and "point" not in again["counts"], again["counts"]
    print(f"ok  three runs as TensorBoard's own reader finds them: {report['counts']['point']['imported']} points")


def followed(directory):
    logs = Path(directory, "live")
    write(logs, 0, 20)
    with Home(directory) as home:
        process = subprocess.Popen(home.command(logs, "--follow", "--experiment", "live"), stdout=subprocess.PIPE,
                                   text=True)
        try:
            def points(name, key, count):
                runs = home.runs("live") if experiment_is_there(home) else {}
                return name in runs and len(home.history(runs[name], key)) == count
            wait_for("the first points", 20, lambda: points("live", "loss", 20))
            # A record that is written in two halves.
            file = next(logs.glob("*tfevents*"))
            record = framed(event(20, old_scalar("loss", 0.5)).SerializeToString())
            with open(file, "ab", buffering=0) as out:
                out.write(record[:-7])
                write(logs / "later", 0, 10)
                wait_for("a new run", 20, lambda: points("later", "loss", 10))
                assert points("live", "loss", 20)
                out.write(record[-7:])
            wait_for("the whole record", 20, lambda: points("live", "loss", 21))
            assert home.runs("live")["live"]["info"]["status"] == "RUNNING"
        finally:
            process.send_signal(signal.SIGINT)
            report = json.loads(process.communicate(timeout=30)[0])
        assert report["whole"], report
        assert {run["info"]["status"] for run in home.runs("live").values()} == {"FINISHED"}
        for name, folder in (("live", logs), ("later", logs / "later")):
            same_scalars(home, home.runs("live")[name], oracle(folder)[0] if name == "later" else {})
    print("ok  files are followed while they grow, record by record")


def experiment_is_there(home):
    target = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=live"
    return call(home.platform.control(), "GET", target)[0] == 200


def framed(message):
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
    head = struct.pack("<Q", len(message))
    return (head + struct.pack("<I", masked_crc32c(head)) + message + struct.pack("<I", masked_crc32c(message)))


def damaged(directory):
    logs = Path(directory, "damaged")
    write(logs, 0, 40)
    file = next(logs.glob("*tfevents*"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x55
    file.write_bytes(data)
    write(logs / "cut", 0, 40)
    file = next((logs / "cut").glob("*tfevents*"))
    file.write_bytes(file.read_bytes()[:-5])
    with Home(directory) as home:
        report = home.imported(logs)
        assert [line["kind"] for line in report["skipped"]] == ["event file"], report["skipped"]
        assert "is damaged" in report["skipped"][0]["why"]
        runs = home.runs("damaged")
        assert 0 < len(home.history(runs["damaged"], "loss")) < 40
        same_scalars(home, runs["cut"], oracle(logs / "cut")[0])
    print("ok  a damaged record ends its file, a cut one is left for later")


def main():
    for check in (once, followed, damaged):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            check(directory)
        print(f"    {check.__name__}: {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    main()
