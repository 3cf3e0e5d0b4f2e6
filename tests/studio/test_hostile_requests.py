"""What the studio refuses: foreign pages, hosts and tokens, paths out of the folder, names, sizes."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import soundfile
from studio_server import TOKEN, exchange, request, serving
from websockets.sync.client import connect

from kws import audio
from kws.project import MICROPHONE, Project
from kws.studio.guard import JSON_BYTES, UPLOAD_BYTES

CLIP = "recordings/yes/me_01.wav"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("outer") / "project"
    Project(root, ("yes", "no"), MICROPHONE, None).write()
    audio.write(root / CLIP, np.full(16000, 100, np.int16))
    (root.parent / "secret.wav").write_bytes((root / CLIP).read_bytes())
    (root / "recordings" / "yes" / "link.wav").symlink_to(root.parent / "secret.wav")
    (root / "recordings" / "yes" / "notes.txt").write_text("no recording")
    (root / "recordings" / "yes" / ".hidden.wav").write_bytes((root / CLIP).read_bytes())
    (root.parent / "elsewhere").mkdir()
    (root / "recordings" / "out").symlink_to(root.parent / "elsewhere")
    return root


@pytest.fixture(scope="module")
def port(project):
    with serving(project) as port:
        yield port


def post(path, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = headers.pop("content_type", "application/json")
    given = [("Content-Type", kind), ("Origin", headers.pop("origin", "http://127.0.0.1:PORT"))]
    return {"method": "POST", "path": path, "headers": given + list(headers.items()), "body": content}


def sound():
    file = io.BytesIO()
    soundfile.write(file, np.full(16000, 100, np.int16), 16000, format="WAV")
    return file.getvalue()


SOUND = sound()


def clip(path):
    return {"path": f"/api/clips/audio?path={path}"}


def job(**body):
    return post("/api/jobs", body)


HOSTILE = {
    # Who asks, and under which name.
    "no token": ({"token": None}, 401),
    "another token": ({"token": "u" * 43}, 401),
    "a part of the token": ({"token": "t" * 42}, 401),
    "the token and more": ({"token": "t" * 44}, 401),
    "an empty token": ({"token": " "}, 401),
    "a page without the token": ({"path": "/", "token": None}, 401),
    "an asset without the token": ({"path": "/assets/main.js", "token": None}, 401),
    "another token in the address": ({"path": "/?token=nothing", "token": None}, 401),
    "the token twice in the address": ({"path": f"/?token={TOKEN}&token={TOKEN}", "token": None}, 401),
    "the token in another address": ({"path": f"/api/state?token={TOKEN}", "token": None}, 401),
    "a bearer of nothing": ({"token": None, "headers": [("Authorization", "Bearer ")]}, 401),
    "a bearer of another token": ({"token": None, "headers": [("Authorization", "Bearer uuu")]}, 401),
    "a basic password": ({"token": None, "headers": [("Authorization", f"Basic {TOKEN}")]}, 401),
    "a cookie that is none": ({"token": None, "headers": [("Cookie", '"; =;;=')]}, 401),
    "a name that leads here": ({"host": "evil.example"}, 403),
    "such a name with the port": ({"host": "evil.example:PORT"}, 403),
    "another port": ({"host": "127.0.0.1:1"}, 403),
    "no port": ({"host": "127.0.0.1"}, 403),
    "any address": ({"host": "0.0.0.0:PORT"}, 403),
    "a longer name": ({"host": "127.0.0.1:PORT.evil.example"}, 403),
    "a user before the host": ({"host": "127.0.0.1:PORT@evil.example"}, 403),
    "another page": ({"headers": [("Origin", "http://evil.example")]}, 403),
    "another port's page": ({"headers": [("Origin", "http://127.0.0.1:1")]}, 403),
    "a file's page": ({"headers": [("Origin", "null")]}, 403),
    "the same page by https": ({"headers": [("Origin", "https://127.0.0.1:PORT")]}, 403),
    "two origins": ({"headers": [("Origin", "http://127.0.0.1:PORT"), ("Origin", "http://evil.example")]}, 403),
    "a picture in another page": ({"headers": [("Sec-Fetch-Site", "cross-site")]}, 403),
    "a page of the same site": ({"headers": [("Sec-Fetch-Site", "same-site")]}, 403),
    "writing from nowhere": ({"method": "POST", "path": "/api/jobs", "body": b"{}"}, 403),
    "writing from another page": (post("/api/jobs", {"kind": "check"}, origin="http://evil.example"), 403),
    "a form of another page": (post("/api/jobs", b"kind=check", content_type="text/plain"), 415),
    "a form": (post("/api/jobs", b"kind=check", content_type="application/x-www-form-urlencoded"), 415),
    # What there is not.
    "another address": ({"path": "/api/nothing"}, 404),
    "another method": (post("/api/state", {}), 405),
    "a method of nobody": ({"method": "DELETE", "headers": [("Origin", "http://127.0.0.1:PORT")]}, 405),
    "an endless address": ({"path": "/api/state?" + "a" * 5000}, 414),
    # Paths.
    "a clip above": (clip("../secret.wav"), 403),
    "a clip far above": (clip("recordings/yes/../../../secret.wav"), 403),
    "an encoded clip above": (clip("%2e%2e/secret.wav"), 403),
    "a twice encoded clip above": (clip("%252e%252e/secret.wav"), 404),
    "an absolute path": (clip("/etc/passwd"), 403),
    "a backslash": (clip("..%5csecret.wav"), 403),
    "a NUL": (clip("recordings/yes/me_01.wav%00.png"), 400),
    "no path": ({"path": "/api/clips/audio"}, 400),
    "a long path": (clip("a/" * 300 + "b.wav"), 400),
    "a link out of the folder": (clip("recordings/yes/link.wav"), 403),
    "words of a link out of the folder": ({"path": "/api/clips?folder=recordings&word=out"}, 403),
    "a take for a link out of the folder": (post("/api/upload/clip?word=out&speaker=me", SOUND), 403),
    "relabelled out of the folder": (post("/api/clips/move", {"paths": [CLIP], "word": "out"}), 403),
    "a hidden clip": (clip("recordings/yes/.hidden.wav"), 403),
    "the token's file": (clip(".kws-studio/token"), 403),
    "the settings as a clip": (clip("words.toml"), 403),
    "a text among the clips": (clip("recordings/yes/notes.txt"), 403),
    "a folder as a clip": (clip("recordings/yes"), 404),
    "a clip that is gone": (clip("recordings/yes/me_99.wav"), 404),
    "an asset above": ({"path": "/assets/../app.py"}, 403),
    "an encoded asset above": ({"path": "/assets/%2e%2e/app.py"}, 403),
    "an asset from the root": ({"path": "/assets//etc/passwd"}, 403),
    "an image above": ({"path": "/api/images/..%2f/words.toml"}, 404),
    "an image of no board": ({"path": "/api/images/nothing/kws.uf2"}, 404),
    "a run above": ({"path": "/api/runs/../history.json"}, 400),
    "a run of dots": ({"path": "/api/runs/.../history.json"}, 400),
    "weights of a run": ({"path": "/api/runs/first/weights.npz"}, 404),
    "a folder that holds no clips": ({"path": "/api/clips?folder=.kws-studio&word=jobs"}, 400),
    "a module of a path": ({"path": "/api/module?model=/etc/passwd"}, 404),
    "a module of a run above": ({"path": "/api/module?model=runs/../../x"}, 400),
    "a module of nothing": ({"path": "/api/module"}, 404),
    "words of a folder above": ({"path": "/api/clips?folder=recordings&word=..%2f.."}, 400),
    # Names and bodies.
    "no JSON": (post("/api/jobs", b"{"), 400),
    "a list": (post("/api/jobs", b"[]"), 400),
    "deep JSON": (post("/api/jobs", b"[" * 30000 + b"]" * 30000), 400),
    "bytes": (post("/api/jobs", b"\xff\xfe"), 400),
    "no kind": (job(), 400),
    "a kind that is no verb": (job(kind="rm"), 400),
    "a kind that is a list": (job(kind=["train"]), 400),
    "arguments of one's own": (job(kind="train", run="--out=/etc"), 400),
    "a run above to train": (job(kind="train", run="../x"), 400),
    "a long run": (job(kind="train", run="a" * 41), 400),
    "a model by its path": (job(kind="train", run="a", start="/etc/passwd"), 404),
    "a model above": (job(kind="train", run="a", start="runs/../../x"), 400),
    "what more takes bring from a path": (job(kind="takes", start="/etc/passwd"), 404),
    "what more takes bring from a list": (job(kind="takes", start=["--help"]), 404),
    "a board of nobody": (job(kind="build", board="../..", model="shipped:commands12"), 400),
    "a port that is a file": (job(kind="monitor", port="/etc/passwd"), 400),
    "a port that leads elsewhere": (job(kind="monitor", port="/dev/../etc/passwd"), 400),
    "a port with an option": (job(kind="monitor", port="--help"), 400),
    "no budget": (job(kind="tune", run="a", budget="5; rm"), 409),
    "too many voices": (job(kind="voices", voices=10**9), 400),
    "a project in a project": (job(kind="new", words="a", source="microphone", board="none"), 409),
    "a clip above to delete": (post("/api/clips/delete", {"paths": ["../secret.wav"]}), 403),
    "no clips to delete": (post("/api/clips/delete", {"paths": []}), 400),
    "too many clips to delete": (post("/api/clips/delete", {"paths": ["a"] * 501}), 400),
    "numbers to delete": (post("/api/clips/delete", {"paths": [1]}), 400),
    "a word above": (post("/api/clips/move", {"paths": [CLIP], "word": "../x"}), 400),
    "a hidden word": (post("/api/clips/move", {"paths": [CLIP], "word": ".kws-studio"}), 400),
    "a word that is an option": (post("/api/clips/move", {"paths": [CLIP], "word": "-x"}), 400),
    "a word with a line's end": (post("/api/clips/move", {"paths": [CLIP], "word": "a\nb"}), 400),
    "a long word": (post("/api/clips/move", {"paths": [CLIP], "word": "a" * 65}), 400),
    "a trash above": (post("/api/clips/undo", {"undo": "../jobs"}), 404),
    "a job above": (post("/api/jobs/..%2fx/stop", {}), 404),
    "a job that is none": (post("/api/jobs/99999/stop", {}), 404),
    # Sizes and sounds.
    "a large body": (post("/api/jobs", b" " * (JSON_BYTES + 1)), 413),
    "a large file": (post("/api/upload/clip", b"", **{"Content-Length": str(UPLOAD_BYTES + 1)}), 413),
    "a huge file": (post("/api/upload/clip", b"", **{"Content-Length": "9" * 15}), 413),
    "nothing": (post("/api/upload/clip?word=yes&speaker=me", b""), 400),
    "a picture": (post("/api/upload/clip?word=yes&speaker=me", b"\x89PNG\r\n\x1a\n" + b"x" * 99), 422),
    "a broken WAV": (post("/api/upload/clip?word=yes&speaker=me", b"RIFF\xff\xff\xff\xffWAVEfmt "), 422),
    "a file for no word": (post("/api/upload/clip?speaker=me", b"x"), 400),
    "a file for a word above": (post("/api/upload/clip?word=..%2fx&speaker=me", b"x"), 400),
    "a file of a speaker above": (post("/api/upload/clip?word=yes&speaker=..%2fx", b"x"), 400),
    "a check of no sound": (post("/api/upload/mic-check", b"x"), 422),
}


def test_the_table_is_long_enough():
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("name", HOSTILE)
def test_is_refused(name, port, project):
    given, status = HOSTILE[name]
    given = json.loads(json.dumps({k: v for k, v in given.items() if k != "body"}).replace("PORT", str(port)))
    before = sorted(str(p) for p in project.rglob("*") if p.is_file())
    got, _, content = request(port, body=HOSTILE[name][0].get("body", b""), **given)
    assert got == status, content
    assert sorted(str(p) for p in project.rglob("*") if p.is_file()) == before
    assert list((project.parent / "elsewhere").iterdir()) == []
    assert b"Traceback" not in content


@pytest.mark.parametrize("path", ["/ws/record?word=yes&speaker=me", "/ws/live?model=shipped:commands12"])
@pytest.mark.parametrize(
    "headers",
    [
        ["Origin: http://evil.example", f"Cookie: kws_studio_PORT={TOKEN}"],
        [f"Cookie: kws_studio_PORT={TOKEN}"],
        ["Origin: http://127.0.0.1:PORT"],
        ["Origin: http://127.0.0.1:PORT", "Cookie: kws_studio_PORT=nothing"],
    ],
)
def test_a_socket_is_refused(path, headers, port):
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1:PORT", "Connection: Upgrade", "Upgrade: websocket"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers, "", ""]
    status, _, _ = exchange(port, "\r\n".join(lines).replace("PORT", str(port)).encode())
    assert status == 403


def test_takes_of_a_link_out_of_the_folder_are_refused(port, project):
    line = connect(
        f"ws://127.0.0.1:{port}/ws/record?word=out&speaker=me",
        origin=f"http://127.0.0.1:{port}",
        additional_headers={"Cookie": f"kws_studio_{port}={TOKEN}"},
    )
    with line as opened:
        assert "leads out of the project" in json.loads(opened.recv())["error"]


@pytest.mark.parametrize(("path", "most", "told"), [("jobs", 64_000, "64 KB"), ("upload/clip", 50_000_000, "50 MB")])
def test_the_limit_that_is_said_is_the_one_that_holds(port, path, most, told):
    given = post(f"/api/{path}", b"", origin=f"http://127.0.0.1:{port}", **{"Content-Length": str(most + 1)})
    status, _, content = request(port, **given)
    assert status == 413
    assert f"more than {told};" in json.loads(content)["error"]


def test_a_body_that_grows_beyond_its_limit(port):
    """Sent in chunks, a body says no length."""
    head = f"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: kws_studio_{port}={TOKEN}\r\n"
    head += f"Origin: http://127.0.0.1:{port}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    chunk = b"%x\r\n%s\r\n" % (JSON_BYTES // 2, b" " * (JSON_BYTES // 2))
    sent = head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + 4 * chunk + b"0\r\n\r\n"
    assert exchange(port, sent)[0] == 413


def test_the_address_with_the_token_opens_the_page(port):
    status, head, _ = request(port, path=f"/?token={TOKEN}", token=None)
    assert status == 303
    cookie = next(line for line in head.splitlines() if line.lower().startswith("set-cookie"))
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    status, head, content = request(port, path="/")
    assert status == 200
    assert b"<main" in content
    assert "frame-ancestors 'none'" in head
    assert "nosniff" in head


def test_a_name_of_markup_stays_a_name(port, project):
    """It is a folder's name like any other; the page writes it as text, and JSON escapes nothing else."""
    word = "<img src=x onerror=alert(1)>"
    path = f"recordings/{word}/me_01.wav"
    audio.write(project / path, np.full(16000, 100, np.int16))
    _, head, content = request(port)
    assert "application/json" in head
    assert json.loads(content)["project"]["folders"]["recordings"][word] == 1
