"""From our dashboards to Grafana's JSON, by Grafana's own builders: what they do not know, no dashboard has (D-375).

See https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as model

from dashboards.pages import PAGES
from dashboards.panel import Dashboard, Panel, Shown

SOURCE = model.DataSourceRef("prometheus", "${datasource}")
REFRESH = "5s"
WIDTH = {Shown.LINES: 12, Shown.BARS: 12, Shown.STATES: 12}
"""Of 24; figures share a row."""
HEIGHT = {Shown.LINES: 8, Shown.BARS: 8, Shown.STATES: 8, Shown.FIGURE: 4}


def text(page: Dashboard) -> str:
    """Write the file of a dashboard."""
    return JSONEncoder(sort_keys=True, indent=2).encode(_dashboard(page).build()) + "\n"


def _dashboard(page: Dashboard) -> dashboard.Dashboard:
    made = (
        dashboard.Dashboard(page.title)
        .uid(f"gateway-{page.name}")
        .description(page.says)
        .tags(["gateway"])
        .refresh(REFRESH)
        .time("now-30m", "now")
        .timezone("browser")
        .editable()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .variables([_datasource(), _variable("instance", 'label_values(up{job="gateway"}, instance)'), _routes()])
    )
    for other in PAGES:
        if other is not page:
            link = dashboard.DashboardLink(other.title.removeprefix("Gateway: "))
            made.link(
                link.type(model.DashboardLinkType.LINK)
                .url(f"/d/gateway-{other.name}")
                .keep_time(True)
                .include_vars(True)
            )
    numbers = count(1)
    for row in page.rows:
        made.with_row(dashboard.Row(row.title).id(next(numbers)))
        figures = [panel for panel in row.panels if panel.shown is Shown.FIGURE]
        for panel in row.panels:
            width = 24 // len(figures) if panel in figures else WIDTH[panel.shown]
            made.with_panel(_panel(panel, next(numbers), width))
    return made


def _datasource() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _routes() -> dashboard.QueryVariable:
    return _variable("route", 'label_values(gateway_requests_total{job="gateway",instance=~"$instance"}, route)')


def _variable(name: str, query: str) -> dashboard.QueryVariable:
    """Make a variable; `All` is everything, also the empty route of requests that no route takes."""
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .query(query)
        .datasource(SOURCE)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _panel(panel: Panel, number: int, width: int) -> Any:
    made: Any = _KINDS[panel.shown](panel)  # each kind has the methods below, and no base class with them
    made.id(number).title(panel.title).description(panel.says).datasource(SOURCE).unit(panel.unit)
    made.span(width).height(HEIGHT[panel.shown]).thresholds(_thresholds(panel))
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        asked = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
        if panel.shown is Shown.LINES and "_bucket{" in query.expr:
            asked.exemplar(True)  # a point for each observation whose trace can be looked at
        made.with_target(asked.instant() if panel.shown is Shown.BARS else asked.range())
    return made


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [model.Threshold(None, "green"), *(model.Threshold(value, colour) for value, colour in panel.thresholds)]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _lines(panel: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(words.LegendDisplayMode.TABLE).show_legend(True)
    legend.placement(words.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"])
    tooltip = common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI).sort(words.SortOrder.DESCENDING)
    return timeseries.Panel().legend(legend).tooltip(tooltip).fill_opacity(8).line_width(1).min(0)


def _figure(_panel: Panel) -> stat.Panel:
    shown = stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    return shown.color_mode(words.BigValueColorMode.VALUE).graph_mode(words.BigValueGraphMode.AREA)


def _bars(_panel: Panel) -> bargauge.Panel:
    shown = bargauge.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    return shown.orientation(words.VizOrientation.HORIZONTAL).display_mode(words.BarGaugeDisplayMode.BASIC).min(0)


def _states(panel: Panel) -> statetimeline.Panel:
    results = {
        str(value): model.ValueMappingResult(text=word, color=colour, index=number)
        for number, (value, (word, colour)) in enumerate(panel.states.items())
    }
    legend = common.VizLegendOptions().display_mode(words.LegendDisplayMode.LIST).show_legend(True)
    shown = (
        statetimeline.Panel().mappings([model.ValueMap(results)]).legend(legend.placement(words.LegendPlacement.BOTTOM))
    )
    return shown.show_value(words.VisibilityMode.NEVER).merge_values(True).row_height(0.8)


_KINDS = {Shown.LINES: _lines, Shown.FIGURE: _figure, Shown.BARS: _bars, Shown.STATES: _states}
