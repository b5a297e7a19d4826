"""From a RunSpec and an engine to a LaunchPlan: merge what plugins add, check capabilities."""

from __future__ import annotations

from udocker_core.errors import EngineError
from udocker_core.model import Capabilities, Contribution, RunSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def merge(spec: RunSpec, contributions: Iterable[Contribution]) -> RunSpec:
    """Add what plugins contribute; what the user asked for wins over it."""
    binds, devices = list(spec.binds), list(spec.devices)
    env: dict[str, str] = {}
    targets = {bind.target for bind in binds}
    nodes = {device.target for device in devices}
    for contribution in contributions:
        binds += [bind for bind in contribution.binds if bind.target not in targets]
        devices += [device for device in contribution.devices if device.target not in nodes]
        env.update(contribution.env)
    return spec._replace(binds=tuple(binds), devices=tuple(devices), env={**env, **spec.env})


def fit(
    spec: RunSpec, capabilities: Capabilities, mode: str, warn: Callable[[str], None]
) -> RunSpec:
    """Leave out, with a warning, what the engine cannot do and the program can do without.

    Raises:
        EngineError: leaving it out would break a promise to the user.
    """
    remedy = "choose another mode with udocker setup --execmode"
    if not capabilities.read_only_binds and any(bind.read_only for bind in spec.binds):
        raise EngineError(f"mode {mode} cannot make a volume read-only", remedy)
    if not capabilities.read_only_root and spec.read_only_root:
        raise EngineError(f"mode {mode} cannot make the container read-only", remedy)
    if spec.devices and not capabilities.devices:
        warn(f"mode {mode} shows all devices of the host: --device is ignored")
        spec = spec._replace(devices=())
    if spec.ports and not capabilities.ports:
        warn(f"mode {mode} uses the host's network as it is: --publish is ignored")
        spec = spec._replace(ports=())
    if spec.kernel and not capabilities.kernel_release:
        warn(f"mode {mode} cannot change the kernel release: --kernel is ignored")
        spec = spec._replace(kernel="")
    if spec.hostname and not capabilities.hostname:
        warn(f"mode {mode} cannot change the host name: --hostname is ignored")
        spec = spec._replace(hostname="")
    return spec
