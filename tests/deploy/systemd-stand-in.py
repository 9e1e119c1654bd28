"""Stands in for systemd where none runs: systemd-stand-in.py SOCKET COMMAND...

Holds a listening unix socket, starts the command with it as descriptor 3, and prints each notification that comes, one
JSON list of lines at a time. Each line on standard input restarts the command; the end of the input ends it.
"""

import array
import json
import os
import socket
import subprocess
import sys
import threading
import time

WATCHDOG_USEC = 900_000


def say(*lines: str) -> None:
    print(json.dumps(lines), flush=True)


def receive(notify: socket.socket) -> None:
    while True:
        size = array.array("i").itemsize
        data, ancillary, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(size))
        for level, kind, passed in ancillary:
            # systemd-notify waits until the descriptor that it passed as a barrier is closed.
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                for descriptor in array.array("i", passed[:size]):
                    os.close(descriptor)
        say(*data.decode().splitlines())


def start(command: list[str], notify_path: str) -> subprocess.Popen:
    given = {"LISTEN_FDS": "1", "NOTIFY_SOCKET": notify_path, "WATCHDOG_USEC": str(WATCHDOG_USEC)}
    return subprocess.Popen(command, pass_fds=(3,), env={**os.environ, **given}, stdin=subprocess.DEVNULL)


def main(path: str, command: list[str]) -> None:
    listening = socket.socket(socket.AF_UNIX)
    if listening.fileno() != 3:
        os.dup2(listening.fileno(), 3)
    listening.bind(path)
    listening.listen(4096)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(f"{path}.notify")
    threading.Thread(target=receive, args=(notify,), daemon=True).start()
    child = start(command, f"{path}.notify")
    for _ in sys.stdin:
        child.terminate()
        say(f"ended with {child.wait()}")
        child = start(command, f"{path}.notify")
    child.terminate()
    child.wait()
    # A notification that it sent last may still be on its way.
    time.sleep(0.5)


main(sys.argv[1], sys.argv[2:])
