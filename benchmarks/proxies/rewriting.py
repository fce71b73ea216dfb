"""The gateway with rules for JSON bodies each way, and nginx with a script that does the same (njs)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contents import CHANGED_PATH, TENANT
from benchmarks.peers import find
from benchmarks.processes import Command
from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.proxies.nginx import Nginx
from benchmarks.workload import Task

RULES: dict[str, Any] = {"body": {"remove": ["debug", "items.*.cost"], "add": {"tenant": TENANT}}}

_SCRIPT = """
function changed(text) {
  const value = JSON.parse(text);
  delete value.debug;
  value.items.forEach((item) => { delete item.cost; });
  value.tenant = 'TENANT';
  return JSON.stringify(value);
}
async function both(r) {
  const reply = await r.subrequest(r.uri + '/', {method: r.method, body: changed(r.requestText)});
  r.headersOut['Content-Type'] = 'application/json';
  r.return(reply.status, changed(reply.responseText));
}
export default {both};
""".replace("TENANT", TENANT)


class Rewriting(Gateway):
    """The gateway that takes two members out of a JSON body and puts one in, each way.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
    """

    def __init__(self, name: str, checkout: Path) -> None:
        super().__init__(name, checkout)
        self.does = "as gateway, with two members taken out of the JSON and one put in, each way"

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the rules."""
        plain = configuration(task)
        (route,) = plain["routes"]
        both = {"request": RULES, "response": RULES}
        documents = {**route, "name": "documents", "path": CHANGED_PATH, "transformations": both}
        return {**plain, "routes": [documents, route]}


class ScriptedNginx(Nginx):
    """nginx whose script changes both contents; it asks the backend by a subrequest."""

    name = "nginx+bodies"
    needs: Sequence[str] = ("nginx", "njs")
    does = "as nginx, with the same done to the JSON by a script (njs: JSON.parse, JSON.stringify)"
    locations = f"location = {CHANGED_PATH} {{ client_body_buffer_size 16k; js_content changing.both; }}"

    @property
    def modules(self) -> str:  # type: ignore[override]  # where it is depends on the system
        """Load the module."""
        return f"load_module {find('njs')};"

    def http(self, task: Task) -> str:
        """Name the script."""
        return f"js_import changing from {task.directory}/changing.js; subrequest_output_buffer_size 64k;"

    def prepare(self, task: Task) -> Command:
        """Write the script beside `nginx.conf`."""
        (task.directory / "changing.js").write_text(_SCRIPT)
        return super().prepare(task)
