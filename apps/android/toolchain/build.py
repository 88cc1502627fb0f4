"""Builds the Android app: one signed APK for each binary interface, into `apps/android/build`.

python -m apps.android.toolchain.build [--bundle BUNDLE]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from apps.android.toolchain.api_jar import java_jar
from apps.android.toolchain.apk import BUNDLE, Badging, check_apk, read_badging, write_apk
from apps.android.toolchain.commands import JAVA, compile_kotlin, java, run
from apps.android.toolchain.jvm import APP, BUILD, MODULES
from apps.android.toolchain.native import FBJNI, build_fbjni
from apps.android.toolchain.tools import (
    ABIS,
    API_LEVEL,
    FOR_APK,
    RUNTIMES,
    Tools,
    fetch_tools,
    program,
)
from rapsam import __version__
from rapsam.errors import ExportError, InputError, RapSamError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.bundle.seal import verify_runnable

PACKAGE = "org.rapsam.sample"
TARGETS = tuple(MODULES)
"""Of bundles that the app runs."""
MIN_API = 26
MAX_BYTES = 23_000_000
"""Of all in one APK but its bundle: with one of the smallest network, of 17 MB, it stays below 40 MB."""
PERMISSIONS = ("android.permission.CAMERA",)
"""All that the app may ask for: no network."""
_EXPORT = ("export", "--model", "rapsam_nano", "--checkpoint", "nano-synth", "--target", "onnx")
_SMALL = ("--size", "256x256", "--out")
"""Small enough for a camera."""
_BUNDLE = "onnx-fp32"
_KEY_WORDS = "android"
"""Of a key that is made here, for this folder: whoever publishes an app signs it with another."""


def build_apks(bundle: Path, target: str, tools: Tools, tests: Path | None = None) -> list[Path]:
    """Builds the app.

    Args:
        bundle: What it is to hold; verified.
        target: Of the bundle, one of `TARGETS`: the app gets what runs it, and nothing that runs others.
        tools: All that this takes.
        tests: A jar that is to call the app's code, see `build_app`.

    Returns:
        An APK for each binary interface.

    Raises:
        ExportError: If a tool fails, or what came out is not what was wanted.
    """
    suffix, out = BACKENDS[target].suffix, BUILD if tests is None else BUILD / "deep"
    scratch = out / "apk"
    shutil.rmtree(scratch, ignore_errors=True)
    (scratch / "dex").mkdir(parents=True)
    for abi in ABIS:  # an app of another bundle must not stay where this build fails
        _apk(out, abi).unlink(missing_ok=True)
    base = _link_resources(tools, bundle, scratch)
    dex = _compile(tools, target, scratch, tests)
    key = _key()
    made = []
    for abi in ABIS:
        libraries = {
            f"lib/{abi}/{name}": path.read_bytes()
            for name, path in _libraries(tools, abi, suffix, scratch).items()
        }
        unsigned, apk = scratch / f"{abi}.unsigned.apk", _apk(out, abi)
        write_apk(base, {"classes.dex": dex.read_bytes(), **libraries}, unsigned)
        _sign(tools, unsigned, apk, key)
        _check(tools, apk, abi)
        made.append(apk)
    return made


def _apk(folder: Path, abi: str) -> Path:
    return folder / f"rapsam-sample-{abi}.apk"


def _libraries(tools: Tools, abi: str, suffix: str, scratch: Path) -> dict[str, Path]:
    libraries = tools.libraries(abi, suffix)
    if suffix == ".pte":
        libraries[FBJNI] = build_fbjni(abi, scratch / "native" / abi)
    return libraries


def _link_resources(tools: Tools, bundle: Path, scratch: Path) -> Path:
    """Links manifest, resources and the bundle; writes the class R and rules for R8 beside."""
    aapt2, source = tools.android / "aapt2", APP / "app" / "src" / "main"
    assets = scratch / "assets"
    shutil.copytree(bundle, assets / "bundle")
    # Android's own builds put the name in; so is it here.
    manifest = (
        (source / "AndroidManifest.xml")
        .read_text()
        .replace("<manifest ", f'<manifest package="{PACKAGE}" ', 1)
    )
    (scratch / "AndroidManifest.xml").write_text(manifest)
    run([aapt2, "compile", "--dir", source / "res", "-o", scratch / "res.zip"])
    command: list[str | Path] = [
        aapt2,
        "link",
        "-o",
        scratch / "base.apk",
        "-I",
        tools.android / "framework-res.jar",
    ]
    command += ["--manifest", scratch / "AndroidManifest.xml", "-A", assets, "--java", scratch / "gen"]
    command += ["--proguard", scratch / "resources.pro"]
    command += ["--min-sdk-version", str(MIN_API), "--target-sdk-version", str(API_LEVEL)]
    command += ["--version-code", "1", "--version-name", __version__, scratch / "res.zip"]
    run(command)
    return scratch / "base.apk"


def _compile(tools: Tools, target: str, scratch: Path, tests: Path | None) -> Path:
    """Compiles all that an app has, and makes of it what Android runs; for `tests` see `build_app`."""
    resources, classes = scratch / "r.jar", scratch / "classes.jar"
    sources = sorted((scratch / "gen").rglob("*.java"))
    javac = [program("javac", "a JDK, version 17 or later"), "--release", JAVA, "-Xlint:-options", "-Werror"]
    run([*javac, "-d", scratch / "r", *sources])
    run([program("jar", "a JDK"), "cf", resources, "-C", scratch / "r", "."])
    runtime = tools.classes(BACKENDS[target].suffix)
    parts = [
        *(APP / name / "src" / "main" for name in (*MODULES[target], "app")),
        APP / "app" / "src" / target,
    ]
    compile_kotlin(
        tools, [part / "kotlin" for part in parts], [tools.api_classes, *runtime, resources], classes
    )
    java_classes = scratch / "java.jar"
    java_classes.write_bytes(java_jar(_jdk() / "lib" / "ct.sym", JAVA))
    libraries = (tools.api_classes, java_classes)
    rules = [APP / "app" / "rules.pro", APP / "app" / "src" / target / "rules.pro", scratch / "resources.pro"]
    if tests is not None:
        rules.append(_trace(tools, tests, libraries, classes))
    return _shrink(
        tools, (classes, resources, *runtime, tools.kotlin_library), libraries, rules, scratch / "dex"
    )


def _shrink(
    tools: Tools, classes: Sequence[Path], libraries: Sequence[Path], rules: Sequence[Path], folder: Path
) -> Path:
    """Makes of classes what Android runs, without what is not used; returns the file, in a folder."""
    arguments: list[str | Path] = ["--release", "--min-api", str(MIN_API), "--output", folder]
    for option, files in (("--lib", libraries), ("--pg-conf", rules)):
        for file in files:
            arguments += [option, file]
    java(tools.android / "r8.jar", "com.android.tools.r8.R8", *arguments, *classes)
    return folder / "classes.dex"


def _trace(tools: Tools, tests: Path, libraries: Sequence[Path], classes: Path) -> Path:
    """Writes rules that keep what a jar calls of the app's classes, and nothing else."""
    rules = classes.with_name("called.pro")
    arguments: list[str | Path] = ["--keep-rules", "--source", tests, "--output", rules]
    for library in libraries:
        arguments += ["--lib", library]
    for target in (classes, tools.kotlin_library):
        arguments += ["--target", target]
    java(tools.android / "r8.jar", "com.android.tools.r8.tracereferences.TraceReferences", *arguments)
    return rules


