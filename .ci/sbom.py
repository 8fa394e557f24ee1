"""Turns what cargo-cyclonedx made for each architecture into one file, after checking it.

Usage: sbom.py FOLDER OUTPUT      the folder has x86_64.json, aarch64.json, and `cargo tree`'s opinion in *.tree
"""

import json
import re
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def without_paths(bom):
    """The same without the folder that it was made in."""
    root = bom["metadata"]["component"]
    name, version = root["name"], root["version"]
    text = json.dumps(bom)
    text = re.sub(r"path\+file://[^\"# ]*#", "", text)
    text = re.sub(r"\?download_url=file://[^\"#]*", "", text)
    text = json.loads(text)
    # The targets of the crate (library, binary) are no parts of their own.
    text["metadata"]["component"].pop("components", None)
    text["metadata"].pop("properties", None)
    assert text["metadata"]["component"]["bom-ref"] == f"{name}@{version}", text["metadata"]["component"]["bom-ref"]
    return text


def crates(bom):
    return {(c["name"], c["version"]) for c in bom["components"]}


def expected(tree):
    found = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    return {(name, version.removeprefix("v")) for name, version in found if name != "aws-ops-mcp"}


def only_built(bom, built):
    """Without the crates that only features of tests and build scripts bring: `cargo metadata`, where the generator looks,
    mixes them with the rest."""
    gone = {c["bom-ref"] for c in bom["components"] if (c["name"], c["version"]) not in built}
    bom["components"] = [c for c in bom["components"] if c["bom-ref"] not in gone]
    bom["dependencies"] = [d for d in bom["dependencies"] if d["ref"] not in gone]
    for dependency in bom["dependencies"]:
        dependency["dependsOn"] = [ref for ref in dependency.get("dependsOn", []) if ref not in gone]
    return bom


def main():
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    boms = {}
    for arch in ("x86_64", "aarch64"):
        bom = without_paths(json.loads((folder / f"{arch}.json").read_text()))
        built = expected((folder / f"{arch}.tree").read_text())
        if missing := built - crates(bom):
            sys.exit(f"sbom: `cargo tree` knows more for {arch}: {sorted(missing)}")
        bom = only_built(bom, built)
        boms[arch] = bom
    if crates(boms["x86_64"]) != crates(boms["aarch64"]):
        sys.exit(f"sbom: the architectures differ: {sorted(crates(boms['x86_64']) ^ crates(boms['aarch64']))}")
    bom = boms["x86_64"]
    text = json.dumps(bom, indent=1, ensure_ascii=False) + "\n"
    problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    if problem:
        sys.exit(f"sbom: not CycloneDX 1.5: {problem}")
    if "file:" in text:
        sys.exit("sbom: it names a path of this machine")
    unlicensed = [c["name"] for c in bom["components"] if not c.get("licenses")]
    output.write_text(text)
    print(f"{output}: {len(bom['components'])} crates, valid CycloneDX 1.5, {len(unlicensed)} without a licence {unlicensed or ''}")


main()
