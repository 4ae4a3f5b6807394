"""Whether a query is PromQL, or LogQL, LogsQL or MetricsQL: by its data source, its server, its own look."""

from __future__ import annotations

import re

PROMETHEUS = ("prometheus", "grafana-amazonprometheus-datasource", "grafana-azureprometheus-datasource")
"""Types of Grafana data sources whose queries are PromQL."""

# Compiled at their first use, by re: few queries need them.
_OTHER_SOURCE = r"(?i)loki|victoria|\bvm\w*\b|logs|tempo|elastic|influx|graphite|cloudwatch"
_VICTORIA = (
    r"(?i)victoria|\bvm(?:single|select|auth|cluster|proxy)|:(?:842[789]|8481|8880)\b|/select/\w+/prometheus"
)
_QUOTED = r"`[^`]*`|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_LOGQL = r"\}\s*(?:\|[=~]?|![=~])\s*[\"\w]"
_LOGSQL = r"(^|\s)_(time|stream|msg):|\|\s*(stats|fields|sort|limit|unpack_json)\b"
_METRICSQL = (
    r"\b(?:rollup\w*|range_\w+|running_\w+|label_(?:set|del|keep|copy|move|map|match|mismatch|\w+case)"
    r"|(?:top|bottom)k_\w+|increase_(?:pure|prometheus)|rate_over_sum|default_rollup|histogram_share"
    r"|(?:share|count)_\w+_over_time|median_over_time|interpolate|keep_(?:last|next)_value|limit_offset"
    r"|outliersk|prometheus_buckets|zscore|union|median|any|distinct|t(?:min|max)_over_time|lag|lifetime)\s*\("
    r"|\b(?:keep_metric_names|ifnot)\b|\)\s*(?:default|if)\s|^\s*WITH\s*\("
)


def is_prometheus(source: str) -> bool:
    """Whether a data source's type or name may be a Prometheus'; "" may."""
    return source in PROMETHEUS or not re.search(_OTHER_SOURCE, source)


def is_victoria_metrics(address: str) -> bool:
    """Whether an address is VictoriaMetrics', whose MetricsQL takes more than PromQL."""
    return bool(re.search(_VICTORIA, address))


def is_other_language(query: str) -> bool:
    """Whether a query that is not PromQL is written in a language like it."""
    bare = re.sub(_QUOTED, '""', query)
    return any(re.search(language, bare) for language in (_LOGQL, _LOGSQL, _METRICSQL))
