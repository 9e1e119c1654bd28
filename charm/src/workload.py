"""Calls the `queuepass` command in the container and reads its output."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import unquote

from layer import PORT

ADMIN = "testflinger-admin"
SECRET_SETTINGS = re.compile(r"_(KEY|SECRET|AUTH)(_PREVIOUS)?$")


class CommandError(Exception):
    """A command failed. The text is for the operator and contains no key."""


class Run(Protocol):
    """How a command is run in the container."""

    def __call__(self, command: list[str], environment: Mapping[str, str], stdin: str | None = None) -> str:
        """Returns the standard output. Raises `CommandError`."""
        ...


def set_admin_key(run: Run, environment: Mapping[str, str], key: str) -> str:
    """Sets the key of the admin client. Returns a message that the client was created or updated."""
    return run(["queuepass", "admin", "set-key", "--stdin"], environment, key).strip()


def reset_admin_key(run: Run, environment: Mapping[str, str]) -> str:
    """Creates a new key for the admin client and returns it."""
    return _read_key(run(["queuepass", "admin", "reset-key", "--json"], environment))


def add_client(run: Run, environment: Mapping[str, str], admin_key: str, client: str, role: str) -> str:
    """Creates a client through the server of this unit and returns its key."""
    acting = {
        "QUEUEPASS_SERVER": f"http://127.0.0.1:{PORT}",
        "QUEUEPASS_CLIENT_ID": ADMIN,
        "QUEUEPASS_CLIENT_KEY": admin_key,
    }
    # After `--` nothing is read as an option, whatever it begins with.
    command = ["queuepass", "client", "add", "--json", "--role", role, "--", client]
    return _read_key(run(command, {**environment, **acting}))


def rotate_master_key(run: Run, environment: Mapping[str, str], new_key: str) -> None:
    """Encrypts the data key with `new_key`. The old key is in `environment`. Can be repeated."""
    run(["queuepass", "secrets", "rotate-key"], environment, new_key)


def clear_sessions(run: Run, environment: Mapping[str, str]) -> str:
    """Ends all web sessions. The database then accepts another web secret key. Returns a message."""
    return run(["queuepass", "session", "clear"], environment).strip()


def report_on_database(run: Run, environment: Mapping[str, str]) -> str:
    """Returns the report of `queuepass doctor` as text."""
    return scrub(run(["queuepass", "doctor"], environment).strip(), list_secrets(environment))


def _read_key(answer: str) -> str:
    try:
        return str(json.loads(answer)["client_key"])
    except (KeyError, TypeError, ValueError):
        # The cause would show the output, which may contain the key.
        raise CommandError("the output of the queuepass command has no key") from None


def list_secrets(environment: Mapping[str, str]) -> list[str]:
    """Returns the secret texts in an environment: keys, and users, passwords and hosts in addresses."""
    found: list[str] = []
    for name, text in environment.items():
        if re.search("_URI$|^HTTPS?_PROXY$", name):
            found += [text, *_list_parts(text)]
        elif name.endswith("_KEYS"):
            found += json.loads(text)
        elif SECRET_SETTINGS.search(name):
            found.append(text)
    return found


def _list_parts(uri: str) -> list[str]:
    """Returns user, password and hosts of an address, both encoded and decoded."""
    match = re.match(r"[a-z+]+://(?:([^:@/]+)(?::([^@/]*))?@)?([^/?]*)", uri)
    user, password, hosts = match.groups(default="") if match else ("", "", "")
    names = [host.rsplit(":", 1)[0] for host in hosts.split(",")]
    return [part for part in (user, password, unquote(user), unquote(password), *names) if part]


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Returns the text with every secret replaced."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def pick_reason(stderr: str, secrets: Iterable[str]) -> str:
    """Returns the last line of a command's error output, with secrets removed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    reason = lines[-1].removeprefix("queuepass: ") if lines else "the command gave no reason"
    return scrub(reason, secrets)
