"""What arrives is read by parsers that nobody here wrote, and is what was published."""
import base64
import email
import email.policy
import hashlib
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import mails
from harness.bench import Bench
from harness.publish import Message

PARSERS = pathlib.Path(__file__).resolve().parents[2] / "parsers"
NAMES = list(mails.MAILS)

# Rules of SpamAssassin that speak of what a mail says or where it comes from, not of how it is written.
OF_CONTENT = {
    "ALL_TRUSTED", "NO_RELAYS", "NO_RECEIVED", "UNPARSEABLE_RELAY", "TVD_SPACE_RATIO", "HTML_MESSAGE", "MIME_HTML_ONLY", "HTML_IMAGE_ONLY_04",
    "HTML_SHORT_LINK_IMG_1", "BODY_SINGLE_WORD", "MPART_ALT_DIFF", "MPART_ALT_DIFF_COUNT", "HTML_MIME_NO_HTML_TAG", "T_HTML_ATTACH", "OBFU_TEXT_ATTACH",
    "TO_NO_BRKTS_HTML_IMG", "TO_NO_BRKTS_HTML_ONLY",
}


QUOTED_WORD = "encoded word inside quoted string"


def line_ends(text):
    return None if text is None else re.sub("\r\n|\r", "\n", text)


@pytest.fixture(scope="module")
def raws(broker, redis, sink, tmp_path_factory):
    """name of the case -> the file with the message as it came off the wire."""
    bench = Bench(broker, redis, sink, tmp_path_factory.mktemp("bench"))
    bench.worker(bench.smtp_config(max_body="16MiB"))
    bench.publish_many([Message("email.send.v1", mails.payload(number, name)) for number, name in enumerate(NAMES)])
    directory = tmp_path_factory.mktemp("mails")
    found = {}
    for mail in bench.sink.wait_for(len(NAMES), within=60):
        number = int(re.fullmatch(r"case(\d+)@example\.com", mail["recipients"][0])[1])
        path = directory / f"{number}.eml"
        path.write_bytes(base64.b64decode(mail["raw"]))
        found[NAMES[number]] = path
    assert set(found) == set(NAMES)
    bench.close()
    return found


def expected(number, name):
    """The same form as tests/parsers/parse.js writes."""
    sent = mails.payload(number, name)

    def people(value):
        values = value if isinstance(value, list) else [value] if value else []
        pairs = []
        for one in values:
            if isinstance(one, dict):
                pairs.append([one.get("name", ""), one["email"]])
            else:
                shown, _, rest = one.rpartition("<")
                pairs.append([shown.strip().strip('"'), rest.rstrip(">")])
        return pairs

    files = [{"name": f["name"], "type": f.get("type", "application/octet-stream").partition(";")[0], "cid": f.get("inline_id"),
              "shown": "inline_id" in f, "size": len(base64.b64decode(f["content"])),
              "sha256": hashlib.sha256(base64.b64decode(f["content"])).hexdigest()} for f in sent.get("attachments", [])]
    # Inline files stand beside the html, before the others.
    files.sort(key=lambda f: not f["shown"])
    return {"subject": sent["subject"], "from": [["Shop", "shop@example.com"]], "to": people(sent["to"]), "cc": people(sent.get("cc")),
            "replyTo": people(sent.get("reply_to")), "inReplyTo": sent.get("in_reply_to"), "text": line_ends(sent["text"]),
            "html": line_ends(sent.get("html")), "files": files}


def shown_by(parsed):
    return {key: value for key, value in parsed.items() if key not in ("messageId", "date")}


