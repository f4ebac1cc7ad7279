"""TLS, client certificates, proxies, HTTP/2 and Unix sockets on the way to a server.

The TLS ends are Python's ssl module and, for HTTP/2, nghttpx; nobody here wrote them. Each hands
what it has decrypted to the made-up server of the other tests.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_harness import aieb, fake_server

HOST = "model-server.test"  # no such name: only a proxy can lead there

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="makes its certificates with the openssl program"
)


def port_of(endpoint: str) -> int:
    return int(endpoint.rsplit(":", 1)[1].split("/")[0])


def received_by(endpoint: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(endpoint.removesuffix("/v1") + "/fake/requests") as response:
        out: list[dict[str, Any]] = json.load(response)
    return out


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authorities and proxies that the user's shell may name."""
    for name in ("AIEB_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                 "http_proxy", "https_proxy", "all_proxy", "no_proxy",
                 "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


# Certificates


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority with a server's and a client's certificate, and a stranger's of its own."""
    folder = tmp_path_factory.mktemp("pki")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    def new_key(name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", f"{name}.key"]  # fmt: skip

    for name in ("ca", "stranger"):
        openssl("req", "-x509", *new_key(name), "-days", "2", "-subj", f"/CN={name}",
                "-addext", "keyUsage=keyCertSign", "-out", f"{name}.pem")  # fmt: skip
    names = f"subjectAltName=DNS:localhost,DNS:{HOST},IP:127.0.0.1"
    (folder / "server.ext").write_text(names)
    (folder / "client.ext").write_text("extendedKeyUsage=clientAuth")
    for name in ("server", "client"):
        openssl("req", *new_key(name), "-subj", f"/CN={name}", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext",
                "-out", f"{name}.pem")  # fmt: skip
    return folder


def server_context(pki: Path, wants_client: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki / "ca.pem")
    return context


# Ends of connections


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def join(near: socket.socket, far: socket.socket) -> None:
    """Carries bytes both ways until one side closes."""
    back = threading.Thread(target=pump, args=(far, near), daemon=True)
    back.start()
    pump(near, far)
    back.join(5)
    near.close()
    far.close()


@contextlib.contextmanager
def listener(
    handle: Callable[[socket.socket], None], at: socket.socket | None = None
) -> Iterator[int]:
    """Calls `handle` in a thread for each connection; gives the port."""
    server = at or socket.create_server(("127.0.0.1", 0), backlog=64)

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # refused handshakes, too
            handle(connection)
        connection.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server.getsockname()[1] if at is None else 0
    finally:
        server.close()


@contextlib.contextmanager
def tls_in_front_of(endpoint: str, context: ssl.SSLContext) -> Iterator[int]:
    def handle(connection: socket.socket) -> None:
        decrypted = context.wrap_socket(connection, server_side=True)
        join(decrypted, socket.create_connection(("127.0.0.1", port_of(endpoint))))

    with listener(handle) as port:
        yield port


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[tuple[str, list[str]]]:
    """An HTTP proxy for which every host is this one; gives its URL and what it was asked."""
    asked: list[str] = []

    def handle(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        far = socket.create_connection(("127.0.0.1", port))
        if head.startswith(b"CONNECT "):
            asked.append(head.split(b"\r\n")[0].decode())
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return join(connection, far)
        threading.Thread(target=pump, args=(far, connection), daemon=True).start()
        while head:
            if b" http://" in head:  # a request, which begins a segment: the client awaits answers
                asked.append(head.split(b"\r\n")[0].decode())
                method, url, rest = head.split(b" ", 2)
                head = b" ".join([method, b"/" + url.split(b"/", 3)[3], rest])
            far.sendall(head)
            head = connection.recv(65536)
        far.close()

    with listener(handle) as own:
        yield f"http://127.0.0.1:{own}", asked


# Runs


def write_config(folder: Path, endpoint: str) -> None:
    (folder / "prompts.jsonl").write_text('{"text": "Hello?"}\n{"text": "And you?"}\n')
    config = {
        "backend": {"type": "vllm", "endpoint": endpoint, "model": "fake-model"},
        "scenario": {
            "dataset_name": "prompts.jsonl",
            "num_samples": 2,
            "generate_kwargs": {"max_new_tokens": 3},
        },
        "metrics": {"idle_s": 0, "enabled": False, "warmup_prompts": 0},
        "reporter": {"output_file": str(folder / "results.csv")},
        "output_dir": str(folder / "out"),
    }
    (folder / "config.json").write_text(json.dumps(config))


def answered(folder: Path, endpoint: str, **variables: str) -> None:
    write_config(folder, endpoint)
    result = aieb(folder, "run", "config.json", "--json", "-", "--quiet", **variables)
    assert result.stdout, result.stderr
    results = json.loads(result.stdout)
    assert result.returncode == 0, [p["error"] for p in results["per_prompt_results"]]
    summary = results["summary"]
    assert summary["successful_prompts"] == 2
    assert summary["output_tokens"] == 6


def refused(folder: Path, endpoint: str, **variables: str) -> str:
    write_config(folder, endpoint)
    result = aieb(folder, "run", "config.json", "--quiet", **variables)
    assert result.returncode == 5, result.stderr
    return result.stderr


def test_a_certificate_is_verified_unless_its_authority_is_known(tmp_path: Path, pki: Path) -> None:
    with fake_server() as fake, tls_in_front_of(fake, server_context(pki)) as port:
        endpoint = f"https://localhost:{port}/v1"
        message = refused(tmp_path, endpoint)
        assert "[tls]" in message
        assert "SSL_CERT_FILE" in message
        stranger = str(pki / "stranger.pem")
        assert "[tls]" in refused(tmp_path, endpoint, SSL_CERT_FILE=stranger)
        assert received_by(fake) == [], "nothing was sent to a server that nobody vouches for"
        for variable in ("AIEB_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            answered(tmp_path, endpoint, **{variable: str(pki / "ca.pem")})


def test_a_certificate_of_another_host_is_refused(tmp_path: Path, pki: Path) -> None:
    with fake_server() as fake, tls_in_front_of(fake, server_context(pki)) as port:
        message = refused(
            tmp_path, f"https://127.0.0.2:{port}/v1", AIEB_CA_BUNDLE=str(pki / "ca.pem")
        )
    assert "No server answers" in message


def test_a_client_certificate_opens_a_server_that_asks_for_one(tmp_path: Path, pki: Path) -> None:
    context = server_context(pki, wants_client=True)
    trusted = {"AIEB_CA_BUNDLE": str(pki / "ca.pem")}
    client = {
        "AIEB_CLIENT_CERT": str(pki / "client.pem"),
        "AIEB_CLIENT_KEY": str(pki / "client.key"),
    }
    stranger = {
        "AIEB_CLIENT_CERT": str(pki / "stranger.pem"),
        "AIEB_CLIENT_KEY": str(pki / "stranger.key"),
    }
    with fake_server() as fake, tls_in_front_of(fake, context) as port:
        endpoint = f"https://localhost:{port}/v1"
        refused(tmp_path, endpoint, **trusted)
        refused(tmp_path, endpoint, **trusted, **stranger)
        answered(tmp_path, endpoint, **trusted, **client)


def test_a_proxy_leads_to_servers_elsewhere(tmp_path: Path) -> None:
    with fake_server() as fake, proxy_to(port_of(fake)) as (proxy, asked):
        answered(tmp_path, f"http://{HOST}/v1", http_proxy=proxy, no_proxy="")
    assert f"POST http://{HOST}/v1/chat/completions HTTP/1.1" in asked


def test_tls_goes_through_a_proxy_unread(tmp_path: Path, pki: Path) -> None:
    with (
        fake_server() as fake,
        tls_in_front_of(fake, server_context(pki)) as port,
        proxy_to(port) as (proxy, asked),
    ):
        answered(
            tmp_path,
            f"https://{HOST}/v1",
            https_proxy=proxy,
            no_proxy="",
            AIEB_CA_BUNDLE=str(pki / "ca.pem"),
        )
    assert set(asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}


def test_a_server_on_this_host_is_reached_without_the_proxy(tmp_path: Path) -> None:
    with fake_server() as fake:
        answered(tmp_path, fake, http_proxy="http://127.0.0.1:9", all_proxy="http://127.0.0.1:9")


@pytest.mark.parametrize("form", ["unix:{path}", "unix://{path}", "http+unix://{quoted}/v1"])
def test_a_unix_socket_is_an_endpoint(tmp_path: Path, form: str) -> None:
    path = tmp_path / "vllm.sock"
    at = socket.socket(socket.AF_UNIX)
    at.bind(str(path))
    at.listen(16)
    with fake_server() as fake:

        def handle(connection: socket.socket) -> None:
            join(connection, socket.create_connection(("127.0.0.1", port_of(fake))))

        with listener(handle, at):
            answered(tmp_path, form.format(path=path, quoted=str(path).replace("/", "%2F")))


def test_http_2_is_used_where_a_server_offers_it(tmp_path: Path, pki: Path) -> None:
    program = shutil.which("nghttpx")
    if program is None:
        pytest.skip("needs nghttpx (apt-get install nghttp2-proxy)")
    with fake_server() as fake:
        port = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
        command = [program, f"-f127.0.0.1,{port}", f"-b127.0.0.1,{port_of(fake)}",
                   "--workers=1", "--errorlog-file=/dev/null", "--accesslog-file=/dev/null",
                   "--conf=/dev/null", str(pki / "server.key"), str(pki / "server.pem")]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(port)
                answered(
                    tmp_path, f"https://localhost:{port}/v1", AIEB_CA_BUNDLE=str(pki / "ca.pem")
                )
            finally:
                process.terminate()
        # The proxy writes the version in which it was asked.
        asked = [r for r in received_by(fake) if r["path"].endswith("/completions")]
        assert [r["headers"]["via"] for r in asked] == ["2 nghttpx"] * 2


def wait_for(port: int) -> None:
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens at {port}")
