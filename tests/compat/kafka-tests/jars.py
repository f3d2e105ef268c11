"""Kafka's published test jars and what they need, from Maven, and the classes of src/ compiled against them. Both are kept under
target/compat/kafka-tests and made again when pom.xml or a source changes."""

import hashlib
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE.parents[2] / "target" / "compat" / "kafka-tests"


def _digest(files):
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(str(file.relative_to(HERE)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _made_from(directory, files, make):
    """`directory` as `make` fills it, from `files` as they are now."""
    digest, note = _digest(files), directory.with_suffix(".made-from")
    if not note.exists() or note.read_text() != digest:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        make(directory)
        note.write_text(digest)
    return directory


def _fetch(directory):
    subprocess.run(["mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={directory}"], check=True)


def class_path():
    """The class path of a test JVM: our classes first, since some of them stand in place of Kafka's."""
    lib = _made_from(CACHE / "lib", [HERE / "pom.xml"], _fetch)
    sources = [file for file in (HERE / "src").rglob("*") if file.is_file()]

    def compile_sources(directory):
        java = [file for file in sources if file.suffix == ".java"]
        subprocess.run(["javac", "-nowarn", "-proc:none", "-cp", f"{lib}/*", "-d", directory, *java], check=True)
        shutil.copytree(HERE / "src" / "META-INF", directory / "META-INF")

    ours = _made_from(CACHE / "classes", [HERE / "pom.xml", *sources], compile_sources)
    return f"{ours}:{lib}/*"
