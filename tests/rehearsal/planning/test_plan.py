"""What another configuration changes, the worst first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.config.differences import differences
from gateway.config.effective import effective
from gateway.config.linting import lint, of_running
from gateway.rehearsal.planning.effects import Effect
from gateway.rehearsal.planning.plan import Change, Plan, plan

FILE = """\
listeners: [{endpoint: "tcp:8080:interface=127.0.0.1"}]
auth: {jwt: {default: {algorithms: [HS256], secret: "${KEY:-a-secret-of-forty-octets-for-the-tests-only}"}}}
upstreams:
  - {name: a, backends: [{url: "http://127.0.0.1:9001"}]}
  - {name: b, backends: [{url: "http://127.0.0.1:9002"}]}
routes:
  - {name: users, path: /users/:id, upstream: a, auth: {type: jwt}, rate_limit: {rate: 10/s}}
  - {name: web, path: /*, upstream: b}
"""

ENVIRONMENT = {"ADMIN_TOKEN": "opens-the-admin-port", "JWT_SECRET": "a-secret-of-forty-octets-for-the-tests-only"}


def planned(directory: Path, *changes: tuple[str, str], base: str = FILE) -> Plan:
    """What a change of the file means."""
    text = base
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    (directory / "old.yaml").write_text(base)
    (directory / "new.yaml").write_text(text)
    return plan(lint(directory / "old.yaml", {}), lint(directory / "new.yaml", {}))


def the_one(found: Plan) -> Change:
    """The only thing that changes."""
    (change,) = found.changes
    return change


def test_nothing_changes(tmp_path: Path) -> None:
    """By comments, by order of keys, by a default that is written, by what switches off what is not there."""
    found = planned(
        tmp_path,
        ("routes:", "# routes\nroutes:"),
        ("name: a, backends", "strategy: round_robin, name: a, backends"),
        ("upstream: b", "upstream: b, compression: off"),
    )

    assert (found.changes, found.rerouted, found.doubts, found.everywhere, found.levels) == ([], [], [], [], {})


def test_a_change_has_its_places_and_its_meaning(tmp_path: Path) -> None:
    """Where it is written now, and where it was."""
    found = planned(tmp_path, ("routes:", "\nroutes:"), (", auth: {type: jwt}", ""))

    change = the_one(found)
    assert (change.section, change.name, change.kind, change.level) == ("routes", "users", "changed", "danger")
    assert change.effects == [Effect("danger", "everybody gets in: `auth` asks nobody any more")]
    assert (change.before and change.before.line, change.after and change.after.line) == (7, 8)
    ((key, was, now),) = change.keys
    assert (key.key, key.before, key.after, was and was.line, now) == ("auth.type", "jwt", None, 7, None)


def test_the_worst_comes_first(tmp_path: Path) -> None:
    """Whatever the order in the file is; of equals that stays."""
    found = planned(
        tmp_path,
        ("routes:", "log: {level: debug}\nroutes:"),
        (", rate_limit: {rate: 10/s}", ", rate_limit: {rate: 10/s}, in_flight: 5"),
        ("upstream: b}", "upstream: b, ip_allow: [10.0.0.0/8], mirror: {upstream: a}}"),
        ("interface=127.0.0.1", "interface=127.0.0.2"),
        ("routes:", "trusted_proxies: [10.0.0.1]\nroutes:"),
    )

    assert [(one.section, one.level) for one in found.changes] == [
        ("trusted_proxies", "danger"),
        ("listeners", "warning"),
        ("routes", "warning"),
        ("routes", "warning"),
        ("listeners", "change"),
        ("log", "note"),
    ]
    assert [effect.level for effect in found.changes[3].effects] == ["warning", "change"]
    assert found.levels == {"danger": 1, "warning": 3, "change": 1, "note": 1}


def test_a_renamed_thing_is_one_change(tmp_path: Path) -> None:
    """Its requests go where they went; its counts begin anew."""
    change = the_one(found := planned(tmp_path, ("name: users", "name: people")))

    assert (change.kind, change.was, change.name) == ("renamed", "users", "people")
    assert Effect("change", "counts of its limits begin anew, under the new name") in change.effects
    assert found.rerouted == []


def test_what_becomes_of_connections(tmp_path: Path) -> None:
    """Those of an upstream that changes beside its backends are kept."""
    kept = the_one(planned(tmp_path, ("name: b,", "name: b, strategy: random,")))
    assert Effect("note", "its connections are kept") in kept.effects

    drained = the_one(planned(tmp_path, ("9002", "9003")))
    assert Effect("change", "connections are drained: http://127.0.0.1:9002") in drained.effects


def test_connections_that_another_key_drains(tmp_path: Path) -> None:
    """The upstreams say the same."""
    found = planned(tmp_path, ("routes:", "limits: {response_header: 32KiB}\nroutes:"))

    assert the_one(found).section == "limits"
    assert found.everywhere == [
        "connections to the backends of 2 upstreams that say the same are drained and opened anew"
    ]


def test_a_bound_for_all_routes_is_told_once(tmp_path: Path) -> None:
    """Not of every route that goes by it."""
    change = the_one(planned(tmp_path, ("routes:", "timeouts: {request: 20s}\nroutes:")))

    assert change.section == "timeouts"
    assert change.effects == [Effect("warning", "`request` is shorter: 20s in the place of 30s")]


def test_backends_in_another_order(tmp_path: Path) -> None:
    """Whose turn it is goes by it."""
    both = '[{url: "http://127.0.0.1:9001"}, {url: "http://127.0.0.1:9009"}]'
    swapped = '[{url: "http://127.0.0.1:9009"}, {url: "http://127.0.0.1:9001"}]'
    base = FILE.replace('[{url: "http://127.0.0.1:9001"}]', both)

    change = the_one(planned(tmp_path, (both, swapped), base=base))

    assert Effect("change", "what it lists stands in another order") in change.effects


def test_a_group_of_nobody_changes_nothing(tmp_path: Path) -> None:
    """That it is for nobody is doubtful."""
    found = planned(tmp_path, ("routes:", "groups: {g: {timeout: 1s}}\nroutes:"))

    assert (found.changes, [one.code for one in found.doubts]) == ([], ["unused"])


def test_a_group_is_told_of_at_its_routes(tmp_path: Path) -> None:
    """With the place of the key in the group."""
    base = FILE.replace("name: web,", "name: web, group: g,") + "groups: {g: {timeout: 10s}}\n"
    change = the_one(planned(tmp_path, ("timeout: 10s", "timeout: 5s"), base=base))

    ((key, was, now),) = [one for one in change.keys if one[0].key == "timeout"]
    assert (change.name, key.after, was and was.line, now and now.line) == ("web", "5s", 9, 9)


def test_a_route_before_a_protected_one_is_a_danger(tmp_path: Path) -> None:
    """What it takes asked for a credential, and does not any more."""
    found = planned(tmp_path, ("  - {name: web", "  - {name: me, path: /users/me, upstream: a}\n  - {name: web"))

    (rerouted,) = found.rerouted
    assert (str(rerouted.move.sample), rerouted.move.before, rerouted.move.after) == ("GET /users/me", "users", "me")
    assert rerouted.level == "danger"
    assert Effect("danger", "everybody gets in: `auth` asks nobody any more") in rerouted.effects
    assert Effect("warning", "it asks nobody who is calling, as other routes do") in the_one(found).effects


def test_a_route_before_one_that_asks_for_no_more_is_a_warning(tmp_path: Path) -> None:
    """It shadows the other."""
    (rerouted,) = planned(
        tmp_path, ("  - {name: web", "  - {name: new, path: /new, upstream: a}\n  - {name: web")
    ).rerouted

    assert rerouted.level == "warning"
    assert rerouted.effects == [Effect("warning", "`new` stands before `web`")]


def test_requests_that_nobody_takes_any_more(tmp_path: Path) -> None:
    """And that somebody takes who did not."""
    away = ("  - {name: web, path: /*, upstream: b}\n", "")
    (gone,) = planned(tmp_path, away).rerouted
    assert (gone.level, gone.move.answer, gone.after) == ("warning", 404, None)

    (fresh,) = planned(tmp_path, ("rate: 10/s}}\n", f"rate: 10/s}}}}\n{away[0]}"), base=FILE.replace(*away)).rerouted
    assert (fresh.level, fresh.before) == ("change", None)


def test_doubts_that_are_new(tmp_path: Path) -> None:
    """One that was there stays untold, also where its number is another."""
    base = FILE.replace("upstream: b}", "upstream: b, queue: {}}")
    found = planned(
        tmp_path, ("  - {name: users", "  - {name: n, path: /n, upstream: a, cors: {}}\n  - {name: users"), base=base
    )

    assert [(one.code, one.path) for one in found.doubts] == [("cors", "routes[0].cors")]


def test_what_is_counted_by_number_is_told_once(tmp_path: Path) -> None:
    """A limit before the others makes others of them all."""
    limits = "rate_limits: [{limit: 10, window: 1s}, {path: /a, limit: 5, window: 1s}]\nroutes:"
    base = FILE.replace("routes:", limits)
    found = planned(tmp_path, ("[{limit: 10, window: 1s}, ", "["), base=base)

    effects = [effect for change in found.changes for effect in change.effects]
    assert effects == [Effect("danger", "everywhere: the limit by ip is gone: it was 10 in 1s")]


def test_a_secret_that_changes_is_not_shown(tmp_path: Path) -> None:
    """That it does is."""
    change = the_one(planned(tmp_path, ("a-secret-of", "b-secret-of")))

    ((key, *_),) = change.keys
    assert (key.key, key.before) == ("jwt.default.secret", key.after)
    assert "secret-of" not in repr(change)


@pytest.mark.parametrize(
    "change",
    [
        ("upstream: b}", "upstream: a}"),
        ("name: web", "name: other"),
        ("routes:", "limits: {in_flight: 5}\nroutes:"),
        ("  - {name: web, path: /*, upstream: b}\n", ""),
    ],
)
def test_it_says_what_a_reload_says(tmp_path: Path, change: tuple[str, str]) -> None:
    """The things that the admin API's plan names are those that are named here; a renamed one is two there."""
    found = planned(tmp_path, change)
    settings = [lint(tmp_path / name, {}).loaded.settings for name in ("old.yaml", "new.yaml")]

    there = {(one.section, one.name) for one in differences(*settings)}
    here = {(one.section, one.name) for one in found.changes}
    assert here | {(one.section, one.was) for one in found.changes if one.was} == there


SAMPLES = sorted((Path(__file__).parents[3] / "etc").glob("*.yaml"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_what_a_gateway_shows_of_itself_changes_nothing(sample: Path) -> None:
    """Every sample of ours against what a gateway with it has in force: defaults written, lists in full, masks."""
    new = lint(sample, ENVIRONMENT)
    shown = json.loads(json.dumps(effective(new.loaded.settings)))

    made = plan(of_running(shown, "http://127.0.0.1:9090/config", new), new)

    assert (made.changes, made.rerouted, made.everywhere) == ([], [], [])
    assert len(SAMPLES) > 5
