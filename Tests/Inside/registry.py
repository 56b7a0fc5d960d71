#!/usr/bin/env python3
"""Servers for the tests of registries, on loopback.

    registry.py token DIRECTORY             a token server for a real registry: key.pem and cert.pem lie in DIRECTORY
    registry.py lying DIRECTORY FILE.sif    a registry with one artifact, which misbehaves as the repository is called
    registry.py library DIRECTORY FILE.sif  a remote: library, tokens, keys, a Singularity hub, and the file by http. The answers
                                            of its key server lie in DIRECTORY/keys, called as what is searched for.
    registry.py proxy DIRECTORY HOST:PORT   a proxy that sends everything to one place, however it is called; without a name,
                                            as its mirror. In DIRECTORY/delay are seconds to wait for each 16 KiB of an answer.

All print "port N" when they listen. They note every request in DIRECTORY/requests, one JSON object a line.
"""
import base64, hashlib, http.client, http.server, json, os, socket, subprocess, sys, threading, time, urllib.parse

role, directory = sys.argv[1:3]
lock = threading.Lock()
counts = {}


def note(entry):
    with lock, open(os.path.join(directory, "requests"), "a") as log:
        log.write(json.dumps(entry) + "\n")


def times(name):
    with lock:
        counts[name] = counts.get(name, 0) + 1
        return counts[name]


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Base(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def login(self):
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(value).decode() if kind == "Basic" else None


class Token(Base):
    """The Docker registry's token protocol, with RS256."""

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        login = self.login()
        note({"path": self.path, "login": login})
        if login not in (None, "ann:secret"):
            return self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}')
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            granted = actions.split(",") if login else [a for a in actions.split(",") if a == "pull" and name.startswith("open/")]
            access.append({"type": kind, "name": name, "actions": granted})
        self.answer(200, json.dumps({"token": self.sign(query["service"][0], access), "expires_in": 300}).encode())

    def sign(self, service, access):
        def b64(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        pem = open(os.path.join(directory, "cert.pem")).read()
        der = "".join(pem.split("-----")[2].split())
        now = int(time.time())
        head = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        claims = {"iss": "tests", "sub": "ann", "aud": service, "exp": now + 300, "nbf": now - 5, "iat": now, "jti": str(now), "access": access}
        text = b64(json.dumps(head).encode()) + b"." + b64(json.dumps(claims).encode())
        key = os.path.join(directory, "key.pem")
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=text, stdout=subprocess.PIPE, check=True).stdout
        return (text + b"." + b64(signature)).decode()


