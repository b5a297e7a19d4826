import pytest
from hypothesis import given
from hypothesis import strategies as st

from udocker_core.containers.identifiers import check_container_name, is_container_id
from udocker_core.errors import InvalidReference
from udocker_core.names import Reference, parse

D = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "familiar"),
    [
        ("ubuntu", "docker.io", "library/ubuntu", "latest", None, "ubuntu:latest"),
        ("x", "docker.io", "library/x", "latest", None, "x:latest"),
        ("ubuntu:24.04", "docker.io", "library/ubuntu", "24.04", None, "ubuntu:24.04"),
        ("docker.io/ubuntu", "docker.io", "library/ubuntu", "latest", None, "ubuntu:latest"),
        ("docker.io/library/x:1", "docker.io", "library/x", "1", None, "x:1"),
        ("index.docker.io/a/b:1", "docker.io", "a/b", "1", None, "a/b:1"),
        ("library/a/b:1", "docker.io", "library/a/b", "1", None, "library/a/b:1"),
        ("quay.io/a/b:1", "quay.io", "a/b", "1", None, "quay.io/a/b:1"),
        ("quay.io/a", "quay.io", "a", "latest", None, "quay.io/a:latest"),
        ("127.0.0.1:5000/x:1", "127.0.0.1:5000", "x", "1", None, "127.0.0.1:5000/x:1"),
        ("[::1]:5000/x:1", "[::1]:5000", "x", "1", None, "[::1]:5000/x:1"),
        ("localhost/x", "localhost", "x", "latest", None, "localhost/x:latest"),
        ("Host/x", "Host", "x", "latest", None, "Host/x:latest"),
        (f"ubuntu@{D}", "docker.io", "library/ubuntu", "", D, f"ubuntu@{D}"),
        (f"h:5000/x:1@{D}", "h:5000", "x", "1", D, f"h:5000/x:1@{D}"),
        ("a/b__c/d-e.f---g:T_1.x", "docker.io", "a/b__c/d-e.f---g", "T_1.x", None, None),
    ],
)
def test_names_are_read_as_docker_reads_them(text, registry, repository, tag, digest, familiar):
    reference = parse(text)
    assert reference == Reference(registry, repository, tag, digest)
    assert reference.familiar == (familiar or text)
    assert parse(reference.familiar) == parse(reference.canonical) == reference
    assert reference.identifier == (digest or tag)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (":1", "not a repository"),
        ("ubuntu:", "tag ''"),
        ("ubuntu:" + "x" * 129, "is not a tag"),
        ("ubuntu:a/b", "not a host name|not a tag"),
        ("Ubuntu", "upper-case"),
        ("a/B:1", "upper-case"),
        ("a//b", "not a repository"),
        ("../etc", "not a host name"),
        ("quay.io/../etc", "not a repository"),
        ("/etc", "not a repository"),
        ("a b", "not a repository"),
        ("-a", "not a repository"),
        ("a.-b", "not a repository"),
        ("ubuntu\n", "not a repository"),
        ("ubuntu:1\n", "not a tag"),
        ("ubuntu@sha256:12", "invalid digest"),
        ("ubuntu@", "invalid digest"),
        ("-h.io/x", "not a host name"),
        ("h:123456/x", "not a host name"),
        ("https://quay.io/a", "starts with https://"),
        ("http://127.0.0.1:5000/x", "starts with http://"),
        ("a" * 64, "is an id|are an id"),
        ("q.io/" + "a" * 256, "longer than 255"),
        ("caf\u00e9", "not a repository"),
    ],
)
def test_wrong_names_are_refused_with_the_reason(text, says):
    with pytest.raises(InvalidReference, match=says) as caught:
        parse(text)
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_a_scheme_is_refused_with_the_option_that_takes_it():
    with pytest.raises(InvalidReference) as caught:
        parse("http://127.0.0.1:5000/x:1")
    assert "--registry=http://127.0.0.1:5000" in str(caught.value.hint)


@given(st.text(max_size=40))
def test_any_text_is_a_name_that_survives_or_is_refused(text):
    try:
        reference = parse(text)
    except InvalidReference:
        return
    assert parse(reference.canonical) == reference
    assert ".." not in reference.canonical.split("/")


@pytest.mark.parametrize("name", ["a", "my_job-1", "A", "caf\u00e9", "x" * 255, "deadbeef"])
def test_container_names(name):
    check_container_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-rm",
        "a/b",
        "..",
        "a.b",
        "a b",
        "a[0]",
        "a\n",
        "\x1b",
        "x" * 256,
        "\u00e9" * 128,
        "12345678-1234-3234-8234-123456789abc",
    ],
)
def test_wrong_container_names_are_refused(name):
    with pytest.raises(InvalidReference, match="invalid container name"):
        check_container_name(name)


def test_ids_are_told_from_names():
    assert is_container_id("12345678-1234-3234-8234-123456789abc")
    assert not is_container_id("12345678-1234-3234-8234-123456789abC")
    assert not is_container_id("12345678-1234-3234-8234-123456789abc\n")
