"""What the pages say can be done: configurations load, links lead somewhere, commands exist."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import config
from gateway.errors import reasons
from gateway.resilience.breaker import NEXT
from gateway.telemetry.catalog import METRICS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SECTIONS = set(config.Settings.model_fields)


def configurations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every YAML block that is a part of a configuration."""
    for page in PAGES:
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)):
            part = yaml.safe_load(block)
            if isinstance(part, dict) and set(part) <= SECTIONS:
                yield f"{page.relative_to(ROOT)}#{number}", {**part, "": block}


CONFIGURATIONS = dict(configurations())


@pytest.mark.parametrize("place", CONFIGURATIONS)
def test_a_configuration_in_a_page_loads(place: str, tmp_path: Path) -> None:
    """With upstreams for the names that its routes use, where the page does not show them."""
    part = dict(CONFIGURATIONS[place])
    block = part.pop("")
    named = {upstream["name"] for upstream in part.get("upstreams", [])}
    wanted = {route["upstream"] for route in part.get("routes", []) if isinstance(route.get("upstream"), str)} - named
    upstreams = [{"name": name, "backends": [{"url": "http://127.0.0.1:9001"}]} for name in sorted(wanted)]

    assert not (upstreams and "upstreams" in part), "a page that shows some upstreams shows all"
    if upstreams:
        block += f"upstreams: {json.dumps(upstreams)}\n"
    # As it stands there: a mapping that another reader made of it would have lost `on`, which YAML 1.1 takes for true.
    file = tmp_path / "gateway.yaml"
    file.write_text(block)
    # What a page leaves to the environment is a secret.
    secrets = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", block), "x" * 64)
    config.load(file, secrets, supported_only="plugins" not in part)  # whose code is not here


def test_the_pages_have_configurations() -> None:
    """The test above has something to look at."""
    assert len(CONFIGURATIONS) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Relative links are to files that are there."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


TYPED_ELSEWHERE = {
    "CONTRIBUTING.md": "targets of make, which CI runs",
    "docs/guides/embedding.md": "the examples that it starts run in tests/system/test_embedding.py",
    "docs/guides/tls.md": "certificates are made as in access.md, and served in tests/system/test_tls_listeners.py",
}
"""Pages whose commands no test types as they stand, and what looks after them."""


@pytest.mark.parametrize(
    "page",
    [str(page.relative_to(ROOT)) for page in PAGES if re.search("^```console", page.read_text(), re.MULTILINE)],
)
def test_commands_of_a_page_are_typed_by_a_test(page: str) -> None:
    """A page with a console is named by a test that follows it, as those of tests/system/test_guides.py do."""
    followed = any(f'"{page}"' in test.read_text() for test in (ROOT / "tests/system").glob("test_*.py"))

    assert followed is (page not in TYPED_ELSEWHERE)


def test_every_sample_is_in_the_site() -> None:
    """With all that it says; the file of every key is linked, since it is as long as all others together."""
    shown = set(
        re.findall(
            r"^```\{literalinclude\} \.\./\.\./etc/(\S+)$",
            (ROOT / "docs/reference/samples.md").read_text(),
            re.MULTILINE,
        )
    )

    assert shown == {file.name for file in (ROOT / "etc").glob("*.yaml")} - {"gateway.full.yaml"}


PATTERNS = {"gateway/a/b.py", "tests/a/test_b.py"}
"""Names that stand for others."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Whoever is told where something is tried, or lies, finds it there."""
    places = "benchmarks|dashboards|deploy|docs|etc|examples|gateway|requirements|tests"
    named = set(re.findall(rf"`((?:{places})/[\w./-]+)`", page.read_text())) - PATTERNS

    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


FILES = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
BESIDE = sorted(set(FILES) - {str(page.relative_to(ROOT)) for page in PAGES})


def test_files_that_comments_name_exist() -> None:
    """In sources, samples, manifests, workflows: by the path in the checkout, beside the file, or in the package."""
    kinds = "cast|conf|json|lock|lua|md|py|service|sh|socket|svg|tpl|yaml|yml"
    places = "benchmarks|dashboards|deploy|docs|etc|examples|gateway|newsfragments|requirements|tests|twisted"
    named = re.compile(rf"(?<![\w/.~$}}{{-])(?:{places})/[\w./-]*\w\.(?:{kinds})\b")
    patterns = PATTERNS | {"etc/NAME.yaml", "requirements/NAME.lock"}
    missing = []
    for name in BESIDE:
        file = ROOT / name
        # Tests make files of their own.
        if name.startswith("tests/") or not file.is_file() or b"\0" in file.read_bytes():
            continue
        around = (ROOT, file.parent, ROOT / "gateway")
        for found in set(named.findall(file.read_text())) - patterns:
            missing += [] if any((place / found).exists() for place in around) else [f"{name}: {found}"]

    assert missing == []


def test_news_lead_to_pages_of_the_site() -> None:
    """Fragments become NEWS.md, which is a page of the site: a link to another file ends its build at a release."""
    wrong = []
    for file in [ROOT / "NEWS.md", *(ROOT / "newsfragments").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text()):
            led = target.startswith("docs/") and target.endswith(".md") and (ROOT / target).exists()
            wrong += [] if "://" in target or led else [f"{file.name}: {target}"]

    assert wrong == []


