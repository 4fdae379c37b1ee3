#!/usr/bin/python3
"""The laws of structure: who may include what, what the core may not ask, and how long things may be.

usage: laws.py [ROOT]    prints every breach as file:line: text; exits 1 if there is one
"""
import pathlib
import re
import sys

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
TABLES = {"worker/core/settings/settings_table.c": 800}  # rows of one table, which is looked up and not read

PARAMETERS_MAX = 5
# Their type is given by libmicrohttpd (MHD_AccessHandlerCallback).
DICTATED = {("worker/io/admin/admin.c", "admin_handle"), ("worker/io/serve/http_server.c", "http_handle")}

FOLDER_FILES_MAX = 30

# Lowest first: a room includes itself and the ones before it.
ROOMS = ("core/memory", "core/text", "core/address", "core/codec", "core/time", "core/settings", "core/template", "core/plan", "core/mail", "core/types", "core/send", "core/send/presets", "core/job", "core/broker", "core/message",
         "core/record", "core/redis", "core/watch", "core/trace", "core/outbox", "core/serve", "io/machine", "io/admin", "io/log", "io/amqp", "io/broker", "io/redis/connection", "io/redis", "io/postgres", "io/config", "io/types", "io/send", "io/plan", "io/serve", "io/trace",
         "run", "run/process", "run/send", "run/rates", "run/time", "run/trace", "query", "query/dlq", "serve/live", "serve", "relay", "cli", "cli/job", "cli/fleet", "cli/dlq", "cli/type")

# Only these places may include a vendor's header; io may hold each in the few files that need it.
VENDORS = {
    r"jansson\.h": r"worker/core/codec/json\.[ch]",
    r"idn2\.h": r"worker/core/address/address\.c",
    r"zlib\.h": r"worker/core/codec/gzip\.[ch]",
    r"openssl/.*": r"worker/(core/codec/sha256\.[ch]|io/.*)",
    r"(rabbitmq-c/.*|amqp.*\.h)": r"worker/io/amqp/amqp_library\.h",
    r"hiredis.*": r"worker/io/redis/.*",
    r"libpq.*": r"worker/io/postgres/.*",
    r"curl/.*": r"worker/io/.*",
    r"microhttpd\.h": r"worker/io/.*",
    r"yaml\.h": r"worker/io/.*",
    r"uv\.h": r"worker/(io|run|relay)/.*",
}

# What is pure depends on its arguments alone.
IMPURE = (r"time|clock_gettime|clock|gettimeofday|timespec_get|rand|srand|random|srandom|rand_r|drand48|getrandom|getentropy|"
          r"arc4random|getenv|secure_getenv|setenv|setlocale|fopen|fdopen|freopen|fread|fwrite|fgets|fputs|fputc|fprintf|vfprintf|"
          r"printf|puts|putchar|perror|open|openat|read|write|socket|connect|send|recv|poll|select|sleep|usleep|nanosleep|fork|"
          r"system|popen|signal|sigaction|kill|localtime|localtime_r|mktime")
NO_NAMES = re.compile(r"(^|[_-])(util|utils|common|misc|helper|helpers|stuff)([_.-]|$)")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')

# C11 and POSIX: what a handler may use beside the handler header.
LIBC = {"assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "math.h", "signal.h", "stdarg.h", "stdbool.h", "stddef.h",
        "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h", "time.h"}


