"""Files of runs through the server: written, listed, read in parts, deleted, and paths that lead outside."""
import hashlib
import io
import os
import tempfile
from pathlib import Path
from unittest import mock

import mlflow

from .harness import check, each, unique

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def folder(server):
    """A new run and where its files are, below the proxy."""
    number = server.experiment("files")
    run = server.run(number)
    return run, f"{number}/{run}/artifacts"


def put(server, path, data):
    """MLflow's own server answers nothing, or {}: the client reads neither."""
    answer = server.http.put(f"{server.url}{PROXY}/{path}", data=data, timeout=120)
    assert answer.status_code == 200 and answer.text.strip() in ("", "{}"), answer.text


def files(server, path):
    got = server.ok("GET", PROXY, {"path": path})
    return sorted((entry["path"], entry["is_dir"], entry.get("file_size", 0)) for entry in got.get("files", []))


@check
def put_and_get(server):
    _, base = folder(server)
    data = os.urandom(100_000)
    put(server, f"{base}/a/b.bin", data)
    answer = server.ask("GET", f"{PROXY}/{base}/a/b.bin")
    assert answer.status_code == 200 and answer.content == data, answer.status_code
    assert answer.headers["Content-Disposition"].startswith("attachment"), answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff", answer.headers
    put(server, f"{base}/a/b.bin", b"shorter")
    assert server.ask("GET", f"{PROXY}/{base}/a/b.bin").content == b"shorter"


@check
def empty_file(server):
    _, base = folder(server)
    put(server, f"{base}/nothing", b"")
    assert server.ask("GET", f"{PROXY}/{base}/nothing").content == b""
    assert files(server, base) == [("nothing", False, 0)]


@check
def odd_names(server):
    there_and_back(server, ("a b+c&d=e.txt", "100%.txt", "a;b,c.txt", "'quotes'.txt", "~[x]{y}.txt"))


@check(beyond=True)
def names_in_any_script(server):
    there_and_back(server, ("größe 航班.txt", "✈/ümlaut/файл.txt"))


def there_and_back(server, names):
    run, _ = folder(server)
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            (Path(place) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(place) / name).write_text(name)
            server.client.log_artifact(run, Path(place) / name, os.path.dirname(name) or None)
            with tempfile.TemporaryDirectory() as target:
                assert Path(server.client.download_artifacts(run, name, target)).read_text() == name
        assert sorted(entry.path for entry in server.client.list_artifacts(run)) == sorted(os.listdir(place))


@check
def listing(server):
    run, base = folder(server)
    for path in ("top.txt", "one/a.txt", "one/two/b.txt", "one/two/c.txt"):
        put(server, f"{base}/{path}", path.encode())
    assert files(server, base) == [("one", True, 0), ("top.txt", False, 7)]
    assert files(server, f"{base}/one") == [("a.txt", False, 9), ("two", True, 0)]
    assert files(server, f"{base}/never") == []
    assert [entry.path for entry in server.client.list_artifacts(run, "one")] == ["one/a.txt", "one/two"]
    assert server.client.list_artifacts(run, "one/a.txt") == []
    got = server.ok("GET", "artifacts/list", {"run_id": run})
    assert got["root_uri"] == f"mlflow-artifacts:/{base}", got
    found = sorted((entry["path"], entry["is_dir"]) for entry in got["files"])
    assert found == [("one", True), ("top.txt", False)], got
    got = server.ok("GET", "artifacts/list", {"run_id": run, "path": "one"})
    assert sorted(entry["path"] for entry in got["files"]) == ["one/a.txt", "one/two"], got


@check
def deletion(server):
    _, base = folder(server)
    for path in ("keep", "go/a", "go/b/c"):
        put(server, f"{base}/{path}", b"x")
    assert server.ok("DELETE", f"{PROXY}/{base}/go") == {}
    assert files(server, base) == [("keep", False, 1)]
    assert server.ask("GET", f"{PROXY}/{base}/go/a").status_code in (404, 500)


