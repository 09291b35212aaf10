import h5py


def arrays(path):
    """All arrays of a weights file by their place in it."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, it: found.update({name: it[()]}) if isinstance(it, h5py.Dataset) else None)
    return found


def same_arrays(path, other):
    """Whether two weights files hold the same numbers, to the last bit."""
    ours, theirs = arrays(path), arrays(other)
    return len(ours) > 5 and ours.keys() == theirs.keys() and all((ours[key] == theirs[key]).all() for key in ours)
