"""The live page in a browser, in front of a real gateway: seen, heard by axe, typed and clicked at; and its pictures.

`LIVE_PAGE_PICTURES=docs/images` writes the pictures of the guide anew.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.system.browser import needs_browser
from tests.system.devtools import Page, browsing
from tests.system.gateway_process import GatewayProcess
from tests.system.ports import free_port

pytestmark = [needs_browser, pytest.mark.timeout(300)]

TOKEN = "the-admin-token-of-this-test"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LONG = "a_name_that_nobody_would_choose_and_that_a_program_has_made_of_several"
TABS = ("Traffic", "Routes", "Upstreams", "Limits", "Failures", "Log", "Configuration")
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
PICTURES = os.environ.get("LIVE_PAGE_PICTURES")
WINDOWS = ((1280, False), (1280, True), (360, False), (360, True))


class _Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: Any) -> None:
        """The gateway logs."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with an upstream that answers and one that does not."""
    directory = tmp_path_factory.mktemp("gateway")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Backend) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running = GatewayProcess(directory)
        running.configure(
            admin={"endpoint": f"tcp:{running.admin_port}:interface=127.0.0.1", "token": TOKEN},
            upstreams=[
                {"name": "orders", "backends": [{"url": f"http://127.0.0.1:{server.server_address[1]}"}]},
                {"name": LONG, "backends": [{"url": f"http://127.0.0.1/{LONG}"}]},
                {
                    "name": "payments",
                    "circuit_breaker": {},
                    "backends": [
                        {"url": f"http://127.0.0.1:{free_port()}"},
                        {"url": f"http://127.0.0.1:{free_port()}"},
                    ],
                },
            ],
            routes=[
                {"name": LONG, "path": "/" + LONG, "upstream": LONG},
                {"name": "orders", "path": "/orders/{id}", "upstream": "orders"},
                {"name": HOSTILE, "path": "/hostile/*", "upstream": "payments"},
                {"name": "payments", "path": "/payments/*", "upstream": "payments", "retry": {"attempts": 2}},
                {
                    "name": "hello",
                    "path": "/hello",
                    "rate_limit": {"limit": 20, "window": "1h", "scope": "ip"},
                    "respond": {"status": 200, "body": "hello"},
                },
            ],
        )
        running.start()
        try:
            yield running
        finally:
            running.stop()
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def page(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page, in a tab."""
    with browsing(tmp_path_factory.mktemp("browser")) as tab:
        tab.become(1280)
        tab.show(f"http://127.0.0.1:{gateway.admin_port}/ui/")
        tab.sees("Live")
        tab.run(AXE + "; 1")
        yield tab


def traffic(gateway: GatewayProcess, times: int = 5) -> None:
    """Let requests be answered, fail, and be refused."""
    with requests.Session() as session:
        for number in range(times):
            assert session.get(f"{gateway.url}/orders/{number}", timeout=10).status_code == 200
            session.get(f"{gateway.url}/hello", timeout=10)
        session.get(f"{gateway.url}/payments/7", timeout=10)
        session.get(f"{gateway.url}/hostile/7", timeout=10)
        # As it is written: neither the path nor the field is escaped.
        hostile = requests.Request("GET", gateway.url, headers={"User-Agent": HOSTILE}).prepare()
        hostile.url = f"{gateway.url}/payments/{HOSTILE}".replace(" ", "%20")
        session.send(hostile, timeout=10)


def go(page: Page, tab: str) -> None:
    """Show a part of the page."""
    page.click(tab, "[role=tab]")
    page.until(f"document.querySelector('[role=tabpanel] h2').innerText === {json.dumps(tab)}")


def shot(page: Page, name: str) -> None:
    """Take a picture for the guide, where these are wanted."""
    if PICTURES:
        Path(PICTURES, f"live-{name}.png").write_bytes(page.picture())


def test_traffic_is_drawn_as_it_comes(gateway: GatewayProcess, page: Page) -> None:
    """Figures of a second, routes, and both charts, in words too."""
    go(page, "Traffic")
    page.sees("Busiest routes")
    page.until("document.querySelectorAll('canvas').length === 2")
    said = "document.querySelector('[role=img]').getAttribute('aria-label')"
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            traffic(gateway, 3)
            ended.wait(0.1)

    caller = threading.Thread(target=load)
    caller.start()
    try:
        page.until(f"!{said}.includes('2xx 0,')")
        page.sees("orders")
        page.until("/upstream.connect|breaker.open/.test(document.body.innerText)")  # soon the breaker opens
        if PICTURES:
            page.until("window.performance.now() > 45000", 90)
            page.become(1280, 860)
            shot(page, "traffic")
            page.become(360, 800, dark=True)
            page.until("document.documentElement.clientWidth <= 360")
            shot(page, "narrow")
    finally:
        ended.set()
        caller.join()
        page.become(1280)


def test_what_happens_before_anybody_listens_is_drawn(page: Page) -> None:
    """Parts begin to listen after they were drawn: a page that was connected by then said for ever that it was not."""
    script = """(async () => {
        const { html, render } = await import("./html.js");
        const { feed } = await import("./feed.js");
        const { useFeed } = await import("./live.js");
        const place = document.createElement("div");
        const Shown = () => {
            useFeed("nothing");
            return html`${feed.word}`;
        };
        feed.word = "before";
        render(html`<${Shown} />`, place);
        feed.word = "after";
        await new Promise((done) => setTimeout(done, 500));
        return place.textContent;
    })()"""

    assert page.run(script) == "after"


def test_a_route_is_found_for_a_request(gateway: GatewayProcess, page: Page) -> None:
    """And which were considered."""
    go(page, "Routes")
    page.type("URL or path", "/orders/7?x=1")
    page.click("Try it")
    page.sees("takes it")
    page.sees("orders (any host /orders/{id}): taken")
    page.sees("request_id → trace → access_log")
    shot(page, "routes")
    page.type("URL or path", "/nowhere")
    page.click("Try it")
    page.sees("It is answered 404, route.none")
    page.type("With the words", "/payments")
    page.sees("1 to 1 of 1")


def test_upstreams_show_what_went_wrong(gateway: GatewayProcess, page: Page) -> None:
    """Backends, who is next, and the last errors."""
    traffic(gateway, 1)
    go(page, "Upstreams")
    page.sees("Picked next")
    page.sees("upstream.connect")
    shot(page, "upstreams")


def test_limits_show_who_is_near(gateway: GatewayProcess, page: Page) -> None:
    """The address that has asked, and how much it has left."""
    traffic(gateway, 1)
    go(page, "Limits")
    page.sees("127.0.0.1")
    page.sees("route hello")
    shot(page, "limits")


def test_a_failure_tells_everything(gateway: GatewayProcess, page: Page) -> None:
    """Attempts, times as a waterfall, what to do; and what a client has made up is a text."""
    traffic(gateway, 1)
    go(page, "Failures")
    page.sees("/payments/7")
    page.until("document.querySelectorAll('tbody button').length > 0")
    page.run(
        "[...document.querySelectorAll('tbody button')].findLast(one => one.innerText.endsWith('/payments/7')).click()"
    )
    page.sees("Where the time went")
    page.until("document.querySelectorAll('.waterfall rect').length > 0")
    page.sees("Attempts")
    heard(page, "a failure")
    if PICTURES:
        page.become(1280, 1250)
        page.run("document.querySelector('.detail').scrollIntoView()")
        shot(page, "failure")
        page.become(1280)

    page.run("[...document.querySelectorAll('tbody button')].find(one => one.innerText.includes('script')).click()")
    page.until(f"document.querySelector('.detail')?.innerText.includes({json.dumps(HOSTILE)})")
    assert page.run("document.querySelectorAll('img, #panel script').length") == 0
    go(page, "Log")
    page.until(f"document.querySelector('.log').innerText.includes({json.dumps(HOSTILE)})")
    assert page.run("document.querySelectorAll('img, #panel script').length") == 0
    shot(page, "log")


def heard(page: Page, what: str) -> None:
    """Have axe look, in both colours, in a narrow window and in a wide one; nothing is wider than the window."""
    for width, dark in WINDOWS:
        page.become(width, dark=dark)
        page.until(f"document.documentElement.clientWidth <= {width}")
        found = page.run("axe.run().then(found => found.violations.map(one => [one.id, one.nodes.map(n => n.html)]))")
        assert found == [], (what, width, dark)
        assert page.run("document.documentElement.scrollWidth") <= width, (what, width)
    page.become(1280)


@pytest.mark.parametrize("tab", TABS)
def test_everybody_can_use_it(gateway: GatewayProcess, page: Page, tab: str) -> None:
    """No complaint of axe, in light and dark, from 360 pixels on."""
    go(page, tab)
    page.until("!document.querySelector('#panel').innerText.includes('Looking.')")
    heard(page, tab)
    assert page.run("document.querySelectorAll('img, #panel script').length") == 0


def test_a_chart_that_does_not_know_its_width_yet_widens_nothing(gateway: GatewayProcess, tmp_path: Path) -> None:
    """A chart is told of a narrower window with the next frame that is drawn, which comes late on a busy machine."""
    with browsing(tmp_path) as page:
        never = "globalThis.ResizeObserver = class { observe() {} disconnect() {} }"
        page.call("Page.addScriptToEvaluateOnNewDocument", source=never)
        page.become(1280)
        page.show(f"http://127.0.0.1:{gateway.admin_port}/ui/")
        page.until("document.querySelectorAll('canvas').length === 2")
        page.become(360)
        page.until("document.documentElement.clientWidth <= 360")
        assert page.run("document.documentElement.scrollWidth") <= 360


def test_the_keyboard_goes_from_part_to_part(page: Page) -> None:
    """Arrows, Home and End, as tabs have it; the address follows."""
    go(page, "Traffic")
    page.run("document.querySelector('[role=tab][aria-selected=true]').focus()")
    for key, name in (
        ("ArrowRight", "routes"),
        ("End", "configuration"),
        ("ArrowRight", "traffic"),
        ("Home", "traffic"),
    ):
        page.press(key)
        page.until(f"location.hash === '#{name}' && document.activeElement.id === 'tab-{name}'")


def test_the_configuration_is_changed_and_gone_back_to(gateway: GatewayProcess, page: Page) -> None:
    """Validated, planned, applied and rolled back; only with the token, which stays in the tab."""
    go(page, "Configuration")
    page.sees("gateway.json:")
    page.click("Load what is in force")
    page.sees("is loaded")
    page.click("Validate")
    page.sees("This needs the admin token")
    page.type("Admin token", "wrong")
    page.click("Use it in this tab")
    page.click("Validate")
    page.sees("The token is missing or wrong.")
    page.click("Forget it")
    page.type("Admin token", TOKEN)
    page.click("Use it in this tab")

    field = "document.querySelector('textarea.large')"
    whole = page.run(f"{field}.value")
    page.type("Configuration (YAML", whole.replace('"hello"\n', '"hullo"\n').replace('"respond"', '"respnd"'))
    page.click("Validate")
    page.sees("respnd")
    page.type("Configuration (YAML", whole.replace('"body": "hello"', '"body": "hullo"'))
    page.click("Validate")
    page.sees("It can be used, and is doubtful:")  # by a backend with a long path
    page.click("Plan")
    page.sees("1 thing changes:")
    changed = page.run("[...document.querySelectorAll('.diff .removed, .diff .added')].map(one => one.textContent)")
    assert [one.rpartition(":")[2].strip(' ",') for one in changed] == ["hello", "hullo"]
    heard(page, "a plan")
    if PICTURES:
        page.run("[...document.querySelectorAll('h3')].find(one => one.innerText === 'Change it').scrollIntoView()")
    shot(page, "plan")
    page.click("Apply")
    page.sees("It lasts as long as the process")
    assert says(gateway) == "hullo"

    those = "[...document.querySelectorAll('button')].filter(one => one.innerText === 'Roll back')"
    page.until(f"{those}.length > 0")
    page.run(f"{those}.at(-1).click()")
    first = page.until(
        "[...document.querySelectorAll('button')].find(one => one.innerText.startsWith('Yes,'))?.innerText"
    )
    page.click(first)
    page.sees("which is as")
    assert says(gateway) == "hello"
    page.click("Forget it")
    assert page.run("sessionStorage.length") == 0


def says(gateway: GatewayProcess) -> str:
    """Return what is in force by what the admin port shows."""
    shown = requests.get(f"http://127.0.0.1:{gateway.admin_port}/config/routes/hello", timeout=10).json()
    return str(shown["respond"]["body"])


def test_the_page_has_complained_of_nothing(page: Page) -> None:
    """No exception, no dialog, nothing that its policy has refused; writes that were refused are the test's."""
    assert [one for one in page.complaints if "/config" not in one] == []
