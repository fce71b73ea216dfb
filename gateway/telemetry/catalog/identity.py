"""Who is let in: credentials, and the keys and certificates that they are judged by."""

from __future__ import annotations

from gateway.telemetry.spec import Spec

IDENTITY = (
    Spec(
        "gateway_auth_total",
        "counter",
        ("method", "outcome"),
        "Requests that had to show who is calling. `method` is jwt, api_key and so on, none where nothing was shown. "
        "`outcome` is verified, cached (verified a moment ago), missing, invalid, revoked (a client's certificate, by "
        "a list) or unavailable; forbidden, for want of a scope or role, is counted beside verified or cached.",
        query='sum by (method, outcome) (rate(gateway_auth_total{job="gateway"}[5m]))',
    ),
    Spec(
        "gateway_certificate_end_timestamp_seconds",
        "gauge",
        ("listener", "name"),
        "Until when a certificate that clients are shown is good, Unix seconds. `name` is its first DNS name, else its "
        "subject; of two certificates for one name (RSA and ECDSA), the one that ends first.",
        query='sort((gateway_certificate_end_timestamp_seconds{job="gateway"} - time()) / 86400)',
    ),
    Spec(
        "gateway_crl_next_update_timestamp_seconds",
        "gauge",
        ("name",),
        "Until when the list of revoked certificates of an authority is good, Unix seconds; +Inf where it does not "
        "say. After that its certificates are refused.",
        whole="min",
        query='sort((gateway_crl_next_update_timestamp_seconds{job="gateway"} - time()) / 3600)',
    ),
    Spec(
        "gateway_jwks_fetches_total",
        "counter",
        ("verifier", "result"),
        "Times that the keys of an issuer of tokens were asked for: success or failure. What was fetched before a "
        "failure stays good.",
        query='sum by (verifier, result) (increase(gateway_jwks_fetches_total{job="gateway"}[1h]))',
    ),
    Spec(
        "gateway_jwks_keys",
        "gauge",
        ("verifier",),
        "Keys of the issuer that tokens are verified with now.",
        whole="max",
        query='min by (verifier) (gateway_jwks_keys{job="gateway"})',
    ),
    Spec(
        "gateway_jwks_age_seconds",
        "gauge",
        ("verifier",),
        "Since the keys of the issuer were fetched; +Inf for never.",
        whole="max",
        query='max by (verifier) (gateway_jwks_age_seconds{job="gateway"})',
    ),
)