@check
def logged_things(server):
    run, base = folder(server)
    server.client.log_text(run, "über\n", "notes/text.md")
    server.client.log_dict(run, {"a": [1, 2]}, "notes/a.json")
    server.client.log_dict(run, {"a": [1, 2]}, "notes/a.yaml")
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes/text.md") == "über\n"
    assert mlflow.artifacts.load_dict(f"runs:/{run}/notes/a.json") == {"a": [1, 2]}
    assert mlflow.artifacts.load_text(f"mlflow-artifacts:/{base}/notes/text.md") == "über\n"
    with tempfile.TemporaryDirectory() as target:
        got = Path(mlflow.artifacts.download_artifacts(run_id=run, artifact_path="notes", dst_path=target))
        assert sorted(path.name for path in got.iterdir()) == ["a.json", "a.yaml", "text.md"]
    paths = [entry.path for entry in mlflow.artifacts.list_artifacts(run_id=run, artifact_path="notes")]
    assert paths == ["notes/a.json", "notes/a.yaml", "notes/text.md"]


@check
def table(server):
    run, _ = folder(server)
    server.client.log_table(run, {"a": [1, 2], "b": ["x", "y"]}, "table.json")
    server.client.log_table(run, {"a": [3], "b": ["z"]}, "table.json")
    number = server.client.get_run(run).info.experiment_id
    assert list(server.client.load_table(number, "table.json", run_ids=[run])["a"]) == [1, 2, 3]


@check
def image(server):
    import numpy
    run, base = folder(server)
    server.client.log_image(run, numpy.zeros((4, 4, 3), numpy.uint8), "dots.png")
    assert server.ask("GET", f"{PROXY}/{base}/dots.png").content.startswith(b"\x89PNG")


@check
def figure(server):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    run, base = folder(server)
    drawn, axes = pyplot.subplots()
    axes.plot([1, 2, 3])
    server.client.log_figure(run, drawn, "plots/line.png")
    pyplot.close(drawn)
    assert server.ask("GET", f"{PROXY}/{base}/plots/line.png").content.startswith(b"\x89PNG")


@check
def whole_folder(server):
    run, base = folder(server)
    with tempfile.TemporaryDirectory() as place:
        for number in range(12):
            path = Path(place) / f"d{number % 3}" / f"f{number}.bin"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(os.urandom(1000 * number))
        server.client.log_artifacts(run, place, "all")
        with tempfile.TemporaryDirectory() as target:
            got = Path(server.client.download_artifacts(run, "all", target))
            for path in Path(place).rglob("*.bin"):
                assert (got / path.relative_to(place)).read_bytes() == path.read_bytes()


@check
def streams(server):
    """20 MB, read back in pieces."""
    _, base = folder(server)
    data = os.urandom(20 << 20)
    put(server, f"{base}/big.bin", io.BytesIO(data))
    read = hashlib.sha256()
    with server.http.get(f"{server.url}{PROXY}/{base}/big.bin", stream=True, timeout=120) as answer:
        for piece in answer.iter_content(1 << 16):
            read.update(piece)
    assert read.digest() == hashlib.sha256(data).digest()
    assert files(server, base) == [("big.bin", False, 20 << 20)]


@check(beyond=True)
def chunks(server):
    """Sent without a length."""
    _, base = folder(server)
    put(server, f"{base}/chunks.bin", iter([b"one", b"two", b"three" * 100_000]))
    assert server.ask("GET", f"{PROXY}/{base}/chunks.bin").content == b"onetwo" + b"three" * 100_000


