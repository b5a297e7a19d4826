"""Every hook of udocker: what a plugin can implement.

A plugin is an object whose methods are marked with :data:`udocker_core.hookimpl` and named as
the functions below. An implementation may leave out arguments that it does not need (pluggy's
rule). docs/plugins.md shows each in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pluggy

from udocker_core.hookmarker import PROJECT
from udocker_core.model import (
    Capabilities,
    Container,
    Contribution,
    LaunchPlan,
    Probe,
    RunSpec,
)

hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec(firstresult=True)
def udocker_pull(reference: Any, platform: Any, store: Any, progress: Any) -> Any:
    """Bring an image into the store.

    Args:
        reference: a :class:`udocker_core.names.Reference`.
        platform: a :class:`udocker_core.platform.Platform`.
        store: a :class:`udocker_core.images.store.ImageStore`.
        progress: a :class:`udocker_core.registry.progress.Progress`.

    Returns:
        the stored :class:`udocker_core.images.store.Image`, or None to leave it to others; when
        all do, the core asks the registry.

    Called by: ``pull``, and ``create`` and ``run`` of an image that is not in the store.

    Example: a site's plugin that takes images from a shared directory::

        @hookimpl
        def udocker_pull(self, reference, store):
            archive = f"/data/images/{reference.repository}.tar"
            return load(store, archive, reference) if os.path.exists(archive) else None
    """


@hookspec
def udocker_create(container: Container, image: Any) -> None:
    """Add to a container whose root has just been filled, before it is listed.

    Args:
        container: the new container; its root is complete.
        image: the :class:`udocker_core.images.store.Image` it is made from.

    Called by: ``create``, and ``run`` of an image.

    Example::

        @hookimpl
        def udocker_create(self, container):
            os.makedirs(os.path.join(container.root, "scratch"), exist_ok=True)
    """


@hookspec
def udocker_setup(
    container: Container, capabilities: Capabilities, settings: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Prepare the root for the mode.

    Args:
        container: the container.
        capabilities: what the engine of the new mode can do.
        settings: what this plugin returned the last time, empty at first.

    Returns:
        what :func:`udocker_teardown` will need to undo it, as JSON values; None for nothing.

    Called by: ``setup --execmode``.

    Example::

        @hookimpl
        def udocker_setup(self, container):
            return {"links": make_links_relative(container.root)}
    """


@hookspec
def udocker_teardown(container: Container, settings: Mapping[str, Any]) -> None:
    """Undo :func:`udocker_setup` exactly: the root is equal byte for byte to a fresh one.

    Args:
        container: the container.
        settings: what :func:`udocker_setup` returned.

    Called by: ``setup --execmode``, before the new mode's set-up.

    Example::

        @hookimpl
        def udocker_teardown(self, container, settings):
            restore_links(container.root, settings["links"])
    """


@hookspec
def udocker_prepare_run(
    container: Container, spec: RunSpec, capabilities: Capabilities
) -> Contribution | None:
    """Add binds, devices and variables to a run. Ask for capabilities, never for an engine.

    Args:
        container: the container.
        spec: what the user asked for.
        capabilities: what the engine can do.

    Returns:
        a :class:`~udocker_core.model.Contribution`; what the user asked for wins over it.

    Called by: ``run``.

    Example::

        @hookimpl
        def udocker_prepare_run(self, capabilities):
            if capabilities.file_binds:
                return Contribution(binds=(Bind(library, library, read_only=True),))
    """


@hookspec(firstresult=True)
def udocker_run(container: Container, spec: RunSpec) -> LaunchPlan:  # type: ignore[empty-body]
    """Translate what docker would understand into what the kernel will execute. Runs nothing.

    Args:
        container: the container.
        spec: what to run.

    Returns:
        a :class:`~udocker_core.model.LaunchPlan`: pure data.

    Called by: ``run``.

    Example::

        @hookimpl
        def udocker_run(self, spec):
            argv = ("/usr/bin/chroot", spec.root, *spec.argv)
            return LaunchPlan(argv, spec.env)
    """


@hookspec
def udocker_inspect(container: Container) -> Mapping[str, Any] | None:
    """Add a section to ``udocker inspect``.

    Args:
        container: the container.

    Returns:
        JSON values by name, or None.

    Called by: ``inspect`` of a container.

    Example::

        @hookimpl
        def udocker_inspect(self, container):
            return {"libraries": list(container.settings.get("nvidia", ()))}
    """


@hookspec
def udocker_probe() -> Probe:  # type: ignore[empty-body]
    """Tell whether the mode can run on this host, and if not, why.

    Returns:
        a :class:`~udocker_core.model.Probe` with a reason that names the remedy.

    Called by: ``doctor``.

    Example::

        @hookimpl
        def udocker_probe(self):
            path = shutil.which("apptainer")
            return Probe(bool(path), path or "apptainer is not in PATH")
    """
