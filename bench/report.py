"""What was measured, as Markdown, JSON and a chart."""
import json
import statistics

WHOLE = "floor-http"
COLUMNS = [  # key, head, format, also as a ratio to the whole floor
    ("rate", "messages/s", "{:,.0f}", True),
    ("cpu_us", "CPU µs/message", "{:.1f}", True),
    ("redis_us", "Redis' µs", "{:.1f}", True),
    ("broker_us", "the broker's µs", "{:.1f}", True),
    ("whole_us", "all three", "{:.1f}", True),
    ("cpu_low_us", "the same at 200/s", "{:.0f}", True),
    ("rss_mb", "RSS MB", "{:.1f}", True),
    ("first_ack_ms", "start to first ack ms", "{:.0f}", True),
    ("p50_ms", "p50 ms", "{:.2f}", True),
    ("p99_ms", "p99 ms", "{:.2f}", True),
]


class Results:
    """Samples by program and figure."""

    def __init__(self):
        self.samples, self.void, self.missing, self.machine, self.long = {}, [], {}, {}, []

    def add(self, name, figures):
        for key, value in figures.items():
            self.samples.setdefault(name, {}).setdefault(key, []).append(value)

    def median(self, name, key):
        values = self.samples.get(name, {}).get(key)
        return statistics.median(values) if values else None

    def ratio(self, name, key):
        mine, floor = self.median(name, key), self.median(WHOLE, key)
        return mine / floor if mine is not None and floor else None

    def cell(self, name, key, form, with_ratio):
        values = self.samples.get(name, {}).get(key)
        if not values:
            return ""
        text = form.format(statistics.median(values))
        if len(values) > 1:
            text += f" ({form.format(min(values))} to {form.format(max(values))})"
        if with_ratio and (ratio := self.ratio(name, key)) is not None:
            text += f" · {ratio:.2f}×"
        return text

    def data(self, programs):
        return {"machine": self.machine, "void": self.void, "missing": self.missing, "floor": WHOLE, "long": self.long,
                "programs": {p.name: {"title": p.title, "samples": self.samples.get(p.name, {}),
                                      "median": {key: self.median(p.name, key) for key in self.samples.get(p.name, {})},
                                      "ratio": {key: self.ratio(p.name, key) for key in self.samples.get(p.name, {})}}
                             for p in programs}}


def markdown(results, programs):
    lines = ["# Benchmark", "", "Medians (least to greatest) · times the whole floor of this same run. "
             + ", ".join(f"{name}: {value}" for name, value in results.machine.items()) + ".", "",
             "| | " + " | ".join(head for _, head, _, _ in COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for program in programs:
        if program.name in results.samples and program.title:
            cells = [results.cell(program.name, key, form, ratio) for key, _, form, ratio in COLUMNS]
            lines.append(f"| {program.title} | " + " | ".join(cells) + " |")
    lines += ["", *[f"- {title}: {text}" for title, text in extras(results)],
              *[f"- not measured: {name}: {why}" for name, why in results.missing.items()],
              *[f"- void run: {what}" for what in results.void]]
    return "\n".join(lines) + "\n"


def extras(results):
    slow = [("slow-http", "mail service at 50 ms, HTTP, 256 in flight", 5120), ("slow-floor", "the same, the floor", 5120),
            ("slow-http-ahead", "the same, leveret, 512 messages prefetched for 256 connections", 5120),
            ("slow-smtp", "mail service at 50 ms, SMTP, 256 connections", 5120),
            ("slow-smtp-ahead", "the same, 512 messages prefetched", 5120),
            ("slow-http-1024", "mail service at 200 ms, HTTP, 1,024 in flight", 5120), ("slow-floor-1024", "the same, the floor", 5120),
            ("slow-http-1024-ahead", "the same, leveret, 2,048 messages prefetched for 1,024 connections", 5120),
            ("slow-http-2000", "mail service at 200 ms, HTTP, 2,000 in flight on 1,024 connections", 5120)]
    for name, title, possible in slow:
        if results.median(name, "rate"):
            yield title, (f"{results.cell(name, 'rate', '{:,.0f}', False)} mails/s of {possible:,} possible, RSS "
                          f"{results.cell(name, 'rss_mb', '{:.1f}', False)} MB")
    for name, title in (("turns-http", "HTTP"), ("turns-smtp", "SMTP")):
        if results.median(name, "turns"):
            yield f"turns of the loop, {title}, connections broken, an alarm", (
                f"{results.cell(name, 'turns', '{:,.0f}', False)}, {results.cell(name, 'long_turns', '{:,.0f}', False)} of them with more "
                f"than 5 ms of CPU, the longest {results.cell(name, 'longest_ms', '{:.1f}', False)} ms; waits for anything but events: "
                f"{results.cell(name, 'waits', '{:,.0f}', False)}")
    if (idle := results.median("leveret", "idle_percent")) is not None:
        yield "leveret idle for ten seconds", f"{idle:.3f} % of a core"
    yield from results.long


def bar(y, title, value, longest, color):
    width = min(520 * value / longest, 520)
    cut = f'<path d="M740 {y + 22}l8 -24h8l-8 24z" fill="white"/>' if value > longest else ""  # the bar is not to scale
    return (f'<text x="250" y="{y + 15}" text-anchor="end">{title}</text>'
            f'<rect x="260" y="{y}" width="{width:.1f}" height="20" fill="{color}"/>{cut}'
            f'<text x="{268 + width:.1f}" y="{y + 15}">{value:.1f}</text>')


def chart(results, programs):
    """CPU per message, the figure that decides how many replicas are paid for."""
    rows = [(p, results.median(p.name, "cpu_us")) for p in programs if results.median(p.name, "cpu_us")]
    longest = min(max((value for _, value in rows), default=1), 4 * (results.median(WHOLE, "cpu_us") or 1000))
    height = 60 + 28 * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{height}" font-family="sans-serif" font-size="13">',
             f'<rect width="860" height="{height}" fill="white"/>',
             '<text x="20" y="24" font-size="15">CPU microseconds per message (less is better)</text>']
    for number, (program, value) in enumerate(rows):
        color = "#2f7d4f" if program.name.startswith("leveret") else "#9aa5b1" if program.name.startswith("floor") else "#c77d3a"
        parts.append(bar(44 + 28 * number, program.title, value, longest, color))
    return "\n".join([*parts, "</svg>"]) + "\n"


def write(directory, results, programs):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bench.json").write_text(json.dumps(results.data(programs), indent=1) + "\n")
    (directory / "bench.md").write_text(markdown(results, programs))
    (directory / "bench.svg").write_text(chart(results, programs))
