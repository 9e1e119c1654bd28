"""Reads and checks the charm's options: a table maps each option to a setting of the server."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Value = str | int | float | bool
Check = Callable[[str], str | None]
"""Returns None for a valid text, else the rest of a sentence that begins with the option's name."""


class SecretError(Exception):
    """A Juju secret that an option names cannot be read. The text completes a sentence after its name."""


def _whole(low: int, high: int) -> Check:
    def check(text: str) -> str | None:
        return None if low <= int(text) <= high else f"must be a whole number from {low} to {high}"

    return check


def _word(*words: str) -> Check:
    return lambda text: None if text in words else f"must be one of: {', '.join(words)}"


def _web_url(text: str) -> str | None:
    right = re.fullmatch(r"https?://[^\s/?#@]+[^\s@]*", text)
    return None if right else "must be a URL that begins with http:// or https://"


def _issuer(text: str) -> str | None:
    right = re.fullmatch(r"https://[^\s/?#@]+[^\s?#@]*", text)
    return None if right else "must be a URL that begins with https://"


def _scopes(text: str) -> str | None:
    return None if "openid" in text.split() else "must contain the scope openid"


def _hostname(text: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?", text) else "must be a host name"


def _signing_key(text: str) -> str | None:
    right = len(text.encode()) >= 32
    return None if right else "is under 32 bytes: set it to an empty text and the charm makes one"


def _master_key(text: str) -> str | None:
    try:
        right = len(base64.b64decode("".join(text.split()), validate=True)) == 96
    except (binascii.Error, ValueError):
        right = False
    return None if right else "must be base64 of 96 bytes: openssl rand -base64 96"


def _anything(_: str) -> None:
    return None


SETTINGS: dict[str, tuple[str, Check]] = {
    "agent_binding": ("AGENT_BINDING", _word("record", "enforce")),
    "http_proxy": ("HTTP_PROXY", _anything),
    "https_proxy": ("HTTPS_PROXY", _anything),
    "job_ownership": ("JOB_OWNERSHIP", _word("record", "enforce")),
    "jwt_leeway": ("JWT_LEEWAY", _whole(0, 3600)),
    "keepalive": ("KEEPALIVE", _whole(0, 3600)),
    "local_sign_in": ("LOCAL_SIGN_IN", _word("auto", "on", "off")),
    "log_level": ("LOG_LEVEL", _word("debug", "info", "warn", "error", "silent")),
    "max_pool_size": ("MONGODB_MAX_POOL_SIZE", _whole(1, 10_000)),
    "no_proxy": ("NO_PROXY", _anything),
    "oidc_api_paths": ("OIDC_API_PATHS", _anything),
    "oidc_client_id": ("OIDC_CLIENT_ID", _anything),
    "oidc_email_domains": ("OIDC_EMAIL_DOMAINS", _anything),
    "oidc_logout": ("OIDC_LOGOUT", _word("local", "provider")),
    "oidc_provider_issuer": ("OIDC_PROVIDER_ISSUER", _issuer),
    "oidc_redirect_path": ("OIDC_REDIRECT_PATH", _word("/auth/callback", "/auth")),
    "oidc_scopes": ("OIDC_SCOPES", _scopes),
    "public_url": ("PUBLIC_URL", _web_url),
    "session_hours": ("SESSION_HOURS", _whole(1, 720)),
    "session_idle_minutes": ("SESSION_IDLE_MINUTES", _whole(0, 10_080)),
    "webhook_url": ("WEBHOOK_URL", _web_url),
    "workers": ("WORKERS", _whole(1, 64)),
}
"""Options that are passed on unchanged. An empty one is omitted: the server treats it as not set."""

KEYS: dict[str, tuple[str, Check]] = {
    "jwt_signing_key": ("JWT_SIGNING_KEY", _signing_key),
    "oidc_client_secret": ("OIDC_CLIENT_SECRET", _anything),
    "testflinger_secrets_master_key": ("TESTFLINGER_SECRETS_MASTER_KEY", _master_key),
    "web_secret_key": ("WEB_SECRET_KEY", _anything),
    "webhook_auth": ("WEBHOOK_AUTH", _anything),
}
"""Options that hold a key. Each has a twin `NAME_secret` that names a Juju secret and takes precedence."""


SIGN_IN = ("oidc_client_id", "oidc_provider_issuer")
"""Options that turn on sign-in with OpenID Connect: both or none. The charm creates a missing web key."""


@dataclass(frozen=True)
class Config:
    """The options of the charm. Each text in `problems` names an invalid option."""

    external_hostname: str
    """Empty if it is invalid."""
    leeway: int
    settings: dict[str, str] = field(repr=False)
    keys: dict[str, str] = field(repr=False)
    """Key options by name, without the empty ones."""
    plain: list[str]
    """Key options that are in use and given as plain text."""
    problems: list[str]

    @property
    def has_sign_in(self) -> bool:
        """Whether people sign in with OpenID Connect."""
        return all(SETTINGS[option][0] in self.settings for option in SIGN_IN)

    @property
    def session_seconds(self) -> int:
        """The longest time that a web session lasts."""
        return int(self.settings.get("SESSION_HOURS", "12")) * 3600


def read_config(options: Mapping[str, Value], read_secret: Callable[[str], str]) -> Config:
    """Reads every option.

    `read_secret` returns the text in the Juju secret with that id, or raises `SecretError`. `problems` lists
    the invalid options, and never contains the value of a key.
    """
    problems: list[str] = []
    settings: dict[str, str] = {}
    for option, (name, check) in SETTINGS.items():
        text = str(options.get(option, ""))
        problem = check(text) if text else None
        if problem:
            problems.append(f"{option} {problem}")
        elif text:
            settings[name] = text
    given = [option for option in SIGN_IN if options.get(option)]
    missing = [option for option in SIGN_IN if option not in given]
    if given and missing:
        problems.append(f"{missing[0]} is missing: sign-in needs it as well as {given[0]}")
    if options.get("enable_proxyfix"):
        settings["TRUST_PROXY"] = "1"
    keys, plain = _read_keys(options, read_secret, problems)
    hostname = str(options.get("external_hostname", ""))
    if problem := _hostname(hostname):
        problems.append(f"external_hostname {problem}")
        hostname = ""
    leeway = int(settings.get("JWT_LEEWAY", "0"))
    return Config(hostname, leeway, settings, keys, plain, problems)


def _read_keys(
    options: Mapping[str, Value], read_secret: Callable[[str], str], problems: list[str]
) -> tuple[dict[str, str], list[str]]:
    keys: dict[str, str] = {}
    plain: list[str] = []
    for option, (_, check) in KEYS.items():
        source, text = option, str(options.get(option, ""))
        if secret_id := options.get(f"{option}_secret"):
            source = f"{option}_secret"
            try:
                text = read_secret(str(secret_id))
            except SecretError as unreadable:
                problems.append(f"{source} {unreadable}")
                continue
        if not text:
            continue
        if problem := check(text):
            problems.append(f"{source} {problem}")
            continue
        keys[option] = "".join(text.split()) if option == "testflinger_secrets_master_key" else text
        if source == option:
            plain.append(option)
    return keys, plain