@check(beyond=True)
def ranges(server):
    _, base = folder(server)
    put(server, f"{base}/digits", b"0123456789")
    for asked, wanted, where in (("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
                                 ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=0-99", b"0123456789", "bytes 0-9/10")):
        answer = server.ask("GET", f"{PROXY}/{base}/digits", headers={"Range": asked})
        assert answer.status_code == 206 and answer.content == wanted, (asked, answer.status_code, answer.content)
        assert answer.headers["Content-Range"] == where, answer.headers
    assert server.ask("GET", f"{PROXY}/{base}/digits", headers={"Range": "bytes=10-"}).status_code == 416


@check
def pages_files(server):
    """The routes that pages fetch files from."""
    run, base = folder(server)
    put(server, f"{base}/a/b.txt", b"text")
    for query in ({"run_id": run, "path": "a/b.txt"}, {"run_uuid": run, "path": "a/b.txt"}):
        answer = server.ask("GET", "/get-artifact", query)
        assert answer.status_code == 200 and answer.content == b"text", answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff", answer.headers
    name = unique("served")
    server.client.create_registered_model(name)
    server.client.create_model_version(name, f"mlflow-artifacts:/{base}/a", run)
    answer = server.ask("GET", "/model-versions/get-artifact", {"name": name, "version": "1", "path": "b.txt"})
    assert answer.status_code == 200 and answer.content == b"text", answer.text


@each({path: path for path in ("../x", "a/../../x", "%2e%2e/x", "a/%2e%2e/%2e%2e/x", "%2E%2E%2Fx", "..%2fx",
                               "/etc/passwd", "%2fetc/passwd", "C:/x", "%252e%252e/x", "file:/etc/passwd",
                               "....//....//x/../../..", "a/b/../../../x")})
def unsafe_path(server, path):
    """Neither read, nor written, nor listed, nor deleted; no method follows it out of the store."""
    import http.client
    from urllib.parse import quote, urlsplit
    where = urlsplit(server.url)
    for method, target in (("GET", f"{PROXY}/{path}"), ("PUT", f"{PROXY}/{path}"), ("DELETE", f"{PROXY}/{path}"),
                           ("GET", f"{PROXY}?path={quote(path, safe='')}")):
        asked = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
        asked.request(method, target, b"x" if method == "PUT" else None)
        answer = asked.getresponse()
        text = answer.read()
        asked.close()
        listing = method == "GET" and "?" in target
        assert 300 <= answer.status < 500 or (listing and answer.status == 200 and b'"files"' not in text), \
            (method, target, answer.status, text[:300])


@each({path: path for path in ("..", "../x", "/etc/passwd", "a/../../x", "%2e%2e/x", "file:///etc/passwd")})
def unsafe_path_of_a_run(server, path):
    run, _ = server.once(folder)
    for route, query in (("artifacts/list", {"run_id": run, "path": path}),
                         ("/get-artifact", {"run_id": run, "path": path})):
        answer = server.ask("GET", route, query)
        assert 400 <= answer.status_code < 500 or (answer.status_code == 200 and "files" not in answer.text), \
            (route, path, answer.status_code, answer.text[:300])


@check
def not_there(server):
    _, base = folder(server)
    assert server.ask("GET", f"{PROXY}/{base}/never").status_code in (404, 500)
    run = server.run()
    try:
        server.client.download_artifacts(run, "never")
    except Exception:
        return
    raise AssertionError("something was downloaded")


@check
def large_files_of_the_client(server):
    """In parts up and in ranges down, or whole where the server does not have them."""
    run, _ = folder(server)
    settings = {"MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true", "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
                "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "5242880", "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "5242880",
                "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": "5242880",
                "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": "5242880"}
    with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, settings):
        path = Path(place) / "größe 100%.bin"
        path.write_bytes(os.urandom(13 << 20))
        server.client.log_artifact(run, str(path), "large")
        with tempfile.TemporaryDirectory() as target:
            got = server.client.download_artifacts(run, "large/größe 100%.bin", target)
            assert Path(got).read_bytes() == path.read_bytes()


@check
def multipart_is_answered(server):
    """Either begun, or refused in the way that lets the client send the file whole."""
    _, base = folder(server)
    answer = server.ask("POST", f"/api/2.0/mlflow-artifacts/mpu/create/{base}/big.bin",
                        {"path": "big.bin", "num_parts": 2})
    if answer.status_code != 200:
        said = answer.json()
        assert answer.status_code == 501 and said["error_code"] == "NOT_IMPLEMENTED", said
        assert said["message"].startswith("Multipart upload is not supported for the current artifact repository"), said
