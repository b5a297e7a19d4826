"""The settings of the registry client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ClientSettings(NamedTuple):
    """How to talk to registries. Times are in seconds."""

    #: A registry to ask instead of the one in the image's name: ``host``, ``host:port`` or a URL.
    registry: str = ""
    #: Where to find the registries of image names, as host or URL, such as a mirror of
    #: ``docker.io``. Unlike `registry` it is asked for the full name (``library/ubuntu``).
    registries: Mapping[str, str] = {}
    insecure: bool = False  #: accept any certificate, and plain http where there is no TLS
    proxy: str = ""  #: URL of a proxy for everything; empty: as the environment says
    keystore: str = ""  #: path of udocker's own file of credentials; empty for none
    user_agent: str = "udocker"
    connect_timeout: float = 10
    read_timeout: float = 30  #: without a byte
    document_timeout: float = 120  #: for the whole of a manifest or token
    attempts: int = 5  #: for one request, or for one blob without progress
    backoff: float = 0.5  #: before the second attempt; it doubles with each
    longest_wait: float = 60  #: that a registry may ask for with Retry-After
    parallel: int = 4  #: blobs at a time
