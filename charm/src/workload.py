"""The `queuepass` command in the container: what is called, with what, and what its answers mean."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import unquote

from layer import PORT

ADMIN = "testflinger-admin"
SECRET_SETTINGS = re.compile(r"_(KEY|SECRET|AUTH)$")


class CommandError(Exception):
    """A command did not do what it should; its text is for the operator and holds no key."""


class Run(Protocol):
    """How a command is run in the container."""

    def __call__(self, command: list[str], environment: Mapping[str, str], stdin: str | None = None) -> str:
        """Gives the standard output. Raises `CommandError`."""
        ...


def set_admin_key(run: Run, environment: Mapping[str, str], key: str) -> str:
    """Gives the admin client a key; the answer tells whether the client was created or updated."""
    return run(["queuepass", "admin", "set-key", "--stdin"], environment, key).strip()


def reset_admin_key(run: Run, environment: Mapping[str, str]) -> str:
    """Makes a new key for the admin client and gives it."""
    return _read_key(run(["queuepass", "admin", "reset-key", "--json"], environment))


def add_client(run: Run, environment: Mapping[str, str], admin_key: str, client: str, role: str) -> str:
    """Makes a client through the server of this unit and gives its key."""
    acting = {
        "QUEUEPASS_SERVER": f"http://127.0.0.1:{PORT}",
        "QUEUEPASS_CLIENT_ID": ADMIN,
        "QUEUEPASS_CLIENT_KEY": admin_key,
    }
    # What stands behind `--` is no option, whatever it begins with.
    command = ["queuepass", "client", "add", "--json", "--role", role, "--", client]
    return _read_key(run(command, {**environment, **acting}))


def rotate_master_key(run: Run, environment: Mapping[str, str], new_key: str) -> None:
    """Seals the data key of the secrets with `new_key`; the old one is in `environment`. May be repeated."""
    run(["queuepass", "secrets", "rotate-key"], environment, new_key)


def report_on_database(run: Run, environment: Mapping[str, str]) -> str:
    """What `queuepass doctor` finds, as text."""
    return scrub(run(["queuepass", "doctor"], environment).strip(), list_secrets(environment))


def _read_key(answer: str) -> str:
    try:
        return str(json.loads(answer)["client_key"])
    except (KeyError, TypeError, ValueError):
        # The cause would show the answer, and so perhaps the key.
        raise CommandError("the answer of the queuepass command has no key") from None


def list_secrets(environment: Mapping[str, str]) -> list[str]:
    """The texts in an environment that nobody is to see: keys; users, passwords and hosts in addresses."""
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
    """User, password and hosts of an address, as they stand in it and as they are."""
    match = re.match(r"[a-z+]+://(?:([^:@/]+)(?::([^@/]*))?@)?([^/?]*)", uri)
    user, password, hosts = match.groups(default="") if match else ("", "", "")
    names = [host.rsplit(":", 1)[0] for host in hosts.split(",")]
    return [part for part in (user, password, unquote(user), unquote(password), *names) if part]


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret replaced."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def pick_reason(stderr: str, secrets: Iterable[str]) -> str:
    """The last line of a command's error output, without anything secret that it may repeat."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    reason = lines[-1].removeprefix("queuepass: ") if lines else "the command tells no reason"
    return scrub(reason, secrets)
