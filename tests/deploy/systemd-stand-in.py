"""Replaces systemd on a machine where it does not run: systemd-stand-in.py SOCKET COMMAND...

Listens on a Unix socket, starts the command with the socket as descriptor 3, and prints each notification as a JSON
list of lines. Each line on standard input restarts the command. The end of the input stops it.
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


def print_lines(*lines: str) -> None:
    print(json.dumps(lines), flush=True)


def receive(notify: socket.socket) -> None:
    while True:
        size = array.array("i").itemsize
        data, ancillary, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(size))
        for level, kind, passed in ancillary:
            # systemd-notify passes a descriptor as a barrier and waits until the descriptor is closed.
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                for descriptor in array.array("i", passed[:size]):
                    os.close(descriptor)
        print_lines(*data.decode().splitlines())


def start(command: list[str], notify_path: str) -> subprocess.Popen:
    variables = {"LISTEN_FDS": "1", "NOTIFY_SOCKET": notify_path, "WATCHDOG_USEC": str(WATCHDOG_USEC)}
    return subprocess.Popen(command, pass_fds=(3,), env={**os.environ, **variables}, stdin=subprocess.DEVNULL)


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
        print_lines(f"ended with {child.wait()}")
        child = start(command, f"{path}.notify")
    child.terminate()
    child.wait()
    # The last notification may not have arrived yet.
    time.sleep(0.5)


main(sys.argv[1], sys.argv[2:])
