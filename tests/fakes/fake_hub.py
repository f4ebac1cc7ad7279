"""A small Hugging Face hub on this machine, for tests of downloads.

It speaks the endpoints that the official `huggingface_hub` client uses: repository info, file tree,
and `resolve` with HEAD, GET and Range. Files at or above `lfs_bytes` are "in large storage": their
etag is the SHA-256, and `resolve` redirects to another origin ("localhost" instead of
"127.0.0.1"), as the real hub redirects to its CDN.

    with FakeHub() as hub:
        hub.add("models", "org/name", {"config.json": b"{}"})
        os.environ["HF_ENDPOINT"] = hub.endpoint
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Repo:
    files: dict[str, bytes]
    gated: bool = False  # needs the hub's token
    refs: tuple[str, ...] = ("main",)

    @property
    def commit(self) -> str:
        digest = hashlib.sha1()
        for name in sorted(self.files):
            digest.update(name.encode() + b"\0" + self.files[name])
        return digest.hexdigest()


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Faults:
    """What goes wrong; each counter is used up."""

    cuts: int = 0  # GETs of file content that break off ...
    cut_after: int = 0  # ... after this many bytes
    server_errors: int = 0  # answers with HTTP 503
    corrupt: bool = False  # content with a flipped byte
    no_ranges: bool = False  # Range is ignored
    expired_links: int = 0  # storage links answered with HTTP 403


@dataclass
class FakeHub:
    token: str = "hf_right"
    lfs_bytes: int = 1000
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.branches: dict[tuple[str, str, str], Repo] = {}
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.storage = f"http://localhost:{self.port}"

    def add(self, kind: str, repo_id: str, files: dict[str, bytes], **options) -> Repo:
        self.repos[kind, repo_id] = repo = Repo(files, **options)
        return repo

    def add_revision(self, kind: str, repo_id: str, revision: str, files: dict[str, bytes]) -> Repo:
        """A branch with other files than the main one."""
        self.branches[kind, repo_id, revision] = repo = Repo(files, refs=(revision,))
        return repo

    def use_up(self, fault: str) -> bool:
        with self._lock:
            left = getattr(self.faults, fault)
            if left > 0:
                setattr(self.faults, fault, left - 1)
            return left > 0

    def paths(self, method: str = "GET") -> list[str]:
        return [request.path for request in self.requests if request.method == method]

    def __enter__(self) -> FakeHub:
        serve = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        serve.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.route()

    def do_GET(self) -> None:
        self.route()

    # -- routes ------------------------------------------------------------------------------------

    def route(self) -> None:
        self.hub.requests.append(Request(self.command, self.path, dict(self.headers)))
        if self.hub.use_up("server_errors"):
            return self.answer(503, b"")
        parts = urlsplit(self.path)
        path = parts.path
        routes = [
            (r"/api/(models|datasets)", self.search),
            (r"/api/(models|datasets)/(.+?)/tree/([^/]+)/?.*", self.tree),
            (r"/api/(models|datasets)/(.+?)/revision/([^/]+)", self.info),
            (r"/api/(models|datasets)/(.+)", self.info),
            (r"/storage/(.+)", self.stored),
            (r"/(?:(datasets)/)?(.+?)/resolve/([^/]+)/(.+)", self.resolve),
        ]
        for pattern, handler in routes:
            match = re.fullmatch(pattern, path)
            if match:
                groups = [unquote(g) if g is not None else None for g in match.groups()]
                return handler(*groups)
        self.refuse(404, "EntryNotFound")

    def search(self, kind: str) -> None:
        wanted = parse_qs(urlsplit(self.path).query).get("search", [""])[0].lower()
        found = [i for k, i in self.hub.repos if k == kind and wanted in i.lower()]
        self.answer_json([{"id": i} for i in found[:3]])

    def info(self, kind: str, repo_id: str, revision: str = "main") -> None:
        repo = self.find(kind, repo_id, revision)
        if repo is None:
            return
        siblings = [self.sibling(name, content) for name, content in sorted(repo.files.items())]
        self.answer_json(
            {
                "_id": "0",
                "id": repo_id,
                "modelId": repo_id,
                "sha": repo.commit,
                "private": False,
                "gated": "auto" if repo.gated else False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": siblings,
            }
        )

    def tree(self, kind: str, repo_id: str, revision: str) -> None:
        repo = self.find(kind, repo_id, revision)
        if repo is None:
            return
        entries = []
        for name, content in sorted(repo.files.items()):
            entry = {"type": "file", "path": name, "size": len(content), "oid": git_id(content)}
            if self.is_large(content):
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
            entries.append(entry)
        self.answer_json(entries)

    def resolve(self, kind: str | None, repo_id: str, revision: str, name: str) -> None:
        repo = self.find(kind or "models", repo_id, revision)
        if repo is None:
            return
        content = repo.files.get(name)
        if content is None:
            return self.refuse(404, "EntryNotFound", commit=repo.commit)
        headers = {"X-Repo-Commit": repo.commit, "Accept-Ranges": "bytes"}
        if not self.is_large(content):
            headers["ETag"] = f'"{git_id(content)}"'
            return self.send_content(content, headers)
        digest = hashlib.sha256(content).hexdigest()
        headers |= {
            "X-Linked-Etag": f'"{digest}"',
            "X-Linked-Size": str(len(content)),
            "ETag": '"the-etag-of-the-redirect"',
            "Location": f"{self.hub.storage}/storage/{digest}?signature=1",
        }
        self.answer(302, b"Found", headers)

    def stored(self, digest: str) -> None:
        if self.hub.use_up("expired_links"):
            return self.answer(403, b"expired")
        for repo in (*self.hub.repos.values(), *self.hub.branches.values()):
            for content in repo.files.values():
                if hashlib.sha256(content).hexdigest() == digest:
                    return self.send_content(content, {"ETag": '"storage"'})
        self.answer(404, b"")

    # -- answers -----------------------------------------------------------------------------------

    def find(self, kind: str, repo_id: str, revision: str) -> Repo | None:
        repo = self.hub.repos.get((kind, repo_id))
        for (of_kind, of_id, name), branch in self.hub.branches.items():
            if (of_kind, of_id) == (kind, repo_id) and revision in (name, branch.commit):
                repo = branch
        authorization = self.headers.get("Authorization")
        if repo is None:
            self.refuse(404 if authorization else 401, "RepoNotFound")
            return None
        if repo.gated and authorization != f"Bearer {self.hub.token}":
            self.refuse(403 if authorization else 401, "GatedRepo")
            return None
        if revision != repo.commit and revision not in repo.refs:
            self.refuse(404, "RevisionNotFound")
            return None
        return repo

    def is_large(self, content: bytes) -> bool:
        return len(content) >= self.hub.lfs_bytes

    def sibling(self, name: str, content: bytes) -> dict:
        entry: dict = {"rfilename": name}
        if "blobs" in parse_qs(urlsplit(self.path).query):
            entry |= {"size": len(content), "blobId": git_id(content)}
            if self.is_large(content):
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 130}
        return entry

    def send_content(self, content: bytes, headers: dict[str, str]) -> None:
        status, body = 200, content
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and not self.hub.faults.no_ranges:
            first = int(asked[1])
            last = min(int(asked[2] or len(content) - 1), len(content) - 1)
            status, body = 206, content[first : last + 1]
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        if self.hub.faults.corrupt and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        cut = self.command == "GET" and self.hub.faults.cut_after < len(body)
        if cut and self.hub.use_up("cuts"):
            self.start(status, len(body), headers)
            self.wfile.write(body[: self.hub.faults.cut_after])
            self.wfile.flush()
            self.close_connection = True
            return
        self.answer(status, body, headers)

    def refuse(self, status: int, code: str, commit: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code}
        if commit:
            headers["X-Repo-Commit"] = commit
        self.answer(status, json.dumps({"error": code}).encode(), headers)

    def answer_json(self, value: object) -> None:
        self.answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def start(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.start(status, len(body), headers or {})
        if self.command != "HEAD":
            self.wfile.write(body)
