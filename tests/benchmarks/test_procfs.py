from __future__ import annotations

import os

import pytest

from benchmarks import procfs
from benchmarks.procfs import Stat

LINE = (
    "4242 (tmux: server (1)) S 17 4242 4242 0 -1 4194560 2100 0 0 0 310 120 40 7 20 0 1 0 8000 1000 200 "
    "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
TICKS = os.sysconf("SC_CLK_TCK")


def stat(pid: int, parent: int, ticks: int = 0, reaped: int = 0) -> Stat:
    """A process with only the fields that a test is about."""
    return Stat(pid, parent, user=ticks, system=0, reaped_user=reaped, reaped_system=0)


def test_a_command_name_may_hold_spaces_and_parentheses() -> None:
    """The fields are counted from the last parenthesis (proc(5))."""
    assert procfs.parse_stat(LINE) == Stat(4242, 17, user=310, system=120, reaped_user=40, reaped_system=7)


def test_a_family_is_a_process_and_all_its_descendants() -> None:
    """Grandchildren belong to it, whatever the order in /proc; strangers do not."""
    everyone = [stat(30, 20), stat(1, 0), stat(20, 10), stat(10, 1), stat(40, 1)]

    assert [one.pid for one in procfs.family(10, everyone)] == [10, 20, 30]


def test_a_process_that_is_gone_has_no_family() -> None:
    """Not even children: they have another parent by then."""
    assert procfs.family(10, [stat(1, 0), stat(20, 1)]) == []


def test_children_that_have_ended_still_count() -> None:
    """Their time is in their parent's reaped fields."""
    cpu = procfs.total([stat(10, 1, ticks=2 * TICKS, reaped=TICKS), stat(20, 10, ticks=TICKS)])

    assert cpu.total == pytest.approx(4.0)


def test_a_difference_is_taken_of_user_and_system_time_each() -> None:
    """What a window of time has cost."""
    spent = procfs.Cpu(5.0, 3.0) - procfs.Cpu(4.0, 1.0)

    assert (spent.user, spent.system, spent.total) == (1.0, 2.0, 3.0)


def test_our_own_process_is_measured() -> None:
    """The kernel's real files have the form that the parsers expect."""
    assert os.getpid() in [one.pid for one in procfs.tree(os.getpid())]
    assert procfs.rss(os.getpid()) > 1_000_000


def test_a_zombie_has_no_resident_memory() -> None:
    """Its status has no VmRSS line."""
    assert procfs.parse_rss("Name:\tnginx\nState:\tZ (zombie)\n") == 0
    assert procfs.parse_rss("Name:\tnginx\nVmRSS:\t    2048 kB\n") == 2048 * 1024
