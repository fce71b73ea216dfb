"""Run a command with what a unit forbids, as systemd would: `python confined.py JSON COMMAND…`.

It is started by `tests.system.service_manager`, and forbids by the kernel's own means: a filter of system calls
(libseccomp, which systemd is made with) and no memory that is written and run.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys

ALLOW = 0x7FFF0000
FAILS = 0x00050000
"""The call fails, with the error number in the lower half."""
EQUAL = 4
NO_NEW_PRIVILEGES, NO_EXEC_GAIN = 38, 65
"""Of prctl(2); the second is in Linux since 6.3."""


class Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def filter_calls(allowed: list[str], families: list[str]) -> None:
    """Have every other system call fail, and `socket` for other address families."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(FAILS | 1))  # EPERM

    def allow(name: str, *comparisons: Comparison) -> None:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        array = (Comparison * len(comparisons))(*comparisons)
        seccomp.seccomp_rule_add_array(context, ALLOW, number, len(comparisons), array)

    for name in allowed:
        if name != "socket":
            allow(name)
    for family in families:
        allow("socket", Comparison(0, EQUAL, getattr(socket, family), 0))
    if seccomp.seccomp_load(context) != 0:
        raise SystemExit("the filter of system calls cannot be loaded")


def main() -> None:
    """Do what the unit says, and become the command."""
    said = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if said["no_exec_gain"] and libc.prctl(NO_EXEC_GAIN, 1, 0, 0, 0) != 0:
        sys.stderr.write("this kernel cannot forbid memory that is written and run\n")
    if said["sockets"]:
        os.environ["LISTEN_PID"] = str(os.getpid())
    if said["calls"]:
        filter_calls(said["calls"], said["families"])
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