def by_python(raw):
    """Python's email, and every defect that it has to tell."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    defects = [defect for part in message.walk() for defect in part.defects]
    # RFC 2047 section 5 forbids encoded-words in quotes, and every mailer writes and reads them there: a name of a file
    # stands in Content-Type so, for those that know no RFC 2231, and by RFC 2231 in Content-Disposition.
    defects += [defect for part in message.walk() for header in part.values() for defect in header.defects
                if header.name != "Content-Type" or str(defect) not in (QUOTED_WORD, "missing trailing whitespace after encoded-word")]

    def people(header):
        return [[a.display_name, a.addr_spec] for a in (message[header].addresses if message[header] else [])]

    def text(kind):
        part = message.get_body((kind,))
        return None if part is None else line_ends(part.get_content())

    files = [{"name": part.get_filename(), "type": part.get_content_type(), "cid": part["Content-ID"] and str(part["Content-ID"]).strip("<>"),
              "shown": part.get_content_disposition() == "inline", "size": len(part.get_payload(decode=True)),
              "sha256": hashlib.sha256(part.get_payload(decode=True)).hexdigest()}
             for part in message.walk() if part.get_content_disposition() in ("inline", "attachment")]
    return message, defects, {
        "subject": str(message["Subject"]), "from": people("From"), "to": people("To"), "cc": people("Cc"), "replyTo": people("Reply-To"),
        "inReplyTo": message["In-Reply-To"] and str(message["In-Reply-To"]), "text": text("plain"), "html": text("html"), "files": files}


@pytest.mark.parametrize("name", NAMES)
def test_python_reads_what_was_published(raws, name):
    message, defects, read = by_python(raws[name].read_bytes())
    assert not defects, defects
    wanted = expected(NAMES.index(name), name)
    if name in WHOLE_TEXT:
        wanted["text"] = WHOLE_TEXT[name](wanted["text"])
    if name == "name of 200 characters":  # Python 3.11 puts a blank between the encoded-words of a name (gh-92081)
        for mail in (read, wanted):
            mail["to"] = [[shown.replace(" ", ""), address] for shown, address in mail["to"]]
    assert read == wanted


def test_python_reads_headers_that_were_published(raws):
    message, _, _ = by_python(raws["headers of one's own"].read_bytes())
    for header, value in mails.MAILS["headers of one's own"]["headers"].items():
        assert str(message[header]) == value, header
    message, _, _ = by_python(raws["a thread and a list"].read_bytes())
    sent = mails.MAILS["a thread and a list"]
    assert str(message["References"]).split() == sent["references"]
    assert str(message["List-Unsubscribe"]) == f"<mailto:leave@example.com>, <{sent['list_unsubscribe']['url']}>"
    assert str(message["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert str(message["X-Tags"]) == f"receipt, {mails.GREEK}"
    assert str(message["X-Metadata-order"]) == "42" and str(message["X-Metadata-note"]) == sent["metadata"]["note"]


# A text that is the whole message ends with a line end on the wire, also one that had none.
WHOLE_TEXT = {"no line end at the end": lambda text: text + "\n", "line ends of all kinds": lambda text: text + "\n"}


@pytest.fixture(scope="module")
def by_npm(raws, tmp_path_factory):
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not here")
    directory = tmp_path_factory.mktemp("parsers")
    for part in ("package.json", "package-lock.json", "parse.js"):
        shutil.copy(PARSERS / part, directory)
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["node", "parse.js", *(raws[name] for name in NAMES)], cwd=directory, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(zip(NAMES, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("parser", ["mailparser", "postal-mime"])
@pytest.mark.parametrize("name", NAMES)
def test_npms_parsers_read_what_was_published(by_npm, parser, name):
    read, wanted = shown_by(by_npm[name][parser]), expected(NAMES.index(name), name)
    for key, value in wanted.items():
        found = read.get(key)
        if key in ("text", "html"):
            found, value = (line_ends(t).rstrip("\n") if t else None for t in (found, value))  # both cut line ends off
        if key == "files":  # where the type says nothing, mailparser guesses one by the name
            found = [{"cid": None, **f, "type": w["type"] if w["type"] == "application/octet-stream" else f["type"]}
                     for f, w in zip(found, value, strict=True)]
        assert (found or None) == (value or None), key


def test_spamassassin_finds_nothing_malformed(raws, tmp_path):
    if not shutil.which("spamassassin"):
        pytest.skip("spamassassin is not installed")
    fired = {}
    box = tmp_path / "mbox"
    with box.open("wb") as out:
        for name in NAMES:
            raw = raws[name].read_bytes().replace(b"\r\n", b"\n")
            out.write(b"From shop@example.com Tue Dec  1 00:00:00 2026\n" + re.sub(rb"(?m)^(>*From )", rb">\1", raw) + b"\n")
    done = subprocess.run(["spamassassin", "-L", "-t", "--mbox", box], capture_output=True, timeout=300, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    for mail in re.split(rb"(?m)^From .*\n", done.stdout)[1:]:
        (rules,) = re.findall(rb"(?m)^X-Spam-Status: .*?tests=([\w,]*)", re.sub(rb"\n[\t ]+", b" ", mail).replace(b", ", b","))[:1]
        name = NAMES[int(re.search(rb"case(\d+)@", mail)[1])]
        fired[name] = set(re.findall(r"\w+", rules.decode())) - {"none"} - OF_CONTENT
    assert set(fired) == set(NAMES)
    assert not any(fired.values()), {name: rules for name, rules in fired.items() if rules}
