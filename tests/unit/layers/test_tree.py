import tracemalloc

from udocker_core.layers.tree import Tree


def test_a_directory_that_is_known_takes_little_memory(tmp_path):
    """There may be a million, so what most of them need not is not made for each."""
    tree = Tree(str(tmp_path))
    tree.begin_layer()
    count = 2000
    tracemalloc.start()
    try:
        for number in range(count):
            tree.directory(tree.parent(b""), b"%06d" % number)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        tree.close()
    assert len(tree.root.children) == count
    assert size / count < 420
