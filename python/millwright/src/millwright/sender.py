"""Requests to a tracking server over connections that are kept, one for each thread. Standard library only."""
import base64
import http.client
import json
import os
import ssl
import threading
from urllib.parse import urlencode, urlsplit

API = "/api/2.0/mlflow/"
# Of a server in trouble; 401: a token that somebody has to renew.
AGAIN = {401, 408, 425, 429, 500, 502, 503, 504, 507}


class Away(Exception):
    """Nobody answered, or the answer was that of a server in trouble, or of something before it that is no tracking
    server: the same request may pass later."""


class Refused(Exception):
    """The server understood and said no: `status` and its words. Asking again is of no use."""

    def __init__(self, status, text):
        self.status = status
        said = as_object(text) or {}
        inner = said.get("error")  # of Millwright's own API
        inner = inner if isinstance(inner, dict) else {}
        self.code = said.get("error_code") or inner.get("code", "")
        self.words = said.get("message") or inner.get("message") or text[:200].decode(errors="replace")
        super().__init__(f"{status} {self.code}: {self.words}")


def as_object(text):
    """The JSON object that the text is; None if it is none."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


class Sender:
    """Asks `url`; credentials and certificates as MLflow's client takes them from the environment."""

    def __init__(self, url, seconds=5.0):
        self.url, self.seconds = url.rstrip("/"), seconds
        self._where, self._mine = urlsplit(self.url), threading.local()

    def ask(self, method, path, body=None, once=False):
        """The answer's JSON. PATH is below /api/2.0/mlflow unless it begins with a slash; a GET's body is its query;
        an open file is sent as it is; `once`: never sent twice. Raises Away or Refused."""
        path = self._where.path + (path if path.startswith("/") else API + path)
        headers = self._headers()
        if method == "GET" and body:
            path, body = f"{path}?{urlencode(body)}", None
        elif isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        elif body is not None:
            headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
        if once:
            self._mine.connection = None
        status, text = self._exchange(method, path, body, headers)
        said = as_object(text or b"{}")
        if status in AGAIN or (said or {}).get("error_code") == "ABORTED":
            raise Away(f"{self.url} answered {status}")
        if status >= 300:
            if said is None and status != 413 and not self._is_served():
                raise Away(f"{self.url} answered {status}, not as a tracking server does")
            raise Refused(status, text)
        if said is None:
            raise Away(f"{self.url} answered with something that is no JSON")
        return said

    def look(self):
        """Raises Away when nobody is there, or a server in trouble; a login that fails is for the request to find."""
        status, _ = self._exchange("GET", self._where.path + "/health", None, self._headers())
        if status in AGAIN and status != 401:
            raise Away(f"{self.url} answered {status}")

    def _is_served(self):
        """Whether a tracking server is behind the URL. A proxy before one that is away answers by itself; a server that
        lacks an endpoint says so in HTML, but it is there."""
        status, text = self._exchange("GET", self._where.path + "/health", None, self._headers())
        return status == 200 and text.strip() == b"OK"

    def _exchange(self, method, path, body, headers):
        """A connection that the server closed meanwhile is made anew, once."""
        kept = getattr(self._mine, "connection", None)
        for connection in ([kept] if kept else []) + [None]:
            try:
                connection = connection or self._connect()
                if hasattr(body, "seek"):
                    body.seek(0)
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                result = answer.status, answer.read()
                self._mine.connection = connection
                return result
            except (OSError, ValueError, http.client.HTTPException) as error:
                self._mine.connection, failure = None, error
                connection.close() if connection else None
                if isinstance(error, TimeoutError):
                    break
        raise Away(f"{self.url}: {failure!r}")

    def _connect(self):
        if self._where.scheme == "https":
            return http.client.HTTPSConnection(self._where.netloc, timeout=self.seconds, context=self._tls())
        return http.client.HTTPConnection(self._where.netloc, timeout=self.seconds)

    @staticmethod
    def _tls():
        context = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"))
        if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    @staticmethod
    def _headers():
        headers, environment = {"User-Agent": "millwright-python"}, os.environ
        if environment.get("MLFLOW_TRACKING_USERNAME"):
            pair = f"{environment['MLFLOW_TRACKING_USERNAME']}:{environment.get('MLFLOW_TRACKING_PASSWORD', '')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif environment.get("MLFLOW_TRACKING_TOKEN"):
            headers["Authorization"] = f"Bearer {environment['MLFLOW_TRACKING_TOKEN']}"
        return headers