def blanked(text):
    """The text with comments, strings and character constants as spaces, so that line numbers stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.DOTALL)


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1] == '"', found[2]


def room_of(name):
    """The folder of worker/ROOM/x.c or of an include "ROOM/x.h"; None for main.c and the handler header."""
    parts = pathlib.PurePath(name).parts[:-1]
    if parts[:1] == ("worker",):
        parts = parts[1:]
    return "/".join(parts) or None


def check_includes(name, text):
    if name.startswith("tests/"):  # a test of what wraps a vendor's library plays the other side
        return
    room = room_of(name) if name.startswith("worker/") else None
    if room and room not in ROOMS:
        yield 1, f"{room} is no room: ROOMS in laws.py lists them"
        return
    for number, quoted, header in includes(text):
        if name.startswith("handlers/") and header != "handler.h" and header not in LIBC:
            yield number, f"a handler includes only handler.h and the C library, not {header}"
        for vendor, places in VENDORS.items():
            if not quoted and re.fullmatch(vendor, header) and not re.fullmatch(places, name):
                yield number, f"<{header}> belongs only into {places}"
        other = room_of(header) if quoted else None
        if room and other and (other not in ROOMS or ROOMS.index(other) > ROOMS.index(room)):
            yield number, f"{room} may not include {other}: includes run downward"


def check_purity(name, text):
    if not name.startswith("worker/core/"):
        return
    for number, line in enumerate(blanked(text).splitlines(), 1):
        found = re.search(rf"(?<![\w.>])({IMPURE})\s*\(", line)
        if found and not line.lstrip().startswith("#"):
            yield number, f"the core may not call {found[1]}()"
        if re.search(r"\bFILE\s*\*|\bstd(in|out|err)\b|\berrno\s*=[^=]", line):
            yield number, "the core does no input or output"
        if re.match(r"(static\s+)?(?!.*\bconst\b)(?!typedef|extern|return|struct\s+\w+;|enum)[a-z_][\w\s*]*\s\**\w+(\[\w*\])?(\s*=.*)?;$",
                    line) and "(" not in line:
            yield number, "the core has no variable that outlives a call"


def check_names(name, _):
    for part in pathlib.PurePath(name).parts:
        if NO_NAMES.search(part):
            yield 1, f"{part} says nothing: name it after what it is"


def check_lengths(name, text):
    lines = text.splitlines()
    if name.startswith("tests/"):
        return
    most = TABLES.get(name, FILE_LINES_MAX)
    if len(lines) > most:
        yield len(lines), f"{len(lines)} lines; a file has at most {most}"
    start = None
    for number, line in enumerate(lines, 1):  # the house style puts a function's braces into the first column
        if line == "{":
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start - 1
            if length > FUNCTION_LINES_MAX:
                yield start, f"a function of {length} lines; it has at most {FUNCTION_LINES_MAX}"
            start = None


def crowded(root):
    """The folders that hold more files than a reader takes in at a glance."""
    for top in ("worker", "handlers", "tests", "script", "docs"):
        for folder in (path for path in [root / top, *sorted((root / top).rglob("*"))] if path.is_dir()):
            if {"corpus", "node_modules", "__pycache__"} & set(folder.parts):
                continue
            count = sum(1 for path in folder.iterdir() if path.is_file())
            if count > FOLDER_FILES_MAX:
                yield f"{folder.relative_to(root)}:1: {count} files; a folder has at most {FOLDER_FILES_MAX}"


KEY_LITERAL = re.compile(r'"(?:[^"\\\n]*%s)?:(?:job|jobs|events|plan|deadletter|dead|subject|worker|paused|newer-than|lock|probe)(?=[:"%{*])')
KEY_PLACES = ("worker/core/record/", "worker/io/redis/lua/")


def check_keys(name, text):
    """A key of Redis has one owner, so that its shape, limit and time to live are in one place."""
    if not name.startswith("worker/") or name.startswith(KEY_PLACES):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if KEY_LITERAL.search(line):
            yield number, "a Redis key is spelt only in core/record: use record_key()"


# snprintf answers the length that it wished for, not what it wrote. Asking for that length (NULL, 0) is its one honest use.
PRINTED = re.compile(r"\bv?snprintf\s*\(")
ASKED = re.compile(r"\bv?snprintf\s*\(\s*NULL\s*,\s*0\s*,")


def check_lengths_of_texts(name, text):
    text = blanked(text)
    for found in PRINTED.finditer(text):
        before = text[:found.start()].rstrip()
        is_cast = before.endswith(")") and len(before) == found.start()
        is_statement = not before or before[-1] in ";{}" or (not is_cast and re.search(r"(\)|\belse|\bdo|:)$", before))
        if not is_statement and not ASKED.match(text, found.start()):
            yield text.count("\n", 0, found.start()) + 1, "snprintf's result is a wished length: take strlen of what it wrote"


# A function in the first column, with its parameters; a pointer to one; a type of one.
DEFINED = re.compile(r"^(?!typedef\b)\w[\w \t\n*]*?\b(\w+)\(((?:[^(){};]|\([^(){};]*\))*)\)\n\{", re.MULTILINE)
POINTED = re.compile(r"\(\*\s*(\w+)\)\s*\(((?:[^(){};]|\([^(){};]*\))*)\)\s*[;,)=]")
TYPED = re.compile(r"^typedef\b[^;(){}]*?\b(\w+)\(((?:[^(){};]|\([^(){};]*\))*)\);", re.MULTILINE)


def check_parameters(name, text):
    """What belongs together has a struct and a name."""
    if name.startswith("tests/"):
        return
    text = blanked(text)
    for form in (DEFINED, POINTED, TYPED):
        for found in form.finditer(text):
            outer = re.sub(r"\([^()]*\)", "", found[2])
            count = outer.count(",") + 1
            if count > PARAMETERS_MAX and (name, found[1]) not in DICTATED:
                line = text.count("\n", 0, found.start(1)) + 1
                yield line, f"{found[1]} has {count} parameters; at most {PARAMETERS_MAX}, then a struct"


def calls(root):
    """For each file of worker/, the others that it calls, each with a function by which it does."""
    texts = {path.relative_to(root).as_posix(): blanked(path.read_text(encoding="utf-8", errors="replace"))
             for path in sorted((root / "worker").rglob("*.c"))}
    own = {name: {found[1] for found in DEFINED.finditer(text)} for name, text in texts.items()}
    owner = {found[1]: name for name, text in texts.items() for found in DEFINED.finditer(text) if not found[0].startswith("static ")}
    for name, text in texts.items():
        words = set(re.findall(r"(?<!struct )(?<!enum )(?<![.>])\b\w+\b", text)) - own[name]
        yield name, {owner[word]: word for word in sorted(words) if word in owner}


def circles(root):
    """Files that call each other, if need be by way of others: nobody can understand one of them alone."""
    below = dict(calls(root))
    ends = True
    while ends:  # what calls nobody that is left, or is called by nobody that is left, is in no circle
        called = {other for others in below.values() for other in others}
        ends = [name for name, others in below.items() if name not in called or not others.keys() & below.keys()]
        below = {name: {other: word for other, word in others.items() if other in below and other not in ends}
                 for name, others in below.items() if name not in ends}
    for name, others in below.items():
        for other, word in others.items():
            yield f"{name}:1: calls {word} of {other}, in a circle of files"


DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
CAST = re.compile(r"\(\s*(?:const\s+)?(?:struct\s+|union\s+)?\w+[\w\s*]*(?:\[[^\]]*\])?\s*\)$")


def opens_values(before):
    """Does the brace after this text open an initialiser, and no block?"""
    before = before.rstrip()
    if before.endswith(("=", ",", "(", "[", "&", "?", "return")) or before.endswith("]"):
        return True
    cast = CAST.search(before)
    return bool(cast) and bool(re.search(r"(?:[=(,&?:{]|\breturn)$", before[:cast.start()].rstrip()))


def choices(text):
    """Where a statement, or one member of an initialiser, has its second `?:`."""
    frames = [[False, 0]]  # of each open brace: does it hold values, and how many choices the present statement has
    depth = [0]  # parentheses that are open within it
    for at, sign in enumerate(text):
        if sign == "{":
            inside = frames[-1][0] and depth[-1] == 0
            frames.append([inside or opens_values(text[max(0, at - 200):at]), 0])
            depth.append(0)
        elif sign == "}" and len(frames) > 1:
            values, _ = frames.pop()
            depth.pop()
            if not values:
                frames[-1][1] = 0
        elif sign == "(":
            depth[-1] += 1
        elif sign == ")":
            depth[-1] -= 1
        elif sign == ";" or (sign == "," and frames[-1][0] and depth[-1] == 0):
            frames[-1][1] = 0
        elif sign == "?":
            frames[-1][1] += 1
            if frames[-1][1] == 2:
                yield at


def check_choices(name, text):
    """Two `?:` in one statement are read twice: the second belongs into an `if` or a variable with a name."""
    if name.startswith("tests/"):
        return
    text = blanked(text)
    for found in DIRECTIVE.finditer(text):
        if found[0].count("?") > 1:
            yield text.count("\n", 0, found.start()) + 1, "a macro with two ?: in it"
    plain = DIRECTIVE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for at in choices(plain):
        yield plain.count("\n", 0, at) + 1, "a statement with two ?: in it"


def undocumented(root):
    """The rooms that docs/architecture.md leaves out or that are no more, and a list that is not in ROOMS' order."""
    page = root / "docs/architecture.md"
    if not page.exists():  # a tree of a test
        return
    listed = re.findall(r"^\| `((?:core|io|run|query|serve|relay|cli)[\w/]*)` \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    if listed != list(ROOMS):
        yield f"docs/architecture.md:1: its rooms are {', '.join(listed)}; those of laws.py are {', '.join(ROOMS)}"


FAULT_ROW = re.compile(r"^\| \d+ \|.*\| (.*) \|$")
TEST_NAME = re.compile(r"`([a-z]\w*_\w+)(?:\.c)?`")


def unfound(root):
    """The names of tests in docs/failures.md that grep does not find."""
    page = root / "docs/failures.md"
    if not page.exists():
        return
    tests = "\n".join(f"{path.name}\n{path.read_text(encoding='utf-8', errors='replace')}" for path in sorted((root / "tests").rglob("*"))
                      if path.suffix in (".py", ".c", ".txt", ".cmake") and path.is_file())
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        row = FAULT_ROW.match(line)
        for name in TEST_NAME.findall(row[1]) if row else ():
            if name not in tests:
                yield f"docs/failures.md:{number}: no test is called {name}"


CHECKS = (check_includes, check_purity, check_names, check_lengths, check_keys, check_lengths_of_texts, check_parameters,
          check_choices)


def sources(root):
    for top in ("worker", "handlers", "tests", "bench"):  # bench/ keeps its own house but for what is a fault anywhere
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".c", ".h") and path.is_file():
                yield path


def breaches(root):
    """Every breach below `root` as "file:line: text"."""
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8", errors="replace")
        for check in CHECKS if not name.startswith("bench/") else (check_lengths_of_texts,):
            for number, told in check(name, text):
                yield f"{name}:{number}: {told}"
    yield from crowded(root)
    yield from circles(root)
    yield from undocumented(root)
    yield from unfound(root)


def main(argv):
    root = pathlib.Path(argv[1] if len(argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    found = list(breaches(root))
    print("\n".join(found) if found else "laws: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