def _jdk() -> Path:
    """Returns the folder of the JDK."""
    return Path(program("javac", "a JDK, version 17 or later")).resolve().parents[1]


def _key() -> Path:
    key = BUILD / "key.p12"
    if not key.exists():
        keytool = program("keytool", "a JDK")
        command: list[str | Path] = [keytool, "-genkeypair", "-keystore", key, "-storetype", "PKCS12"]
        command += ["-storepass", _KEY_WORDS, "-alias", "key", "-keyalg", "RSA", "-keysize", "2048"]
        run([*command, "-validity", "10000", "-dname", "CN=RapSAM sample"])
    return key


def _sign(tools: Tools, unsigned: Path, apk: Path, key: Path) -> None:
    command: list[str | Path] = [program("java", "a JDK"), "-jar", tools.android / "apksigner.jar"]
    signing: list[str | Path] = [
        "--ks",
        key,
        "--ks-pass",
        f"pass:{_KEY_WORDS}",
        "--min-sdk-version",
        str(MIN_API),
    ]
    run([*command, "sign", *signing, "--out", apk, unsigned])
    run([*command, "verify", "-Werr", "--min-sdk-version", str(MIN_API), apk])
    apk.with_name(f"{apk.name}.idsig").unlink(missing_ok=True)


def _check(tools: Tools, apk: Path, abi: str) -> None:
    """Checks that the app is what was wanted.

    Raises:
        ExportError: If it is not.
    """
    check_apk(apk)
    told = read_badging(run([tools.android / "aapt2", "dump", "badging", apk]))
    wanted = Badging(PACKAGE, str(MIN_API), str(API_LEVEL), f"{PACKAGE}.MainActivity", PERMISSIONS, (abi,))
    if told != wanted:
        raise ExportError(f"{apk.name} says {told}; expected {wanted}")
    with zipfile.ZipFile(apk) as archive:
        telemetry = b"telemetry/HttpClient" in archive.read("classes.dex")
        entries = [entry for entry in archive.infolist() if not entry.filename.startswith(BUNDLE)]
    if telemetry:
        raise ExportError(f"{apk.name} holds classes that send telemetry; expected none")
    if (size := sum(entry.compress_size for entry in entries)) > MAX_BYTES:
        raise ExportError(f"{apk.name} has {size:,} bytes beside its bundle; expected at most {MAX_BYTES:,}")