class Lying(Base):
    sif = config = b""
    base_url = ""

    def do_HEAD(self):
        self.do_GET()

    def do_DELETE(self):
        note({"method": self.command, "path": self.path})
        self.answer(202)

    def do_GET(self):
        note({k: v for k, v in (("method", self.command), ("path", self.path), ("host", self.headers.get("Host")), ("range", self.headers.get("Range")), ("authorization", self.headers.get("Authorization"))) if v})
        parts = urllib.parse.urlsplit(self.path).path.strip("/").split("/")
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        if parts[0] == "elsewhere":
            return self.whole()
        if len(parts) < 5 or parts[0] != "v2":
            return self.answer(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        self.mode = parts[1]
        if self.mode in ("private", "distant") and self.login() != "ann:secret":
            return self.answer(401, b"{}", [("WWW-Authenticate", 'Basic realm="tests"')])
        if self.mode == "tardy" and parts[3] == "manifests":
            time.sleep(3)
        if parts[3] == "manifests":
            return self.manifest(parts[4])
        if parts[4] == digest(self.config):
            return self.answer(200, self.config)
        getattr(self, "blob_" + self.mode, self.ranged)()

    # manifests

    def manifest(self, selector):
        if self.mode == "busy" and times("busy") <= 1:
            return self.answer(429, b"{}", [("Retry-After", "1")])
        if self.mode == "closed":
            return self.answer(429, b"{}", [("Retry-After", "3600")])
        if selector == "missing":
            return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        media = "application/vnd.oci.image.manifest.v1+json"
        body = {
            "schemaVersion": 2,
            "mediaType": media,
            "config": {"mediaType": "application/vnd.sylabs.sif.config.v1+json", "digest": digest(self.config), "size": len(self.config)},
            "layers": [{"mediaType": "application/vnd.sylabs.sif.layer.v1.sif", "digest": digest(self.sif), "size": len(self.sif)}],
        }
        if self.mode == "distant":
            other = self.base_url.replace("127.0.0.1", "localhost")
            body["layers"][0]["urls"] = ["ftp://localhost/x", other + "/nowhere", other + "/elsewhere/x"]
        data = json.dumps(body).encode()
        if self.mode == "foreign":
            media = "application/vnd.oci.image.index.v1+json"
            entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest(data), "size": len(data), "platform": {"os": "linux", "architecture": "mips"}}
            data = json.dumps({"schemaVersion": 2, "mediaType": media, "manifests": [entry]}).encode()
        told = digest(data)
        if self.mode == "forged":
            data = data.replace(b"schemaVersion", b"schemaversion")
        self.answer(200, data, [("Content-Type", media), ("Docker-Content-Digest", told)])

    # blobs

    def wanted(self):
        text = self.headers.get("Range")
        if not text:
            return None
        start, _, end = text.removeprefix("bytes=").partition("-")
        return int(start), int(end) if end else len(self.sif) - 1

    def piece(self, data, start, end, told=None):
        first = start if told is None else told
        self.send_response(206)
        self.send_header("Content-Range", "bytes %d-%d/%d" % (first, first + end - start, len(self.sif)))
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        self.wfile.write(data)

    def ranged(self):
        wanted = self.wanted()
        if wanted is None:
            return self.whole()
        start, end = wanted
        self.piece(self.sif[start : end + 1], start, end)

    def whole(self):
        self.answer(200, self.sif)

    blob_norange = whole

    def blob_distant(self):
        """The manifest says where else it lies."""
        self.answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')

    def blob_cut(self):
        """Every connection breaks after a part; it is never the same byte."""
        start, end = self.wanted() or (0, len(self.sif) - 1)
        stop = min(end + 1, start + 40000 + 1000 * (times("cut") % 7))
        if self.wanted():
            self.piece(self.sif[start:stop], start, end)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.sif)))
            self.end_headers()
            self.wfile.write(self.sif[:stop])
        self.wfile.flush()
        self.close_connection = True

    def blob_short(self):
        """Always the same half and then the end."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.sif)))
        self.end_headers()
        self.wfile.write(self.sif[:1000])
        self.wfile.flush()
        self.close_connection = True

    def blob_long(self):
        self.answer(200, self.sif + b"more")

    def blob_corrupt(self):
        start, end = self.wanted() or (0, len(self.sif) - 1)
        data = bytes(self.sif[start:end]) + bytes([self.sif[end] ^ 1])
        if self.wanted():
            self.piece(data, start, end)
        else:
            self.answer(200, data)

    def blob_liar(self):
        """Says the right range and sends the first bytes; without a range all is well."""
        wanted = self.wanted()
        if wanted is None:
            return self.whole()
        start, end = wanted
        self.piece(self.sif[: end - start + 1], start, end)

    def blob_other(self):
        """Says another range than the one that was asked for."""
        wanted = self.wanted()
        if wanted is None:
            return self.whole()
        start, end = wanted
        self.piece(self.sif[start : end + 1], start, end, told=start + 7)

    def blob_stall(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.sif)))
        self.end_headers()
        self.wfile.write(self.sif[:1000])
        self.wfile.flush()
        time.sleep(30)
        self.close_connection = True

    def blob_slow(self):
        """A little at a time, so that it can be killed anywhere."""
        start, end = self.wanted() or (0, len(self.sif) - 1)
        self.send_response(206 if self.wanted() else 200)
        if self.wanted():
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, end, len(self.sif)))
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        for place in range(start, end + 1, 16384):
            self.wfile.write(self.sif[place : min(end + 1, place + 16384)])
            self.wfile.flush()
            time.sleep(0.002)

    def blob_private(self):
        """Lies elsewhere: another host by name, though the same server."""
        self.answer(307, b"", [("Location", self.base_url.replace("127.0.0.1", "localhost") + "/elsewhere/blob")])

    def blob_loop(self):
        self.answer(307, b"", [("Location", self.path)])


class Library(Base):
    """What a remote offers, as far as it is asked (entities, collections, containers, images, tags in memory)."""

    things, tags, files = {}, {}, {}
    # Of uploads in parts: the file's size, and what was told of each part.
    sizes, parts = {}, {}
    part = 20 << 20
    sif = b""
    @property
    def base_url(self):
        """As it was called, so that who came through a proxy goes on through it."""
        return "http://" + self.headers["Host"]

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def data(self, value, status=200):
        self.answer(status, json.dumps({"data": value}).encode(), [("Content-Type", "application/json")])

    def refuse(self, status, message):
        self.answer(status, json.dumps({"error": {"code": status, "message": message}}).encode())

    def route(self):
        note({k: v for k, v in (("method", self.command), ("path", self.path), ("authorization", self.headers.get("Authorization"))) if v})
        path = urllib.parse.urlsplit(self.path).path
        known = self.headers.get("Authorization") == "Bearer good"
        if path == "/assets/config/config.prod.json":
            names = {"libraryAPI": "/library", "tokenAPI": "/token", "keystoreAPI": "/keys"}
            return self.answer(200, json.dumps({k: {"uri": self.base_url + v} for k, v in names.items()}).encode())
        if path == "/token/v1/token-status":
            return self.data({}) if known else self.refuse(404, "no such token")
        if path.endswith("/version"):
            return self.data({"version": "v1.2.3", "apiVersion": "2.0.0"})
        if path == "/library/v1/rbac/users/current":
            return self.data({"username": "ann", "email": "ann@example.org", "realname": "Ann", "oidc_user_meta": {"secret": "oidc"}}) if known else self.refuse(401, "who are you")
        if path.startswith("/api/container/user/name:"):
            return self.answer(200, json.dumps({"name": "user/name", "image": self.base_url + "/file.sif", "commit": "c0ffee", "tag": "latest", "version": "1"}).encode())
        if path == "/file.sif":
            return self.file(self.sif)
        if path.startswith("/store/"):
            if self.command == "PUT":
                self.files[path] = self.body()
                return self.answer(200, headers=[("ETag", hashlib.md5(self.files[path]).hexdigest())])
            return self.file(self.files[path])
        if path == "/keys/pks/lookup":
            return self.key(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query))
        if path.startswith("/library/"):
            return self.library(path.removeprefix("/library/"), known)
        self.refuse(404, "nothing here")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = route

    def file(self, data):
        start = 0
        if self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        self.send_header("Last-Modified", "Thu, 26 Nov 2020 00:00:00 GMT")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command != "HEAD":
            # The first answer breaks.
            first = times(self.path) == 1
            self.wfile.write(data[start : start + 100000] if first else data[start:])
            self.close_connection = self.close_connection or first

    def key(self, query):
        name = query["search"][0]
        if query["op"] != ["get"] or query["exact"] != ["on"] or not name.startswith("0x"):
            return self.refuse(400, "only single keys are looked up")
        try:
            self.answer(200, open(os.path.join(directory, "keys", os.path.basename(name)), "rb").read())
        except FileNotFoundError:
            self.answer(404, b"No results found")

    def library(self, path, known):
        kind = path.split("/")[1] if "/" in path else path
        if path == "v1/search":
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            image = {"entityName": "team", "collectionName": "tools", "containerName": query["value"][0], "tags": ["1", "2"], "description": "a tool", "fingerprints": []}
            return self.data({"image": [image] if query["value"][0] != "nothing" else []})
        if kind == "imagefile" and self.command == "GET":
            name = path.removeprefix("v1/imagefile/")
            if name not in self.tags:
                return self.refuse(404, "no such image")
            return self.answer(303, b"", [("Location", "/store/" + self.tags[name])])
        if self.command in ("POST", "PUT", "DELETE") and not known:
            return self.refuse(401, "a token is needed")
        if self.command == "DELETE" and "/tardy:" in path:
            time.sleep(3)
        if kind == "images" and self.command == "DELETE":
            return self.data({}) if self.tags.pop(path.removeprefix("v1/images/"), None) else self.refuse(404, "gone")
        if self.command == "GET":
            name = path.removeprefix("v1/")
            if kind == "images" and name.removeprefix("images/") in self.tags:
                name = "images/" + self.tags[name.removeprefix("images/")]
            if kind == "images" and ":sha256." in name:
                here = [k for k, v in self.things.items() if v.get("hash") == name.rpartition(":")[2] and v["path"] == name.partition(":")[0]]
                name = here[0] if here else name
            return self.data(self.things[name]) if name in self.things else self.refuse(404, "not there")
        value = json.loads(self.body() or b"{}")
        if kind in ("entities", "collections", "containers"):
            parent = value.get("entity") or value.get("collection")
            place = (self.things[parent]["path"] + "/" if parent else "") + value["name"]
            entry = {"id": "%s-%d" % (kind, len(self.things)), "name": value["name"], "path": place}
            self.things[kind + "/" + place] = self.things[entry["id"]] = entry
            return self.data(entry)
        if kind == "images":
            entry = {"id": "image-%d" % len(self.things), "hash": value["hash"], "uploaded": False, "container": value["container"], "path": "images/" + self.things[value["container"]]["path"]}
            self.things["images/" + entry["id"]] = entry
            return self.data(entry)
        if kind == "imagefile":
            name = path.split("/")[2]
            if "_multipart" in path:
                return self.multipart(name, path, value)
            if path.endswith("_complete"):
                self.things["images/" + name]["uploaded"] = True
                return self.data({"quota": {"quotaTotal": 1 << 30, "quotaUsage": 1 << 20}, "containerUrl": "/library/team"})
            return self.data({"uploadURL": self.base_url + "/store/" + name})
        if kind == "tags":
            container = self.things[path.split("/")[2]]["path"]
            self.tags[container + ":" + value["Tag"]] = value["ImageID"]
            return self.data({})
        self.refuse(404, "not known")


    def multipart(self, name, path, value):
        """Parts of 20 MiB. A container called `single` takes none; one called `broken` loses the last."""
        container = self.things[self.things["images/" + name]["container"]]["name"]
        place = "/store/%s-part-" % name
        if container == "single":
            return self.refuse(404, "not known")
        if path.endswith("/_multipart") and self.command == "POST":
            self.sizes[name] = value["filesize"]
            return self.data({"uploadID": "upload-" + name, "totalParts": -(-value["filesize"] // self.part), "partSize": self.part, "options": {}})
        if value["uploadID"] != "upload-" + name:
            return self.refuse(400, "no such upload")
        if path.endswith("_multipart_abort"):
            return self.data({})
        if path.endswith("/_multipart"):
            number = value["partNumber"]
            last = -(-self.sizes[name] // self.part)
            if container == "broken" and number == last:
                return self.refuse(400, "no room for this part")
            self.parts[place + str(number)] = (value["partSize"], value["sha256sum"])
            return self.data({"presignedURL": self.base_url + place + str(number)})
        whole = b""
        for index, part in enumerate(value["completedParts"]):
            data = self.files.pop(place + str(index + 1))
            size, told = self.parts[place + str(index + 1)]
            if part != {"partNumber": index + 1, "token": hashlib.md5(data).hexdigest()} or size != len(data) or "sha256:" + told != digest(data):
                return self.refuse(400, "part %d is not what was told" % (index + 1))
            whole += data
        if len(whole) != self.sizes[name]:
            return self.refuse(400, "parts are missing")
        self.files["/store/" + name] = whole
        self.things["images/" + name]["uploaded"] = True
        return self.data({"quota": {"quotaTotal": 0, "quotaUsage": 1 << 20}, "containerUrl": "/library/team"})


class Proxy(Base):
    target = ""

    def forward(self):
        login = self.headers.get("Proxy-Authorization", "").removeprefix("Basic ")
        note({k: v for k, v in (("method", self.command), ("path", self.path), ("authorization", base64.b64decode(login).decode())) if v})
        if self.command == "CONNECT":
            return self.tunnel()
        address = urllib.parse.urlsplit(self.path)
        path = address.path + ("?" + address.query if address.query else "")
        size = int(self.headers.get("Content-Length", 0))
        hidden = ("proxy-authorization", "proxy-connection", "connection", "content-length")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in hidden}
        there = http.client.HTTPConnection(self.target)
        there.request(self.command, path, self.rfile.read(size) if size or self.command in ("PUT", "POST", "PATCH") else None, headers)
        answer = there.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        for start in range(0, len(body), 16384):
            self.wfile.write(body[start : start + 16384])
            self.wfile.flush()
            if os.path.exists(os.path.join(directory, "delay")):
                time.sleep(float(open(os.path.join(directory, "delay")).read()))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = forward

    def tunnel(self):
        host, port = self.target.split(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=self.pump, args=(there, self.connection), daemon=True)
            back.start()
            self.pump(self.connection, there)
            back.join()
        self.close_connection = True

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


handler = {"token": Token, "lying": Lying, "library": Library, "proxy": Proxy}[role]
if role == "proxy":
    Proxy.target = sys.argv[3]
elif role != "token":
    Lying.sif = Library.sif = open(sys.argv[3], "rb").read()
    Lying.config = b"{}"
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
server.daemon_threads = True
server.handle_error = lambda *_: None
Lying.base_url = "http://127.0.0.1:%d" % server.server_port
print("port", server.server_port, flush=True)
server.serve_forever()
