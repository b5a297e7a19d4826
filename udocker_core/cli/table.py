"""The list of commands, so that help needs to import none of them."""

from __future__ import annotations

from udocker_core.cli.declare import Command

#: name -> (module below ``udocker_core.cli``, one line of help)
COMMANDS = {
    "pull": ("pull", "Pull an image from a registry"),
    "load": ("load", "Load images from a docker archive or OCI archive"),
    "import": ("import_", "Make an image or a container of a tar file with a file system"),
    "images": ("images", "List images"),
    "rmi": ("rmi", "Remove images"),
    "create": ("create", "Make a container from an image"),
    "ps": ("ps", "List containers"),
    "run": ("run", "Run a command in a container"),
    "setup": ("setup", "Show or change how a container is executed"),
    "inspect": ("inspect", "Show the metadata of a container or image as JSON"),
    "rm": ("rm", "Remove containers"),
    "name": ("name", "Give a container one more name"),
    "rename": ("rename", "Change a container's name"),
    "rmname": ("rmname", "Take a name from a container"),
    "protect": ("protect", "Protect a container or an image from removal"),
    "unprotect": ("unprotect", "Let a container or an image be removed again"),
    "doctor": ("doctor", "Tell which execution modes work here, and why the others do not"),
    "plugins": ("plugins", "List the installed engines and plugins"),
    "install": ("install", "Say what is installed (nothing has to be fetched any more)"),
    "version": ("version", "Print the version"),
    "help": ("help", "Print this help, or that of a command"),
}


def load(name: str) -> Command:
    """The command with this name, which must be in the table."""
    import importlib

    module = importlib.import_module(f"udocker_core.cli.{COMMANDS[name][0]}")
    command: Command = module.COMMAND
    return command