def _own_bundle() -> Path:
    """Exports the bundle of the smallest network, if that has not been done."""
    folder = BUILD / "bundles"
    print("making a bundle of rapsam_nano", flush=True)
    done = subprocess.run([sys.executable, "-m", "rapsam", *_EXPORT, *_SMALL, str(folder)], check=False)
    if done.returncode != 0:
        raise ExportError("the bundle of rapsam_nano could not be made; see above")
    return folder / _BUNDLE


def bundle_target(bundle: Path, recipe: str) -> str:
    """Returns the target of a bundle, which has a recipe of that name.

    Raises:
        InputError: If nothing in the app runs them.
    """
    target = RECIPES[recipe].backend
    if target not in TARGETS:
        raise InputError(
            f"{bundle} is of --target {target}, which the app does not run; expected {', '.join(TARGETS)}"
        )
    return target


def build_app(bundle: Path | None, tests: Path | None = None) -> list[Path]:
    """Fetches the tools, and builds the app.

    Nothing of an app is kept for tests' sake: R8 moves and drops whatever it likes. An app that tests call is
    another one, in another folder: the same, but that what they call directly keeps its name and place.

    Args:
        bundle: What the app is to hold; None for one of the smallest network.
        tests: A jar that is to call the app's code; None for the app that people get.

    Returns:
        See `build_apks`.

    Raises:
        RapSamError: If that cannot be done.
    """
    bundle = bundle or _own_bundle()
    target = bundle_target(bundle, verify_runnable(bundle).recipe)
    runtime = RUNTIMES[BACKENDS[target].suffix]
    tools = fetch_tools(lambda line: print(line, flush=True), (*FOR_APK, runtime))
    print("building the app", flush=True)
    return build_apks(bundle, target, tools, tests)


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds the app."""
    parser = argparse.ArgumentParser(prog="apps/android/build.sh", description="Builds the Android app.")
    parser.add_argument("--bundle", type=Path, help="what the app is to hold; default: one of rapsam_nano")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        for apk in build_app(options.bundle):
            print(f"{apk}  {apk.stat().st_size / 1e6:.1f} MB")
        print(f"done in {time.monotonic() - start:.0f} s")
    except RapSamError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
