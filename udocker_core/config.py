"""Configuration: defaults, files, ``UDOCKER_*`` variables, options; each stronger than the last.

Every setting is text under a lower-case key, so that engines and plugins can have keys of their
own without the core knowing them: ``UDOCKER_SOME_KEY`` in the environment and ``some_key`` in a
file are the same setting. Nothing is ever read from the current directory: with udocker 1.3 a
file ``u.conf`` lying there was code execution.
"""

from __future__ import annotations

import os

from udocker_core.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SYSTEM_FILE = "/etc/udocker.conf"
FILE_NAME = "udocker.conf"

#: The keys that the core itself reads, with their defaults.
DEFAULTS: Mapping[str, str] = {
    "verbose_level": "3",
    "topdir": "",
    "bindir": "",
    "libdir": "",
    "docdir": "",
    "reposdir": "",
    "layersdir": "",
    "containersdir": "",
    "keystore": "keystore",
    "tmpdir": "",
    "cmd": "bash -i",
    "root_path": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "user_path": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "sysdirs_list": "/dev /proc /sys /etc/resolv.conf /etc/host.conf /lib/modules",
    "dri_list": "/usr/lib64/dri /lib64/dri /usr/lib/dri /lib/dri",
    "override_default_execution_mode": "",
    "default_execution_modes": "P1 R1 F1 S1",
    "enable_plugins": "",
    "disable_plugins": "",
    "plugins": "",
    "http_proxy": "",
    "http_insecure": "no",
    "timeout": "12",
    "ctimeout": "6",
    "dockerio_registry_url": "",
    "fsync": "yes",
}

#: Variables whose name does not follow the rule ``UDOCKER_`` + key (udocker 1.3's names).
VARIABLES: Mapping[str, str] = {
    "UDOCKER_DIR": "topdir",
    "UDOCKER_BIN": "bindir",
    "UDOCKER_LIB": "libdir",
    "UDOCKER_DOC": "docdir",
    "UDOCKER_REPOS": "reposdir",
    "UDOCKER_LAYERS": "layersdir",
    "UDOCKER_CONTAINERS": "containersdir",
    "UDOCKER_TMP": "tmpdir",
    "UDOCKER_LOGLEVEL": "verbose_level",
    "UDOCKER_REGISTRY": "dockerio_registry_url",
    "UDOCKER_INDEX": "dockerio_index_url",
    "UDOCKER_DEFAULT_EXECUTION_MODE": "override_default_execution_mode",
}

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off", "none"})


class Config:
    """All settings and where each comes from.

    Args:
        values: the text of every key.
        origins: where the text was found, for messages; missing keys are defaults.
    """

    def __init__(self, values: Mapping[str, str], origins: Mapping[str, str]) -> None:
        self.values = values
        self.origins = origins

    def text(self, key: str) -> str:
        """The setting as text, empty when it is not set."""
        return self.values.get(key, "")

    def words(self, key: str) -> tuple[str, ...]:
        """The setting as a list of words, separated by blanks or commas."""
        return tuple(self.text(key).replace(",", " ").split())

    def flag(self, key: str) -> bool:
        """The setting as true or false.

        Raises:
            ConfigError: it is neither, as people write them.
        """
        text = self.text(key).strip().lower()
        if text in _YES:
            return True
        if text in _NO:
            return False
        raise self._wrong(key, "yes or no")

    def number(self, key: str) -> int:
        """The setting as an integer.

        Raises:
            ConfigError: it is none.
        """
        try:
            return int(self.text(key))
        except ValueError:
            raise self._wrong(key, "a whole number") from None

    def _wrong(self, key: str, wanted: str) -> ConfigError:
        origin = self.origins.get(key, "the defaults")
        return ConfigError(
            f"{key} = {self.text(key)!r} in {origin} is not {wanted}", "correct the setting"
        )

    @property
    def home(self) -> str:
        """The directory of the user's own settings and keystore: ``~/.udocker``."""
        return os.path.join(_home(), ".udocker")

    @property
    def topdir(self) -> str:
        """The store."""
        return os.path.abspath(self.text("topdir") or self.home)

    def directory(self, kind: str) -> str:
        """A directory of the store: ``repos``, ``layers``, ``containers``, ``bin``, ``lib``."""
        return os.path.abspath(self.text(kind + "dir") or os.path.join(self.topdir, kind))

    @property
    def tmpdir(self) -> str:
        """Where files that live as long as one run are put."""
        return self.text("tmpdir") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108

    @property
    def keystore(self) -> str:
        """The file of udocker's own registry credentials."""
        return os.path.join(self.home, self.text("keystore"))


def load(
    options: Mapping[str, str],
    file: str = "",
    warn: Callable[[str], None] = lambda text: None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Read the configuration.

    Args:
        options: settings given on the command line, by key.
        file: the ``--config`` file, which must exist.
        warn: called with a line about a file that is not trusted.
        environ: the environment.

    Raises:
        ConfigError: a file cannot be read or is no configuration.
    """
    values = dict(DEFAULTS)
    origins: dict[str, str] = {}
    variables = _variables(environ)

    def add(found: Mapping[str, str], origin: Callable[[str], str]) -> None:
        for key, text in found.items():
            values[key] = text
            origins[key] = origin(key)

    def add_file(path: str) -> None:
        add(_read(path, warn), lambda key: path)

    home = os.path.join(_home(), ".udocker")
    add_file(SYSTEM_FILE)
    add_file(os.path.join(home, FILE_NAME))
    topdir = options.get("topdir") or variables.get("topdir", ("", ""))[1] or values["topdir"]
    if topdir and os.path.abspath(topdir) != home:
        add_file(os.path.join(topdir, FILE_NAME))
    if file:
        if not os.path.isfile(file):
            raise ConfigError(f"no such configuration file: {file}", "check --config")
        add_file(file)
    add({key: text for key, (_, text) in variables.items()}, lambda key: variables[key][0])
    add(options, lambda key: "the command line")
    return Config(values, origins)


def _home() -> str:
    home = os.environ.get("HOME")
    if not home:
        import pwd

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            raise ConfigError(
                "no home directory: HOME is not set", "set HOME or UDOCKER_DIR"
            ) from None
    return home


def _variables(environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The settings in the environment: key -> (variable's name, text)."""
    found = {}
    for name, text in environ.items():
        if name.startswith("UDOCKER_") and text:
            key = VARIABLES.get(name) or name[len("UDOCKER_") :].lower()
            found[key] = (name, text)
    return found


def _read(path: str, warn: Callable[[str], None]) -> dict[str, str]:
    """The settings of one file; none when it does not exist or belongs to somebody else."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            status = os.fstat(file.fileno())
            if status.st_uid not in (0, os.getuid()) or status.st_mode & 0o002:
                warn(f"{path} is ignored: it belongs to, or can be written by, other users")
                return {}
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    import configparser

    parser = configparser.RawConfigParser()
    if "[" not in text:
        text = "[DEFAULT]\n" + text
    try:
        parser.read_string(text, path)
    except configparser.Error as error:
        raise ConfigError(f"{path} is no configuration file: {error.message.splitlines()[0]}",
                          "write lines 'key = value' under [DEFAULT]") from error
    return {key: value.strip().strip("\"'") for key, value in parser.defaults().items()}
