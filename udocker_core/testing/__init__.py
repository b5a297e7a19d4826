"""What the tests of udocker, of its plugins and of third-party engines share."""

try:
    import pytest
except ImportError:  # the registry and the trees are of use without it
    pass
else:
    # Failures in the inherited tests show the values, as those in the engine's own do.
    for _module in ("plans", "live", "live_processes", "live_surroundings", "terminal", "fixtures"):
        pytest.register_assert_rewrite(f"{__name__}.{_module}")
