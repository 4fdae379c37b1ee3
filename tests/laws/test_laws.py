"""Each law finds the breach it is made for, and leaves honest code alone."""
import importlib.util
import pathlib

import pytest

spec = importlib.util.spec_from_file_location("laws", pathlib.Path(__file__).parent / "laws.py")
laws = importlib.util.module_from_spec(spec)
spec.loader.exec_module(laws)


def found(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return list(laws.breaches(tmp_path))


@pytest.mark.parametrize("name, text", [
    ("handlers/x_v1.c", '#include "core/codec/json.h"\n'),
    ("handlers/x_v1.c", "#include <curl/curl.h>\n"),
    ("worker/core/text/x.c", "#include <jansson.h>\n"),
    ("worker/run/x.c", "#        include <hiredis/hiredis.h>\n"),
    ("worker/io/send/mail.c", "#include <amqp.h>\n"),
    ("worker/cli/x.c", "#include <uv.h>\n"),
    ("worker/core/text/x.c", '#include "io/machine/clock.h"\n'),
    ("worker/io/log/x.c", '#include "run/engine.h"\n'),
    ("worker/core/text/x.c", "static long now(void)\n{\n        return time(NULL);\n}\n"),
    ("worker/core/text/x.c", "static void f(void)\n{\n        x = (rand() % 3);\n}\n"),
    ("worker/core/text/x.c", 'static void f(void)\n{\n        printf("x");\n}\n'),
    ("worker/core/text/x.c", "static int counter;\n"),
    ("worker/core/text/x.c", "static struct job *last = NULL;\n"),
    ("worker/io/log/string_util.c", ""),
    ("worker/common/x.c", ""),
    ("worker/io/log/x.c", "void f(void)\n{\n" + "        g();\n" * 61 + "}\n"),
    ("worker/io/log/x.c", "\n" * 501),
    ("worker/core/text/x.c", '#include "core/mail/mail.h"\n'),
    ("worker/attic/x.c", ""),
    ("worker/run/x.c", 'static const char *k(void)\n{\n        return arena_printf(a, "%s:job:{%s}", prefix, id);\n}\n'),
    ("worker/cli/x.c", 'static void k(void)\n{\n        add(":dead:");\n}\n'),
    ("worker/io/redis/x.c", 'static void k(void)\n{\n        add("%s:paused");\n}\n'),
    ("worker/run/x.c", 'static void f(void)\n{\n        int len = snprintf(a, sizeof(a), "%s", b);\n}\n'),
    ("worker/core/text/x.c", 'static size_t f(void)\n{\n        return (size_t)snprintf(a, n, "x");\n}\n'),
    ("worker/core/text/x.c", 'static void f(void)\n{\n        at +=\n                vsnprintf(a, n, "x", args);\n}\n'),
    ("worker/run/x.c", 'static void f(void)\n{\n        send(fd, a, snprintf(a, n, "x"));\n}\n'),
    ("worker/io/log/x.c", "bool f(int a, int b, int c,\n       int d, int e, int f)\n{\n}\n"),
    ("handlers/x_v1.c", "static const struct x *const *f(int a, int b, int c, void (*d)(int, int), int e, int f)\n{\n}\n"),
    ("worker/io/log/x.h", "struct x {\n        void (*send)(int a, int b, int c, int d, int e, int f);\n};\n"),
    ("worker/io/log/x.h", "typedef void told(int a, int b, int c,\n                  int d, int e, int f);\n"),
    ("worker/io/admin/x.c", "static int admin_handle(int a, int b, int c, int d, int e, int f, int g, int h)\n{\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        x = a ? b : c ? d : e;\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        g(a ? b : c,\n          (d ? e : f));\n}\n"),
    ("worker/io/log/x.c", "int f(void)\n{\n        return (a ? b : c) + h(&(struct x){.a = 1}) + (d ? e : f);\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        x = (struct x){.a = a ? b : c ? d : e};\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        int x = a ? b : c, y = d ? e : f;\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        if (a ? b : (c ? d : e)) {\n                g();\n        }\n}\n"),
    ("worker/io/log/x.c", "#define F(a) \\\n        ((a) ? 1 : (b) ? 2 : 3)\n"),
    ("worker/io/log/x.c", "static const int x[] = {a ? b : (c ? d : e), 3};\n"),
])
def test_a_breach_is_found(tmp_path, name, text):
    assert found(tmp_path, name, text)


@pytest.mark.parametrize("name, text", [
    ("handlers/x_v1.c", '#include "handler.h"\n#include <string.h>\n'),
    ("worker/core/codec/json.c", "#include <jansson.h>\n"),
    ("tests/unit/x_test.c", "#include <uv.h>\n"),
    ("worker/core/text/x.c", '/* time(NULL) */\nstatic const char *const words[] = {"rand()"};\nint64_t event_time(void);\n'),
    ("worker/core/text/x.c", "static void f(struct x *x)\n{\n        x->time(x);\n        int n = 0;\n        snprintf(a, b, c);\n}\n"),
    ("worker/run/x.c", '#include "core/text/x.h"\n#include "io/log/y.h"\n#include <uv.h>\n'),
    ("worker/io/log/commonplace.c", ""),
    ("worker/core/record/keys.c", 'static const char *const k = ":job:{";\n'),
    ("worker/run/x.c", 'static void f(void)\n{\n        add(",\\"paused\\":%s,\\"dead\\":%d", "events");\n}\n'),
    ("worker/run/x.c", 'static void f(void)\n{\n        if (x)\n                snprintf(a, n, "x");\n        else\n'
                       '                snprintf(a, n, "y");\n}\n'),
    ("worker/core/text/x.c", 'static void f(void)\n{\n        int len = vsnprintf(NULL, 0, format, args);\n}\n'),
    ("worker/io/log/x.c", "void f(void)\n{\n" + "        g();\n" * 60 + "}\n"),
    ("worker/io/log/x.c", "bool f(int a, int b, void (*c)(int, int, int), int d, int e)\n{\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        g(1, 2, 3, 4, 5, 6, 7);\n}\n"),
    ("worker/io/log/x.c", "/* f(a, b, c, d, e, f, g) */\nvoid f(int a, /* b, c, d, e, */ int f, int g)\n{\n}\n"),
    ("worker/io/admin/admin.c", "static int admin_handle(int a, int b, int c, int d, int e, int f, int g, int h)\n{\n}\n"),
    ("tests/unit/x_test.c", "void f(int a, int b, int c, int d, int e, int f)\n{\n        g(a ? b : c ? d : e);\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        x = a ? b : c;\n        y = d ? e : f;\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        g(&(struct x){.a = a ? b : c, .b = {d ? e : f, g ? h : i}});\n}\n"),
    ("worker/io/log/x.c", 'void f(void)\n{\n        /* ? ? */\n        g("?", \'?\', a ? "why?" : "?"); // ? :\n}\n'),
    ("worker/io/log/x.c", "void f(void)\n{\n        if (a ? b : c) {\n                g();\n        }\n        x = d ? e : f;\n}\n"),
    ("worker/io/log/x.c", "void f(void)\n{\n        for (i = a ? b : c; i < (d ? e : f); i++)\n                g();\n}\n"),
    ("worker/io/log/x.c", "struct x f(void)\n{\n        return (struct x){\n                .a = a ? b : c,\n                .b = h(d ? e : f)};\n}\n"),
])
def test_honest_code_is_left_alone(tmp_path, name, text):
    assert found(tmp_path, name, text) == []


def test_a_crowded_folder_is_found(tmp_path):
    for number in range(31):
        found(tmp_path, f"worker/run/x{number}.c", "")
    assert any("31 files" in breach for breach in laws.breaches(tmp_path))


def test_files_that_call_each_other_are_found(tmp_path):
    found(tmp_path, "worker/run/a.c", "void a_do(int x, ...)\n{\n        b_do(x);\n}\n")
    found(tmp_path, "worker/run/b.c", "void b_do(int x)\n{\n        c_do(x);\n}\n")
    found(tmp_path, "worker/run/d.c", "static void a_do(int x)\n{\n}\n\nvoid d_do(struct b_do *x)\n{\n        x->a_do(1);\n}\n")
    assert found(tmp_path, "worker/run/c.c", "void c_do(int x)\n{\n        d_do(x);\n}\n") == []
    breaches = found(tmp_path, "worker/run/c.c", "void c_do(int x)\n{\n        a_do(x);\n        d_do(x);\n}\n")
    assert sorted(breach.split(":")[0] for breach in laws.breaches(tmp_path)) == [f"worker/run/{name}.c" for name in "abc"], breaches


def test_a_room_that_the_architecture_page_leaves_out_is_found(tmp_path):
    page = tmp_path / "docs/architecture.md"
    page.parent.mkdir()
    page.write_text("".join(f"| `{room}` | a room |\n" for room in laws.ROOMS))
    assert list(laws.breaches(tmp_path)) == []
    page.write_text("".join(f"| `{room}` | a room |\n" for room in laws.ROOMS[1:]))
    assert any("architecture.md" in breach for breach in laws.breaches(tmp_path))


def test_a_fault_whose_test_grep_does_not_find_is_found(tmp_path):
    page = tmp_path / "docs/failures.md"
    page.parent.mkdir()
    page.write_text("| 1 | kill -9 | nothing lost | `test_faults_signals`: `a_death_while_idle` |\n")
    assert any("a_death_while_idle" in breach for breach in laws.breaches(tmp_path))
    found(tmp_path, "tests/x_test.c", "")
    (tmp_path / "tests/test_faults_signals.py").write_text("def test_a_death_while_idle_loses_nothing():\n    pass\n")
    assert list(laws.breaches(tmp_path)) == []
