#!/usr/bin/python3
"""Ticks of cron against another implementation: minutes tried one by one, by Python's zoneinfo.

usage: compare.py PROBE [CASES [SEED]]    PROBE reads lines of zone, cron and time, and writes the five ticks that follow
"""
import datetime
import random
import subprocess
import sys
import zoneinfo

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
ZONES = ["UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Sao_Paulo", "America/Santiago", "Australia/Lord_Howe",
         "Africa/Casablanca", "Africa/Cairo", "Asia/Beirut", "Asia/Kathmandu", "Asia/Tehran", "Pacific/Apia", "Pacific/Chatham",
         "America/St_Johns", "Antarctica/Troll", "Asia/Gaza", "America/Scoresbysund", "Pacific/Kiritimati", "Etc/GMT-14"]
RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]
WINDOW_DAYS = 4


def draw_field(dice, low, high):
    kind = dice.random()
    if kind < 0.35:
        return "*"
    if kind < 0.5:
        return f"*/{dice.randint(1, (high - low) // 2)}"
    items = []
    for _ in range(dice.randint(1, 3)):
        a, b = sorted((dice.randint(low, high), dice.randint(low, high)))
        items.append(str(a) if dice.random() < 0.6 else f"{a}-{b}" if b - a < 2 or dice.random() < 0.5 else f"{a}-{b}/{dice.randint(1, b - a)}")
    return ",".join(items)


def values(text, low, high):
    found = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        a, _, b = ("%d-%d" % (low, high) if span == "*" else span).partition("-")
        found.update(range(int(a), int(b or a) + 1, int(step or 1)))
    return found


class Cron:
    def __init__(self, text):
        words = text.split()
        self.minutes, self.hours, self.days, self.months, self.weekdays = (
            values(word, *limits) for word, limits in zip(words, RANGES))
        self.either = not words[2].startswith("*") and not words[4].startswith("*")

    def names(self, wall):
        by_day, by_weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        day = by_day or by_weekday if self.either else by_day and by_weekday
        return day and wall.month in self.months and wall.hour in self.hours and wall.minute in self.minutes

    def every_hour(self):
        return len(self.hours) == 24


def ticks(text, name, begin):
    """Those in the days after `begin`, a time in UTC."""
    cron, zone = Cron(text), zoneinfo.ZoneInfo(name)
    minutes = [begin + i * MINUTE for i in range(1, WINDOW_DAYS * 1440)]
    shown = [moment.astimezone(zone).replace(tzinfo=None) for moment in minutes]
    if cron.every_hour():
        return [moment for moment, wall in zip(minutes, shown) if cron.names(wall)]
    found, highest = [], shown[0] - 26 * 60 * MINUTE
    before = {(begin - i * MINUTE).astimezone(zone).replace(tzinfo=None) for i in range(26 * 60)}
    highest = max(before)
    for moment, wall in zip(minutes, shown):
        if wall <= highest:
            continue  # shown before
        passed = [highest + i * MINUTE for i in range(1, int((wall - highest) / MINUTE) + 1)]  # the clocks went over them
        highest = wall
        if any(cron.names(time) for time in passed):
            found.append(moment)
    return found


def draw_moment(dice, name):
    """Often beside a change of the clocks."""
    zone = zoneinfo.ZoneInfo(name)
    at = datetime.datetime(2008, 1, 1, tzinfo=UTC) + dice.randint(0, 40 * 365 * 1440) * MINUTE
    if dice.random() < 0.7:
        for _ in range(400):
            later = at + datetime.timedelta(days=1)
            if later.astimezone(zone).utcoffset() != at.astimezone(zone).utcoffset():
                return at - dice.randint(0, 2000) * MINUTE
            at = later
    return at


def main(probe, cases=2000, seed=1):
    dice = random.Random(int(seed))
    drawn = []
    for _ in range(int(cases)):
        name = dice.choice(ZONES)
        text = " ".join(draw_field(dice, *limits) for limits in RANGES)
        drawn.append((name, text, draw_moment(dice, name)))
    drawn.sort(key=lambda case: case[0])
    lines = "".join(f"{name}\t{text}\t{int(at.timestamp())}\n" for name, text, at in drawn)
    answer = subprocess.run([probe], input=lines, text=True, capture_output=True, check=True)
    compared = 0
    for (name, text, at), line in zip(drawn, answer.stdout.splitlines(), strict=True):
        end = at + (WINDOW_DAYS - 1) * 1440 * MINUTE
        wanted = [int(tick.timestamp()) for tick in ticks(text, name, at) if tick < end][:5]
        got = [int(word) for word in line.split()]
        got = [tick for tick in got if tick < end.timestamp()]
        assert got == wanted, f"{name} {text!r} after {at}: {got}, wanted {wanted}"
        compared += len(wanted)
    print(f"{len(drawn)} cases, {compared} ticks alike")
    assert compared > len(drawn) // 2


if __name__ == "__main__":
    main(*sys.argv[1:])
