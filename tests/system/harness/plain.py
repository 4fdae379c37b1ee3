"""The program without a sanitizer, for what a sanitizer does not let happen."""
import pytest

from .worker import crash_binary


def plain_binary():
    """The run of the thread sanitizer builds no other than its own."""
    if "tsan" in crash_binary().parts:
        pytest.skip("the thread sanitizer takes deadly signals and does not live without memory")
    return crash_binary()
