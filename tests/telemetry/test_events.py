"""Events of the application log: what is logged is in the list, and what is in the list is logged."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.telemetry.events import EVENTS, markdown
from gateway.telemetry.logging import INTERNAL

ROOT = Path(__file__).parents[2]
NAMES = [event.name for event in EVENTS]
CRITICAL = "failure"

BREAKERS, HEALTH = "tests/flow/test_breakers.py", "tests/flow/test_active_health.py"
PASSIVE, FINDER = "tests/flow/test_passive_health.py", "tests/discovery/test_finder.py"
KEYS, UPGRADE, TEAM = (
    "tests/authorities/test_jwks.py",
    "tests/processes/test_upgrade.py",
    "tests/processes/test_team.py",
)
DRAINING, SHIPPING = "tests/composition/test_draining.py", "tests/flow/test_log_shipping.py"
CONFIGURATION, LISTENERS = "tests/admin/test_configuration.py", "tests/listening/test_listeners.py"

SEEN_BY = {
    "request.failed": f"{BREAKERS}::test_a_backend_that_hangs_is_counted",
    "request.unrouted": "tests/flow/test_explanations.py::test_why_no_route_takes_it",
    "auth.refused": "tests/flow/test_authentication.py::test_a_known_token_without_the_scope_is_forbidden",
    "limit.refused": "tests/flow/test_rate_limits.py::test_no_fields_where_none_are_wanted",
    "auth.guess_refused": "tests/answering/test_token_endpoint.py::test_the_log_has_who_was_refused_and_no_secret",
    "auth.token_leaked": "tests/answering/test_token_endpoint.py::test_a_refresh_token_of_another_client_is_used_up",
    "certificate.refused": "tests/listening/test_refusals.py::test_a_certificate_from_elsewhere_is_told",
    "certificate.ends_soon": (
        "tests/listening/test_certificate_ends.py::test_certificates_that_end_soon_are_told_of_once_a_day"
    ),
    "proxy_protocol.refused": (
        "tests/flow/test_introductions.py::test_what_is_turned_away_again_and_again_is_told_once_a_minute"
    ),
    "client.turned_away": "tests/transport/test_shortage.py::test_it_is_told_to_all_by_default",
    "overload.changed": "tests/flow/test_load_control.py::test_a_late_event_loop_sheds_until_it_is_punctual",
    "overload.ended": "tests/flow/test_load_control.py::test_a_late_event_loop_sheds_until_it_is_punctual",
    "breaker.open": f"{BREAKERS}::test_a_stream_proves_by_its_head",
    "breaker.half_open": f"{BREAKERS}::test_a_stream_proves_by_its_head",
    "breaker.closed": f"{BREAKERS}::test_a_stream_proves_by_its_head",
    "backend.unhealthy": f"{HEALTH}::test_who_fails_its_checks_gets_no_traffic_and_gets_it_back",
    "backend.healthy": f"{HEALTH}::test_who_fails_its_checks_gets_no_traffic_and_gets_it_back",
    "backend.ejected": f"{PASSIVE}::test_a_failing_backend_is_ejected_and_comes_back",
    "backend.returned": f"{PASSIVE}::test_a_failing_backend_is_ejected_and_comes_back",
    "upstream.panic": f"{PASSIVE}::test_when_too_few_would_be_left_the_ejected_are_used",
    "upstream.calm": f"{PASSIVE}::test_when_too_few_would_be_left_the_ejected_are_used",
    "backend.unreachable": (
        "tests/upstream/test_complaints.py::test_the_same_cause_is_told_once_a_minute_another_one_at_once"
    ),
    "name.failed": "tests/dialling/test_resolver.py::test_a_failing_refresh_keeps_the_addresses_and_is_logged_once",
    "name.recovered": "tests/dialling/test_resolver.py::test_a_failing_refresh_keeps_the_addresses_and_is_logged_once",
    "discovery.stale": f"{FINDER}::test_garbage_never_empties",
    "discovery.current": f"{FINDER}::test_members_are_told_now_and_when_they_change",
    "discovery.changed": f"{FINDER}::test_members_are_told_now_and_when_they_change",
    "discovery.refused": f"{FINDER}::test_garbage_never_empties",
    "store.down": (
        "tests/composition/builders/test_readiness.py::test_redis_that_nobody_reaches_counts_as_much_as_it_is_needed"
    ),
    "store.up": "tests/storage/test_one_master.py::test_a_master_that_never_answers_takes_nobody_along",
    "store.refused": "tests/storage/test_cached_answers.py::test_other_kinds_of_values_are_not_there",
    "keys.failed": f"{KEYS}::test_while_the_issuer_is_down_its_keys_stay",
    "keys.recovered": f"{KEYS}::test_while_the_issuer_is_down_its_keys_stay",
    "keys.changed": f"{KEYS}::test_while_the_issuer_is_down_its_keys_stay",
    "authority.failed": "tests/dialling/test_fetching.py::test_causes_that_take_turns_do_not_fill_the_log",
    "certificate_list.invalid": "tests/flow/test_client_certificates.py::test_what_is_doubtful_is_warned_of",
    "reload.done": f"{CONFIGURATION}::test_the_versions_are_listed",
    "reload.failed": "tests/composition/test_changes.py::test_a_port_that_cannot_be_opened_changes_nothing",
    "config_source.stale": "tests/discovery/test_documents.py::test_etcd_may_be_away_and_come_back",
    "config_source.current": "tests/discovery/test_documents.py::test_etcd_may_be_away_and_come_back",
    "listener.opened": f"{LISTENERS}::test_ports_are_opened_kept_and_closed",
    "listener.closed": f"{LISTENERS}::test_ports_are_opened_kept_and_closed",
    "admin.changed": f"{CONFIGURATION}::test_the_versions_are_listed",
    "admin.refused": f"{CONFIGURATION}::test_what_is_not_there_is_not_found",
    "admin.purged": "tests/admin/test_purges.py::test_what_is_said_is_purged",
    "admin.ordered": "tests/admin/test_writes.py::test_some_can_be_forgotten",
    "plugin.failed": "tests/flow/test_plugins.py::test_a_filter_that_fails_while_it_is_hung",
    "plugin.blocked": "tests/flow/test_plugins.py::test_a_hook_that_holds_the_reactor",
    "plugin.stalled": "tests/telemetry/test_stalls.py::test_it_says_who_and_where",
    "access_log.lost": "tests/telemetry/test_access_log.py::test_lost_records_are_complained_about_once_a_minute",
    "shipping.failed": f"{SHIPPING}::test_a_receiver_that_fails_for_a_while",
    "shipping.recovered": f"{SHIPPING}::test_a_receiver_that_fails_for_a_while",
    "shipping.lost": f"{SHIPPING}::test_a_receiver_that_refuses_a_batch",
    "drain.announced": f"{DRAINING}::test_before_it_drains_it_says_that_it_will",
    "drain.began": f"{DRAINING}::test_before_it_drains_it_says_that_it_will",
    "drain.overdue": f"{DRAINING}::test_what_takes_too_long_is_broken_off",
    "drain.hurried": f"{DRAINING}::test_in_a_hurry_nothing_is_waited_for",
    "process.stopped": f"{DRAINING}::test_before_it_drains_it_says_that_it_will",
    "upgrade.began": f"{UPGRADE}::test_when_it_serves_everything_is_left_to_it",
    "upgrade.done": f"{UPGRADE}::test_when_it_serves_everything_is_left_to_it",
    "upgrade.failed": f"{UPGRADE}::test_what_cannot_be_started_is_logged",
    "worker.ended": f"{TEAM}::test_those_that_die_young_are_waited_for_longer_and_longer",
    "worker.silent": f"{TEAM}::test_one_that_gives_no_sign_of_life_is_killed",
    "worker.killed": f"{TEAM}::test_one_that_gives_no_sign_of_life_is_killed",
    "worker.orphaned": "tests/processes/test_worker.py::test_when_the_parent_is_gone_it_drains",
    INTERNAL: "tests/telemetry/test_logging.py::test_what_is_broken_has_an_event",
}
"""A test of each; it is run, and its records are looked at."""


class Call(NamedTuple):
    """One place where an event is logged: the method of the logger, the name, and the other fields."""

    method: str
    name: str
    fields: frozenset[str]
    where: str


@cache
def calls() -> list[Call]:
    """Every call of the package with `event=`: a literal, or an entry of a table of literals of the module."""
    return [call for path in sorted((ROOT / "gateway").rglob("*.py")) for call in _calls_of(path)]


def _calls_of(path: Path) -> Iterator[Call]:
    tree = ast.parse(path.read_text())
    tables = {
        node.targets[0].id: [ast.literal_eval(value) for value in node.value.values]
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Dict)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "_EVENTS"
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if not ast.unparse(node.func.value).endswith("_log"):
            continue
        said = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        fields = frozenset(said) - {"event", "more"}
        match said.get("event"):
            case ast.Constant(value=str(name)):
                yield Call(node.func.attr, name, fields, where)
            case ast.Subscript(value=ast.Name(id=table)) if table in tables:
                for name in set(tables[table]):
                    yield Call(node.func.attr, name, fields, where)
            case None:
                pass
            case other:
                raise AssertionError(f"{where}: {ast.unparse(other)} is no name of an event")


def test_the_page_is_up_to_date() -> None:
    """`make docs` has been run after the last change."""
    assert (ROOT / "docs/reference/events.md").read_text(encoding="utf-8") == markdown()


def test_no_name_is_there_twice() -> None:
    """They are found by them."""
    assert len(set(NAMES)) == len(NAMES)


def test_what_is_logged_is_in_the_list_and_what_is_in_the_list_is_logged() -> None:
    """Names, wherever in the package; what is broken has its name from its traceback."""
    assert {call.name for call in calls()} | {INTERNAL} == set(NAMES)


@pytest.mark.parametrize("event", EVENTS, ids=NAMES)
def test_level_and_fields_are_those_of_the_calls(event: object) -> None:
    """The page promises what every record has: no less, and no more."""
    found = next(each for each in EVENTS if each is event)
    of_it = [call for call in calls() if call.name == found.name]
    if not of_it:
        return
    assert set(found.fields) == frozenset.intersection(*[call.fields for call in of_it])
    levels = {"critical" if call.method == CRITICAL else call.method for call in of_it} - {"emit"}
    assert levels <= set(found.level.split(", "))


@pytest.mark.timeout(200)
def test_each_event_comes_with_its_test() -> None:
    """Its records have the fields that the page promises, in JSON."""
    assert set(SEEN_BY) == set(NAMES)
    fields = {event.name: [*event.fields] for event in EVENTS}
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *sorted(set(SEEN_BY.values()))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout.rpartition("\n==\n")[2])
    left_out = set(seen["skipped"])

    missing = [
        name for name, test in SEEN_BY.items() if test not in left_out and name not in seen["events"].get(test, {})
    ]
    lacking = {
        name: missed
        for name, test in SEEN_BY.items()
        if (missed := set(fields[name]) - set(seen["events"].get(test, {}).get(name, fields[name])))
    }

    assert missing == []
    assert lacking == {}


LOOK = """
import json, sys
import pytest
from twisted.logger import globalLogPublisher
from gateway.telemetry.logging import as_json

events, skipped = {}, set()

class Look:
    test = ""

    def pytest_runtest_logstart(self, nodeid, location):
        self.test = nodeid.partition("[")[0]

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            skipped.add(report.nodeid.partition("[")[0])

    def __call__(self, event):
        record = json.loads(as_json(event))
        if "event" in record:
            events.setdefault(self.test, {}).setdefault(record["event"], sorted(record))

look = Look()
globalLogPublisher.addObserver(look)
code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[look])
print("\\n==\\n" + json.dumps({"events": events, "skipped": sorted(skipped)}))
sys.exit(code)
"""
