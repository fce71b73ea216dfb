"""`gateway apikey create|revoke|list`: the keys of a configuration's store."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any

import click

from gateway.commands.reading import CouldNot

if TYPE_CHECKING:
    from gateway.composition.foundation import Foundation
    from gateway.config import Settings
    from gateway.identity.api_keys import KeyRecord, ManagedKeyStore

_PATIENCE = 5.0
"""Seconds for an answer of Redis, or of a database: a person waits longer than a request may."""

_CONFIG = click.option(
    "--config", "path", metavar="PATH", type=click.Path(), required=True, help="The configuration that names the store."
)


@click.group()
def apikey() -> None:
    """Make, revoke and list API keys.

    They are kept where `auth.api_keys.store` says. Of a key only a hash is kept: what `create` prints is seen once.

    Exits with 0; with 1 where there is such a key already, or no such key; with 2 where the store cannot be used.
    """


@apikey.command()
@_CONFIG
@click.option("--id", "key_id", metavar="ID", help="What logs call it; made up where none is given.")
@click.option("--user", help="Who it stands for; absent: its id.")
@click.option("--role", "roles", multiple=True, help="A role it has; may be given again.")
@click.option("--scope", "scopes", multiple=True, help="A scope it has; may be given again.")
@click.option("--expires", metavar="WHEN", help="When it ends: 90d, or 2027-01-31.")
def create(
    path: str,
    key_id: str | None,
    user: str | None,
    roles: tuple[str, ...],
    scopes: tuple[str, ...],
    expires: str | None,
) -> None:
    """Make a key and print it, once.

    Exits with 0, with 1 where there is a key with this id already, with 2 where the store cannot be used.
    """
    from gateway.composition.builders.api_keys import pepper
    from gateway.identity.api_keys import KeyRecord, digester, new_key

    settings = _settings(path)
    keys = _keys(settings)
    name = key_id or os.urandom(6).hex()
    for option, words in (("--role", roles), ("--scope", scopes)):
        for word in words:
            # Stores keep roles and scopes with blanks between: one with a blank in it would be read back as two.
            if word.split() != [word]:
                raise CouldNot(f"{option}: expected a word without spaces, found {word!r}")
    try:
        key = new_key(name, os.urandom)
    except ValueError as error:
        raise CouldNot(str(error)) from None
    digest = digester(pepper(keys))(key.encode())
    record = KeyRecord(name, digest, user or name, frozenset(roles), frozenset(scopes), _moment(expires))
    if keys.store == "memory":
        click.echo(key)
        click.echo("Add it to auth.api_keys.keys:", err=True)
        click.echo(_entry(record), err=True)
        return

    async def work(store: ManagedKeyStore, foundation: Foundation) -> bool:
        return await store.create(record)

    if not _run(settings, work):
        raise click.ClickException(f"there is a key with the id {name} already")
    click.echo(key)


@apikey.command()
@_CONFIG
@click.argument("key_id", metavar="ID")
def revoke(path: str, key_id: str) -> None:
    """Make a key invalid: at once where instances share Redis, otherwise when what they have cached is old.

    Exits with 0, with 1 where there is no key with this id, with 2 where the store cannot be used.
    """
    from gateway.composition.builders.api_keys import announce, shared_redis

    settings = _settings(path)
    if _keys(settings).store == "memory":
        raise CouldNot("keys of the memory store stand in the configuration: take it out there")

    async def work(store: ManagedKeyStore, foundation: Foundation) -> tuple[bool, bool]:
        return await store.revoke(key_id), await announce(_patient(settings), foundation, key_id)

    found, announced = _run(settings, work)
    if not found:
        raise click.ClickException(f"there is no key with the id {key_id}")
    click.echo(f"{key_id} is revoked")
    if not announced:
        why = "they share no Redis" if shared_redis(settings) is None else "Redis does not answer"
        assert settings.auth is not None  # it has the keys
        seconds = f"{settings.auth.cache.ttl:g}"
        click.echo(f"Instances that know it may take it for another {seconds} s: {why}", err=True)


@apikey.command("list")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON array in place of the lines.")
def list_keys(path: str, as_json: bool) -> None:
    """Show what is known of every key; never a key.

    Exits with 0, and with 2 where the store cannot be used.
    """
    settings = _settings(path)
    keys = _keys(settings)
    if keys.store == "memory":
        if as_json:
            click.echo(json.dumps([{"id": key.id} for key in keys.keys], indent=2))
            return
        for key in keys.keys:
            click.echo(key.id)
        return

    async def work(store: ManagedKeyStore, foundation: Foundation) -> list[KeyRecord]:
        return await store.list()

    records = _run(settings, work)
    if as_json:
        click.echo(json.dumps([_document(record) for record in records], indent=2))
        return
    for record in records:
        state = click.style("revoked", fg="red") if record.revoked else click.style("valid", fg="green")
        parts = [record.id, state, f"user={record.user}"]
        parts += [f"roles={','.join(sorted(record.roles))}"] if record.roles else []
        parts += [f"scopes={','.join(sorted(record.scopes))}"] if record.scopes else []
        parts += [f"expires={_written(record.expires)}"] if record.expires != inf else []
        click.echo("  ".join(parts))


def _document(record: KeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "revoked": record.revoked,
        "user": record.user,
        "roles": sorted(record.roles),
        "scopes": sorted(record.scopes),
        "expires": None if record.expires == inf else _written(record.expires),
    }


def _settings(path: str) -> Settings:
    from gateway.config import ConfigError, load

    try:
        return load(path, os.environ)
    except ConfigError as error:
        raise CouldNot("\n".join(map(str, error.problems))) from None


def _keys(settings: Settings) -> Any:
    if settings.auth is None or settings.auth.api_keys is None:
        raise CouldNot("the configuration has no auth.api_keys")
    return settings.auth.api_keys


def _moment(written: str | None) -> float:
    import time

    from gateway.config.problems import Unexpected
    from gateway.config.units import parse_duration, parse_moment

    if written is None:
        return inf
    for read, since in ((parse_duration, time.time()), (parse_moment, 0.0)):
        try:
            return since + read(written)
        except Unexpected:
            continue
    raise CouldNot(f"--expires: expected a duration such as 90d or a date such as 2027-01-31, found {written}")


def _written(seconds: float) -> str:
    from gateway.config.units import format_moment

    return format_moment(seconds)


def _entry(record: KeyRecord) -> str:
    said: dict[str, Any] = {"id": record.id, "hash": f"sha256:{record.digest.hex()}", "user": record.user}
    said |= {"roles": sorted(record.roles)} if record.roles else {}
    said |= {"scopes": sorted(record.scopes)} if record.scopes else {}
    said |= {"expires": _written(record.expires)} if record.expires != inf else {}
    return f"  - {json.dumps(said)}"


def _patient(settings: Settings) -> Settings:
    """Return the settings with more time for Redis."""
    from gateway.composition.builders.api_keys import shared_redis

    redis = shared_redis(settings)
    if redis is None:
        return settings
    return settings.model_copy(update={"redis": redis.model_copy(update={"timeout": max(redis.timeout, _PATIENCE)})})


def _run(settings: Settings, work: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """Do something with the store of a configuration."""
    from twisted.internet.defer import ensureDeferred
    from twisted.internet.task import react

    from gateway.composition.assembly import assemble
    from gateway.composition.builders.api_keys import managed_keys
    from gateway.config.schema.auth import Auth
    from gateway.errors import AuthUnavailable

    keys = _keys(settings)
    # Only the store is built: no ports, no checks of backends.
    nothing = {"upstreams": (), "routes": (), "auth": Auth(api_keys=keys)}
    alone = _patient(settings).model_copy(update=nothing)
    found: list[Any] = []

    async def main(reactor: Any) -> None:
        foundation = assemble(alone, reactor, make_writer=lambda path: None).foundation  # type: ignore[arg-type, return-value]
        store = managed_keys(alone, keys, foundation, _PATIENCE)
        foundation.carried.startService()
        try:
            found.append(await work(store, foundation))
        except AuthUnavailable as error:
            found.append(error)
        await foundation.carried.stopService()

    with suppress(SystemExit):  # `react` says by it that it is done
        react(lambda reactor: ensureDeferred(main(reactor)))
    if not found:
        raise CouldNot("the store cannot be used")
    if isinstance(found[0], Exception):
        raise CouldNot(str(found[0]))
    return found[0]
