"""A server behind https, a certificate that no machine trusts by itself, a name and a password."""
import base64
import contextlib
import http.client
import http.server
import ssl
import threading
from pathlib import Path

USER, PASSWORD = "ada", "s3cret: ä"


class Guard(http.server.BaseHTTPRequestHandler):
    """Passes requests on to `server.behind`, if they come with the name and password."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != known:
            return self.tell(401, {"Content-Type": "text/plain"}, b"who are you?")
        connection = http.client.HTTPConnection(self.server.behind, timeout=60)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("authorization", "connection", "host")}
        connection.request(self.command, self.path, body or None, headers)
        response = connection.getresponse()
        told = {name: value for name, value in response.getheaders()
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server")}
        self.tell(response.status, told, response.read())
        connection.close()
        return None

    def tell(self, status, headers, body):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


def certificate(directory):
    """A file with a key and a certificate of "localhost" that no machine trusts by itself."""
    import datetime
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256()))
    path = Path(directory, "identity.pem")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()) + made.public_bytes(serialization.Encoding.PEM))
    return path


@contextlib.contextmanager
def guarded(url, directory):
    """The same server by https, for those who know the name and password: its address, and the file of its root."""
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard)
    listener.behind = url.removeprefix("http://")
    listener.handle_error = lambda *_: None  # of those who do not trust it
    roots, context = certificate(directory), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(roots)
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{listener.server_address[1]}", str(roots)
    finally:
        listener.shutdown()
        listener.server_close()
