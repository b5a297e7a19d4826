import functools

import pluggy
import pytest

from udocker_core import hookspecs
from udocker_core.hookmarker import PROJECT, hookimpl
from udocker_core.hooks import Hooks, implements

ARGUMENTS = {"container": "C", "capabilities": "K", "settings": {"s": 1}}


class Nothing:
    pass


class Few:
    @hookimpl
    def udocker_setup(self, settings):
        return ("few", settings)


class Everything:
    @hookimpl
    def udocker_setup(self, capabilities, container, settings):
        return ("all", container, capabilities, settings)


class NoneAtAll:
    @hookimpl
    def udocker_setup(self):
        return None


class Static:
    @staticmethod
    @hookimpl
    def udocker_setup(container):
        return ("static", container)


def logged(function):
    @functools.wraps(function)
    def wrapper(*arguments, **more):
        return ("logged", function(*arguments, **more))

    return wrapper


class Wrapped:
    @hookimpl
    @logged
    def udocker_setup(self, container):
        return container


ALL = (Few, Everything, NoneAtAll, Static, Wrapped)


def pluggys(plugins, hook, arguments):
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    for plugin in plugins:
        manager.register(plugin)
    manager.check_pending()
    return getattr(manager.hook, hook)(**arguments)


@pytest.mark.parametrize("kind", ALL)
def test_the_direct_call_is_pluggys_call(kind):
    plugins = [kind()]
    expected = pluggys(plugins, "udocker_setup", ARGUMENTS)
    assert Hooks(plugins).call("udocker_setup", **ARGUMENTS) == expected


def test_the_results_of_several_come_in_pluggys_order():
    plugins = [Nothing(), *(kind() for kind in ALL)]
    results = Hooks(plugins).call("udocker_setup", **ARGUMENTS)
    assert results == pluggys(plugins, "udocker_setup", ARGUMENTS)
    assert [result[0] for result in results] == ["logged", "static", "all", "few"]


class First:
    def __init__(self, answer):
        self.answer = answer

    @hookimpl
    def udocker_pull(self, reference):
        return self.answer


@pytest.mark.parametrize("answers", [(), (None,), ("a",), ("a", "b"), ("a", None), (None, None)])
def test_the_first_result_ends_the_call(answers):
    plugins = [First(answer) for answer in answers]
    arguments = dict.fromkeys(("reference", "platform", "store", "progress"))
    result = Hooks(plugins).call("udocker_pull", **arguments)
    assert result == pluggys(plugins, "udocker_pull", arguments)


def test_without_implementers_there_are_no_results():
    assert Hooks([Nothing()]).call("udocker_setup", **ARGUMENTS) == []


class Unmarked:
    def udocker_setup(self):
        raise AssertionError


class Misspelled:
    @hookimpl
    def udocker_setup(self, contaner):
        raise AssertionError


def test_only_marked_methods_are_hooks():
    assert not implements(Unmarked(), "udocker_setup")
    assert Hooks([Unmarked()]).call("udocker_setup", **ARGUMENTS) == []


def test_an_argument_that_the_hook_does_not_have_is_an_error():
    with pytest.raises(pluggy.PluginValidationError):
        Hooks([Misspelled(), Few()]).call("udocker_setup", **ARGUMENTS)
    with pytest.raises(TypeError):
        Hooks([Misspelled()]).call("udocker_setup", **ARGUMENTS)