OTHER_NAMES = {"gateway_api_keys", "gateway_harness"}
"""A table of SQL, and a fixture."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_metrics_and_reasons_that_a_page_names_exist(page: Path) -> None:
    """Whoever copies a query gets an answer, and whoever looks a reason up finds it."""
    text = page.read_text()
    named = set(re.findall(r"`(gateway_[a-z0-9_]+)(?:`|\{|\[)", text)) - OTHER_NAMES
    known = {metric.name for metric in METRICS} | {metric.alias for metric in METRICS}
    known |= {f"{name}_{part}" for name in known for part in ("bucket", "sum", "count")}
    answered = set(re.findall(r"\| [1-5]\d\d `([a-z]+\.[a-z_]+)`", text))

    assert {name for name in named - known if not name.startswith("gateway_plugin_")} == set()
    assert answered - {kind.reason for kind in reasons()} == set()


def test_every_page_is_in_a_list_of_the_site() -> None:
    """A page that no `toctree` has is found by nobody, and the site is not built (`make site`)."""
    listed = {ROOT / "docs/index.md"}
    for page in PAGES:
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            names = [re.sub(r"^.*<(.*)>$", r"\1", entry) for entry in entries]
            listed |= {found.resolve() for name in names for found in page.parent.glob(f"{name}.md")}

    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - listed == set()


def test_no_merge_is_left_half_done() -> None:
    """In any file that is kept."""
    found = subprocess.run(
        ["git", "grep", "-nIE", "^(<{7}|>{7}) "], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert found.stdout == ""


def test_modules_that_the_architecture_names_exist() -> None:
    """A newcomer follows the table."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    names = set(re.findall(r"`((?:[a-z0-9_]+/)+[a-z0-9_]*(?:\.py)?)", text))
    names |= set(re.findall(r"`([a-z0-9_]+\.py)", text))
    assert len(names) > 20
    missing = [name for name in names if not any((base / name).exists() for base in (ROOT / "gateway", ROOT))]
    assert missing == []


def test_make_docs_writes_all_that_is_made() -> None:
    """The pages that the reference calls made, and the schema that editors read: one command after a change."""
    recipe = (ROOT / "Makefile").read_text().split("\ndocs: ")[1].split("\n\n")[0]
    index = (ROOT / "docs/reference/index.md").read_text()
    made = re.findall(r"^\| \[[^\]]*\]\(([\w-]+\.md)\) \|.*\(\*made\*\)", index, re.MULTILINE)

    assert len(made) == 6
    assert {f"docs/reference/{name}" for name in made} | {"etc/gateway.schema.json"} == set(
        re.findall(r">(\S+)", recipe)
    )


def test_a_newcomer_is_told_what_lies_where() -> None:
    """Of every directory of the checkout; those of the tests are named, or called as what they test."""
    rows = re.findall(r"^\| ((?:`[\w.]+/`(?:, )?)+) \| (.*) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    told = {name: what for names, what in rows for name in re.findall(r"`([\w.]+)/`", names)}
    directories = {name.partition("/")[0] for name in FILES if "/" in name}
    tests = {name.split("/")[1] for name in FILES if name.startswith("tests/") and name.count("/") > 1}
    tested = directories | {path.parent.name for path in (ROOT / "gateway").glob("*/__init__.py")}

    assert told.keys() == directories
    assert tests - tested == set(re.findall(r"`(\w+)`", told["tests"]))


def test_make_tells_of_every_target() -> None:
    """By `make help`, in groups; what each does begins in one column."""
    phony = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^(  make ([a-z-]+) +)\S", told, re.MULTILINE)

    assert sorted(name for _, name in lines) == sorted(phony)
    assert len({len(before) for before, _ in lines}) == 1
    assert told.count("\n\n") == 3


def test_the_commands_of_the_readme_exist() -> None:
    """`gateway check` and `gateway routes` on the file that it names."""
    for command in ("check", "routes"):
        done = subprocess.run(
            [sys.executable, "-c", "from gateway.cli import main; main()", command, "etc/gateway.yaml"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr


def test_the_diagram_of_the_breaker_is_its_table() -> None:
    """Drawn from `gateway.resilience.breaker.NEXT`: neither may change alone."""
    text = (ROOT / "docs" / "guides" / "resilience.md").read_text()
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", text, re.MULTILINE))

    assert drawn == {(before.value, after.value, event.value) for (before, event), after in NEXT.items()}


def test_decisions_have_numbers_of_their_own() -> None:
    """A paragraph of docs/design.md that states a decision begins with its number, and no two share one."""
    decisions = re.findall(r"(?<=\n\n)\*\*(?:D-(\d{2,}) )?", (ROOT / "docs/design.md").read_text())

    assert "" not in decisions, "a decision has no number"
    assert len(set(decisions)) == len(decisions), "two decisions share a number"


def test_decisions_that_comments_point_at_exist() -> None:
    """`D-17` in the code, the tests or a page is one of docs/design.md."""
    decided = set(re.findall(r"^\*\*(D-\d{2,}) ", (ROOT / "docs/design.md").read_text(), re.MULTILINE))
    sources = [*PAGES, *(ROOT / "gateway").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    named = {
        (str(path.relative_to(ROOT)), number)
        for path in sources
        if path != Path(__file__)
        for number in re.findall(r"\bD-\d{2,}\b", path.read_text())
    }

    assert {(path, number) for path, number in named if number not in decided} == set()


def test_what_kubernetes_and_helm_have_copies_of_is_up_to_date() -> None:
    """After a change of the rules, or of the configuration's schema: `make docs`, or `python deploy/generate.py`."""
    generate = runpy.run_path(str(ROOT / "deploy" / "generate.py"))

    assert generate["KUSTOMIZE"].read_text() == generate["resource"]()
    assert generate["CHART"].read_text() == generate["file_of_the_chart"]()
    stale = generate["SCHEMA"].read_text() != generate["schema"]()
    assert not stale, "run `python deploy/generate.py`"
