"""Sources and archives: only the pinned bytes pass, and nothing unsafe is read."""

import json
import tarfile
from dataclasses import replace

import pytest
from tiny_mirror import fer_files, pack, write_mirror

from src.data.archives import (
    FER2013,
    UPSTREAM,
    Archive,
    Source,
    SourceError,
    open_archive,
    read_table,
    replacing,
    tree_id,
)
from src.files import ROOT

MIRROR = ROOT.parent / "shared" / "mirror" / "sources.json"


@pytest.fixture
def source(tmp_path):
    """The first source of a tiny mirror: faces of FER2013."""
    return read_table(write_mirror(tmp_path))[0]


def refusal(source: Source, folder) -> str:
    """The one sentence with which the archive of a source is refused."""
    with pytest.raises(SourceError) as caught:
        open_archive(source, folder)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_tree_ids_are_git_s_own():
    """Ids that git itself gave: a folder sorts as `a/`, behind `a-b` and `a.txt`; one file is executable."""
    files = {
        "a/x": ("100644", "ce013625030ba8dba906f756967f9e9ca394464a"),
        "a-b": ("100755", "f5bdd214e01603ecd6c83be9f66d88579c588ec6"),
        "a.txt": ("100644", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        "b/c/y": ("100644", "4cdb2265d30204be5463b38174b2e8e717982405"),
    }
    assert tree_id(files) == "45fa26ae89b51f659aeac58a6783c65480e59fc4"


def test_object_ids_are_computed_from_bytes_and_modes(tmp_path):
    run = tarfile.TarInfo("name-commit/used/empty.sh")
    run.mode = 0o775
    pack(tmp_path / "a.tar.gz", {"used/hello": b"hello\n", "other/z": b"not looked at"}, (run,))
    source = Source("a/a", "0", {"used": "", "used/hello": ""})
    ids = Archive(source, tmp_path / "a.tar.gz").object_ids()
    assert ids["used/hello"] == "ce013625030ba8dba906f756967f9e9ca394464a"
    expected = {
        "hello": ("100644", ids["used/hello"]),
        "empty.sh": ("100755", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
    }
    assert ids["used"] == tree_id(expected)


@pytest.mark.skipif(not MIRROR.exists(), reason="needs the offline mirror")
def test_the_pinned_table_is_that_of_the_mirror():
    entries = {entry["repository"]: entry for entry in json.loads(MIRROR.read_text())}
    for source in UPSTREAM:
        assert source.commit == entries[source.repository]["commit"]
        assert source.git_objects == entries[source.repository]["upstream_git_objects"]


def test_a_verified_archive_is_read_in_place(source, tmp_path):
    archive = open_archive(source, tmp_path / "archives")
    assert archive.path == source.archive
    assert {file.name: file.content for file in archive.files(".jpg")} == fer_files()
    assert not (tmp_path / "archives").exists()


def test_a_flipped_bit_is_refused(source, tmp_path):
    content = bytearray(source.archive.read_bytes())
    content[len(content) // 2] ^= 1
    source.archive.write_bytes(content)
    assert "sha256" in refusal(source, tmp_path)
    assert "damaged" in refusal(replace(source, sha256=None), tmp_path)


def test_a_truncated_archive_is_refused(source, tmp_path):
    source.archive.write_bytes(source.archive.read_bytes()[:-2000])
    assert "damaged" in refusal(replace(source, sha256=None), tmp_path)


def test_another_content_is_refused(source, tmp_path):
    files = fer_files()
    files["test/sad/PrivateTest_5.jpg"] += b" "
    pack(source.archive, files)
    message = refusal(replace(source, sha256=None), tmp_path)
    assert "(test has the git object id" in message


def test_a_missing_image_is_refused(source, tmp_path):
    files = fer_files()
    del files["train/fear/Training_3.jpg"]
    pack(source.archive, files)
    assert refusal(replace(source, sha256=None), tmp_path).count("(train has the git object id") == 1


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "unsafe",
    [
        member("name-commit/../../evil"),
        member("../evil"),
        member("/etc/evil"),
        member("name-commit/train/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("name-commit/train/link", tarfile.LNKTYPE, "name-commit/train/angry/Training_20.jpg"),
        member("name-commit/train/device", tarfile.CHRTYPE),
        member("name-commit/train/pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name} {info.type.decode()}",
)
def test_unsafe_members_are_refused(source, tmp_path, unsafe):
    pack(source.archive, fer_files(), (unsafe,))
    assert repr(unsafe.name) in refusal(replace(source, sha256=None), tmp_path)


def test_a_name_that_would_not_stay_on_one_line_is_refused(source, tmp_path):
    pack(source.archive, {**fer_files(), "train/angry/a\nb.jpg": b"", "elsewhere/a\nb.jpg": b""})
    assert "holds 'train/angry/a\\nb.jpg', a name that cannot be printed" in refusal(
        replace(source, sha256=None), tmp_path
    )


def test_a_checksum_that_is_no_text_is_refused(source, tmp_path):
    assert "pinned 12345" in refusal(replace(source, sha256=12345), tmp_path)


def test_a_file_that_stands_twice_is_refused(source, tmp_path):
    pack(source.archive, fer_files(), (member("name-commit/train/angry/Training_20.jpg"),))
    assert "twice" in refusal(replace(source, sha256=None), tmp_path)


def test_a_missing_archive_is_refused(source, tmp_path):
    source.archive.unlink()
    assert "is missing" in refusal(source, tmp_path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"repository": "a/b"}]'])
def test_a_malformed_table_is_refused(tmp_path, content):
    table = tmp_path / "sources.json"
    table.write_text(content)
    with pytest.raises(SourceError, match=r"sources.json is not a table of sources"):
        read_table(table)


def test_a_table_without_an_object_id_is_refused(tmp_path):
    table = write_mirror(tmp_path)
    entries = json.loads(table.read_text())
    del entries[0]["git_objects"]["test"]
    table.write_text(json.dumps(entries))
    with pytest.raises(SourceError, match=f"no git object id for test of {FER2013.repository}"):
        read_table(table)


def test_replacing_keeps_the_old_file_when_it_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    with replacing(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
