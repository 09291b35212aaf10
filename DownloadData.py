"""Fetch the public data, verify it, and write data/data.csv and data/icml_face_data.csv.

python DownloadData.py                       from GitHub (see src/sources.py)
python DownloadData.py --sources FILE        from archives that a table of sources lists
python DownloadData.py --from DIR            from files at hand: Kaggle's training.csv, fer2013.csv, ...

What is already there and verified is not fetched again; after an interruption the same command goes on.
"""

import argparse
import sys
from pathlib import Path

from src.data.archives import open_archive
from src.data.convert import write_emotions, write_keypoints
from src.files import DATA, EMOTIONS_CSV, KEYPOINTS_CSV
from DownloadData import adopt
from src.data.archives import UPSTREAM, Source, SourceError, read_table
from DownloadData import emotion_summary, keypoint_summary


def build(sources: tuple[Source, ...], folder: Path) -> None:
    """Fetch and verify all archives, then write the data files into `folder`."""
    fer2013, helen, youtube = (open_archive(source, folder / "archives") for source in sources)
    write_keypoints(helen, youtube, folder)
    write_emotions(fer2013, folder)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument("--sources", type=Path, metavar="FILE", help="JSON table of other sources")
    origin.add_argument("--from", type=Path, metavar="DIR", dest="at_hand", help="folder with files at hand")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", default=DATA, help="where to write (data/)")
    options = parser.parse_args(arguments)
    try:
        if options.at_hand:
            print("Taken:", ", ".join(adopt(options.at_hand, options.data_dir)))
        else:
            build(read_table(options.sources) if options.sources else UPSTREAM, options.data_dir)
        for name, summary in ((KEYPOINTS_CSV.name, keypoint_summary), (EMOTIONS_CSV.name, emotion_summary)):
            if (options.data_dir / name).exists():
                print(f"\n{summary(options.data_dir / name)}")
    except SourceError as error:
        print(f"Error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"Error: {error}; mend this and call again.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on.", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
