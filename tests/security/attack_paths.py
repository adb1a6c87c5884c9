"""Names that lead, or could be read to lead, to a file outside of the store: by dots, by encodings of them, by other
systems' separators, by schemes. `{}` stands for a file's absolute path without its first slash, ROOT for itself in
lower case."""

UP = ("..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "%25252e%25252e", "..;", "..;a=b", "%2e%2e;",
      "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%f0%80%80%ae%f0%80%80%ae", "%uff0e%uff0e", "..%00", "..%0a",
      "..%0d%0a", "%2e%2e%20", "..%09", "%EF%BC%8E%EF%BC%8E", "..%ff", "....", "...", ".. ", "%u002e%u002e")
SLASH = ("/", "%2f", "%2F", "%252f", "%5c", "\\", "%255c", "//", "/./", "%c0%af", "%e0%80%af", "%uff0f",
         "%EF%BC%8F", "/%00/", "%e2%88%95")


def climbing():
    """Out of the store by every spelling of `..` and of a slash, deep enough from anywhere."""
    for up in UP:
        yield (up + "/") * 12 + "{}"
        yield "a/" + (up + "/") * 12 + "{}"
    for slash in SLASH:
        yield (".." + slash) * 12 + "{}"
        yield "0/r/artifacts" + slash + (".." + slash) * 12 + "{}"
    for up in ("%2e%2e", "%252e%252e", "..;"):
        for slash in ("%2f", "%252f", "%5c", "%c0%af"):
            yield (up + slash) * 12 + "{}"


def absolute():
    for begin in ("/", "//", "///", "%2f", "%2F%2F", "%252f", "/%2e/", "/./", "\\", "%5c", "%5c%5c", "//localhost/",
                  "C:/", "C:\\", "c%3a/", "C%3A%5C", "/proc/self/ROOT/", "proc/self/ROOT/", "/dev/fd/../../", "~/",
                  "~root/", "%7e/", "$HOME/", "${HOME}/", "|", "-", "@"):
        yield begin + "{}"
    for share in (r"\\localhost\c$\{}", "%5c%5clocalhost%5c{}", "//127.0.0.1/share/{}", r"\\?\C:\{}", r"\\.\{}"):
        yield share


def schemes():
    for scheme in ("file:///", "file:/", "file://localhost/", "FILE:///", "fIlE:/", "file:%2f%2f%2f", "file%3a///",
                   "file:///proc/self/ROOT/", "mlflow-artifacts:/../../../../../../",
                   "mlflow-artifacts:///../../../../", "mlflow-artifacts://localhost/../../../",
                   "mlflow-artifacts:/%2e%2e/%2e%2e/%2e%2e/", "mlflow-artifacts:/%252e%252e/%252e%252e/",
                   "mlflow-artifacts://@/../../", "mlflow-artifacts:../../../", "runs:/../../../../",
                   "runs:/x/../../../", "models:/../../../../", "models:/m/../../../", "s3://../../../",
                   "dbfs:/../../../", "http://127.0.0.1:1/../../", "https://localhost/", "ftp://localhost/",
                   "gs://b/../../../", "data:text/plain,", "jar:file:/", "netdoc:///", "local_file:///",
                   "view-source:file:///", "hdfs:/../../", "sftp://localhost/", "file:///x?/../../",
                   "file:///x#/../../"):
        yield scheme + "{}"


def odd():
    """Ends, empty parts, queries and fragments inside, lengths."""
    for shape in ("../", "..", ".", "./", "a/..", "a/../..", "a/.", "a//b", "/", "//", "a/", "", "a/./b", "..%00.png",
                  "{}%00.png", "../{}%00", "a\x00b", "a%00", "%00", "%", "%2", "%zz", "%%32%65%%32%65/{}",
                  "a%0d%0aX-Injected:1",
                  "a%0aX:1", "a%7f", "..%01/{}", "../{}?", "..?/../{}", "../{}#", "..%3f/{}", "..%23/{}",
                  "x?path=../{}",
                  "x&path=../{}", "x%26path=../{}", "x;path=../{}", "x%3bpath=../{}", "../{}/.", "../{}/..", "../{}/",
                  "....//....//....//{}", "..../..../{}", "..%2f..%2f..%2f{}", ".%00./.%00./{}", "a/../" * 40 + "{}",
                  "../" * 400 + "{}", "%2e%2e%2f" * 300 + "{}", "a" * 5000, "a/" * 2000 + "b", "\u202e../{}",
                  "a/%20/../..",
                  "..%20/{}", ".%20./{}", ". ./{}", "../ {}", "con", "nul", "aux.txt", "a:b", "a:$DATA",
                  "x::$INDEX_ALLOCATION",
                  "*", "?", "[a-z]", "`id`", "$(id)", ";id", "|id", "&&id", "<x", ">x", "sha256:../{}",
                  "sha256:" + "0" * 61 + "/..",
                  "sha256:%2e%2e/{}", "..\\..\\..\\{}", "..%5c..%5c{}", "..%255c..%255c{}", "../..\\../{}",
                  "a/b/c/../../../../{}"):
        yield shape


def attacks(target):
    """Each payload once, leading to `target` (absolute) where it leads anywhere."""
    payloads = (*climbing(), *absolute(), *schemes(), *odd())
    return list(dict.fromkeys(payload.replace("ROOT", "ROOT".lower()).replace("{}", target.lstrip("/"))
                              for payload in payloads))


BROWSER_NAMES = ("<script>alert(1)<%2fscript>.html", "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E.svg", "x.html",
                 "x.svg", "x.xhtml", "x.js", "x.pdf", "x.htm%22%3B%20filename=evil.html", "javascript:alert(1)",
                 "%3Csvg%20onload=alert(1)%3E", "x%E2%80%8Bhtml", "'%2balert(1)%2b'.html", "%7B%7B7*7%7D%7D.html",
                 "x.html%3F", "x.mhtml", "x.swf", "x.xml")
BROWSER_FILES = (b"<html><script>fetch('/api/v1/goals')</script></html>",
                 b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"%PDF-1.7 /OpenAction",
                 b"<?xml version='1.0'?><x/>")
