"""Forty mails that have broken somebody's mailer: what a publisher says of each, as email.send.v1 takes it."""
import base64
import hashlib

ARABIC, EMOJI, GREEK = "\u0645\u0631\u062d\u0628\u0627", "\U0001f680\U0001f469\u200d\U0001f4bb", "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
LINES = [b"one", b"two", b"", b"...", b".", b"From here", b"-- ", b"last"]


def file(name, content, type=None, **more):
    more = {"type": type, **more} if type else more
    return {"name": name, "content": base64.b64encode(content).decode(), **more}


def noise(size, seed="noise"):
    """Bytes that compress to nothing, the same each time."""
    blocks = (hashlib.sha256(f"{seed}{n}".encode()).digest() for n in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def _named(name):
    return {"to": [{"email": "@", "name": name}]}  # the case's own address is put in place of "@"


MAILS = {
    # people
    "plain": {},
    "name with a comma": _named("Lovelace, Ada"),
    "name with quotes": _named('Ada "the Countess" Lovelace'),
    "name with a backslash": _named("Ada \\ Lovelace\\"),
    "name like an address": _named("eve@evil.test, x@y.test"),
    "name with brackets": _named("Ada (at home) <Lovelace>"),
    "name like an encoded word": _named("=?utf-8?q?Eve?="),
    "Arabic name": _named(ARABIC + " " + ARABIC),
    "emoji name": _named(EMOJI + " Ada"),
    "name of 200 characters": _named("\u00e4" * 100 + " " + "b" * 99),
    "all the people": {"cc": ['"Hopper, Grace" <grace@example.com>', {"email": "bob@example.com", "name": GREEK}],
                       "bcc": "secret@example.com", "reply_to": "Help & Co. <help@example.com>"},
    "fifty people": {"to": ["@", *(f"person{n}@example.com" for n in range(29))],
                     "cc": [{"email": f"copy{n}@example.com", "name": f"Copy {n} {GREEK}"} for n in range(20)]},
    # subjects
    "Arabic subject": {"subject": " ".join([ARABIC] * 20)},
    "emoji subject": {"subject": EMOJI * 40},
    "subject of one long word": {"subject": "x" * 200},
    "subject like an encoded word": {"subject": "=?utf-8?b?RXZl?= =?utf-8?q?Eve?="},
    "subject of many words": {"subject": "word  with two spaces, " * 8 + "end"},
    # texts
    "line of 998 bytes": {"text": "x" * 998 + "\n" + "y" * 999 + "\n" + "z" * 20000 + "\n"},
    "dots": {"text": ".\n..\n.\r\n. \n...three\nmiddle . dot\n.\n"},
    "From and blanks": {"text": "From here\n>From there\n trailing \t \n\t\nend \n"},
    "no line end at the end": {"text": "no line end"},
    "empty lines at both ends": {"text": "\n\n\nmiddle\n\n\n"},
    "line ends of all kinds": {"text": "lf\ncrlf\r\ncr\rcrcr\r\rlast"},
    "all of ASCII": {"text": "".join(map(chr, range(32, 127))) + "\t=3D=\n" + "--=_m\n"},
    "Arabic and emoji text": {"text": f"{ARABIC} {EMOJI}\n" * 200},
    "quoted text": {"text": "> a\n>> b = c\n=20\n=\nhttps://example.com/?a=b&c=3D\n"},
    # html
    "html beside text": {"html": f"<p>{ARABIC} \u2013 <b>bold</b></p>\n" * 20},
    "html alone": {"text": None, "html": "<!doctype html><p>only html</p>\n"},
    "html with pictures": {"html": '<p><img src="cid:logo"><img src="cid:a.b@example.com">', "attachments": [
        file("logo.png", PNG, "image/png", inline_id="logo"), file("b.png", PNG + b"\n", "image/png", inline_id="a.b@example.com")]},
    "everything at once": {"html": f'<p>{EMOJI}<img src="cid:logo">', "attachments": [
        file("logo.png", PNG, "image/png", inline_id="logo"), file("bill.pdf", noise(100000), "application/pdf"),
        file("terms.txt", b"terms\n", "text/plain; charset=utf-8")]},
    # files
    "text files with every line end": {"attachments": [
        file(f"{name}.txt", end.join(LINES) + tail, "text/plain")
        for name, end in (("lf", b"\n"), ("crlf", b"\r\n"), ("cr", b"\r"), ("lfcr", b"\n\r")) for tail in (b"", end)]},
    "csv and html files": {"attachments": [file("t.csv", b"a,b\r\n1,2\r\n", "text/csv"), file("t.html", b"<p>x\n", "text/html"),
                                           file("invite.ics", b"BEGIN:VCALENDAR\nEND:VCALENDAR\n", 'text/calendar; method="REQUEST"')]},
    "file names of 200 characters": {"attachments": [file("n" * 196 + ".txt", b"1"), file(ARABIC * 39 + "\u0645.txt", b"2"),
                                                     file("\U0001f680" * 196 + ".txt", b"3")]},
    "file names with signs": {"attachments": [
        file(name, name.encode()) for name in ('a"b.txt', "a;b=c.txt", "100%.txt", "a'b'c.txt", "a=?b?=.txt", "a, b (c) <d>.txt",
                                               "caf\u00e9 \u2013 men\u00fc.txt", "spaced  name.txt", "*.txt", "r\u00e9sum\u00e9'en'%41.txt")]},
    "empty file": {"attachments": [file("empty", b""), file("nul", b"\0"), file("two", b"\r\n")]},
    "all bytes": {"attachments": [file("bytes.bin", bytes(range(256)) * 40)]},
    "files whose length meets the line": {"attachments": [file(f"f{n}", noise(n)) for n in (56, 57, 58, 113, 114, 115, 7295, 7296, 7297)]},
    "a mail as a file": {"attachments": [file("old.eml", b"From: a@b.c\r\nSubject: old\r\n\r\n.\r\nFrom x\r\n")]},
    # headers
    "headers of one's own": {"headers": {"X-Campaign": "7", "X-Long": "word " * 150 + "end", "X-Unbroken": "u" * 900, "X-Arabic": ARABIC * 30,
                                         "X-Like": "=?utf-8?q?x?=", "Precedence": "bulk", "X-Blank": "a  b"}},
    "a thread and a list": {"in_reply_to": "<2@example.com>", "references": [f"<{n}-{'r' * 60}@example.com>" for n in range(40)],
                            "list_unsubscribe": {"url": "https://example.com/u?" + "q" * 700, "mailto": "leave@example.com", "one_click": True},
                            "tags": ["receipt", GREEK], "metadata": {"order": "42", "note": f"{ARABIC} {EMOJI}"}},
}
assert len(MAILS) == 40


def address(number):
    """By which a case is known when it arrives."""
    return f"case{number}@example.com"


def payload(number, name):
    def placed(value):
        if value == "@":
            return address(number)
        if isinstance(value, dict):
            return {key: placed(inner) for key, inner in value.items()}
        return [placed(inner) for inner in value] if isinstance(value, list) else value

    return {"to": address(number), "subject": f"Case {name}", "text": f"This is the case {name}.\n", **placed(MAILS[name])}
