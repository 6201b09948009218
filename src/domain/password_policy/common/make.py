#!/usr/bin/env python3
"""Creates list.txt, which README.md beside this file describes. Needs Python 3.10, npm and pip, and their
registries.

    python3 make.py           # writes list.txt
    python3 make.py --check   # checks whether list.txt is what it would write
"""

import gzip
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile

HERE = pathlib.Path(__file__).parent
LIST = HERE / "list.txt"

# The packages, and how many entries of each of their files are taken, most used first. Names are not ordered.
ALL = 1_000_000
SOURCES = {
    "@zxcvbn-ts/language-common@4.1.3": {"passwords": ALL},
    "@zxcvbn-ts/language-en@4.1.1": {"commonWords": 3000, "firstnames": ALL, "lastnames": 1000},
    "@zxcvbn-ts/language-de@3.0.2": {"commonWords": 2000, "firstnames": ALL},
    "@zxcvbn-ts/language-fr@4.1.2": {"commonWords": 2000},
    "@zxcvbn-ts/language-es-es@4.1.2": {"commonWords": 2000, "firstnames": ALL},
    "@zxcvbn-ts/language-it@3.0.2": {"commonWords": 2000},
    "@zxcvbn-ts/language-pt-br@4.1.1": {"commonWords": 2000, "firstnames": ALL},
    "@zxcvbn-ts/language-pl@3.0.2": {"commonWords": 2000, "femaleFirstnames": ALL, "maleFirstnames": ALL},
    "@zxcvbn-ts/language-nl-be@3.0.2": {"commonWords": 2000, "boysFirstnames": ALL, "girlsFirstnames": ALL},
    "@zxcvbn-ts/language-cs@3.0.1": {"commonWords": 2000, "firstnames": ALL},
    "@zxcvbn-ts/language-fi@3.0.2": {"commonWords": 2000},
    "@zxcvbn-ts/language-id@4.1.1": {"commonWords": 2000, "names": ALL},
    "@zxcvbn-ts/language-ja@3.0.2": {"commonWords": 1000, "firstnames": ALL},
}

# Twenty thousand passwords, ordered by their frequency in Have I Been Pwned, collected by Royce Williams.
DJANGO = "django==5.2.19"
DJANGO_FILE = "django/contrib/auth/common-passwords.txt.gz"

# The usual stand-ins for letters, as in `stands_for` in ../disguise.rs.
STANDS_FOR = str.maketrans({
    "@": "a", "4": "a", "8": "b", "3": "e", "1": "i", "!": "i", "|": "i", "l": "i", "0": "o", "$": "s", "5": "s", "7": "t",
})


def fold(text):
    """The form in which texts are compared: it unifies compatibility forms, case, marks, digits of all scripts, and
    letters with their stand-ins."""
    text = unicodedata.normalize("NFKD", text).lower()
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in text if not unicodedata.category(c).startswith("M"))
    text = "".join(str(unicodedata.decimal(c, c)) for c in text)
    return text.translate(STANDS_FOR)


def is_entry(text):
    """Whether it is long enough to be an entry: outside ASCII two characters may be a word."""
    return (4 if text.isascii() else 2) <= len(text) <= 32


def entries():
    for line in (HERE / "added.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            yield line
    with tempfile.TemporaryDirectory() as folder:
        for package, files in SOURCES.items():
            packed = subprocess.run(
                ["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True
            ).stdout.split()[-1]
            with tarfile.open(pathlib.Path(folder) / packed) as archive:
                for name, most in files.items():
                    yield from json.load(archive.extractfile(f"package/src/{name}.json"))[:most]
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder, DJANGO]
        subprocess.run(fetch, check=True)
        with zipfile.ZipFile(next(pathlib.Path(folder).glob("django-*.whl"))) as archive:
            yield from gzip.decompress(archive.read(DJANGO_FILE)).decode().splitlines()


def main():
    given = {text.strip().lower() for text in entries()}
    # A listed word followed by a few digits needs no entry: it is refused because of the word.
    lone = {text for text in given if not ((m := re.fullmatch(r"(\D{4,})\d{1,3}", text)) and m[1] in given)}
    folded = {"".join(fold(text).split()) for text in lone}
    kept = sorted(filter(is_entry, folded), key=str.encode)
    made = "".join(text + "\n" for text in kept)
    if "--check" in sys.argv:
        sys.exit(0 if LIST.read_text() == made else "list.txt is not what this script makes")
    LIST.write_text(made)
    print(f"{len(kept)} entries, {len(made.encode())} bytes")


main()
