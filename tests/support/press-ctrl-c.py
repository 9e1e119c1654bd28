"""Runs a command on its own terminal, copies its output, and presses Ctrl-C for each byte on standard input.

Usage: press-ctrl-c.py COMMAND...
"""

import os
import pty
import select
import sys

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
sources = [terminal, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        pressed = os.read(0, 1)
        if pressed:
            os.write(terminal, b"\x03")
        else:
            sources.remove(0)
    if terminal in ready:
        try:
            text = os.read(terminal, 65536)
        except OSError:
            break
        if not text:
            break
        os.write(1, text)
os.waitpid(child, 0)
