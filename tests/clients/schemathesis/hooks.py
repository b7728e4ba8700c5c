"""What schemathesis has to know beside the OpenAPI document, and what it holds answers to beside its own checks.

Read by `schemathesis run` through SCHEMATHESIS_HOOKS; `tests/server/fuzzing.rs` starts it.
"""

import json
import os
import re
import zlib

import schemathesis

REACHED = "1.0"
"""A Ledger-Min-Sequence that every ledger has reached: the first event of the first epoch."""


@schemathesis.hook
def before_call(context, case, kwargs):
    # A sequence ahead of the log is waited for, and answered 503 as the document says; an epoch that is over, 412. Both say
    # nothing about the rest of the request. What is no sequence stays as it is: that has to be refused.
    sequence = (case.headers or {}).get("Ledger-Min-Sequence")
    if isinstance(sequence, str) and re.fullmatch(r"[0-9]+\.[0-9]+", sequence):
        case.headers["Ledger-Min-Sequence"] = REACHED
    # What comes to nothing on the way is not wrong either.
    if isinstance(case.query, dict):
        for name in [name for name, value in case.query.items() if value is None or value == []]:
            del case.query[name]
    if "/oauth2/" in case.operation.path:
        as_a_client(case, kwargs)


CLIENT = json.loads(os.environ.get("FUZZER_CLIENT", "{}"))
"""A client application: `id`, `secret`, `redirect`, and `tokens` of its own."""


GRANT_TYPES = "client_credentials", "client_credentials", "refresh_token", "authorization_code"


def as_a_client(case, kwargs):
    """Requests at the protocol's addresses come from a client application that there is, or they would all end at its door,
    where too many wrong ones are let in no more. What is made of them, they decide themselves, so that a run can be repeated."""
    chance = zlib.crc32(repr((case.query, case.body)).encode())
    if not CLIENT:
        return
    if case.operation.path.endswith("/authorize"):
        if case.meta and case.meta.generation.mode.is_negative:
            return  # once client and redirect are right, a refusal is a redirect, which the checks take for a success
        for container in case.query, case.body:
            if isinstance(container, dict) and isinstance(container.get("client_id"), str):
                container["client_id"] = CLIENT["id"]
                if isinstance(container.get("redirect_uri"), str) and chance % 3:
                    container["redirect_uri"] = CLIENT["redirect"]
        return
    kwargs["auth"] = (CLIENT["id"], CLIENT["secret"])
    if isinstance(case.body, dict):
        for name in "client_id", "clientId", "client_secret", "clientSecret", "client_assertion", "client_assertion_type":
            case.body.pop(name, None)
        if isinstance(case.body.get("grant_type"), str) and chance % 4:
            case.body["grant_type"] = GRANT_TYPES[chance // 4 % len(GRANT_TYPES)]
            if chance // 16 % 2:
                # What a client has in its own name is no scope, and it has no resource but us.
                for name in "scope", "resource", "audience":
                    case.body.pop(name, None)
        if isinstance(case.body.get("token"), str) and chance % 3:
            case.body["token"] = CLIENT["tokens"][chance % len(CLIENT["tokens"])]


@schemathesis.check
def error_code_conformance(context, response, case):
    """The code of a refusal is among those that the document names for its status."""
    if response.status_code < 400 or response.request.method == "HEAD":
        return
    if response.headers.get("content-type", [""])[0].startswith("text/html"):
        return  # a page says it in words
    responses = case.operation.definition.raw["responses"]
    described = responses.get(str(response.status_code))
    if described is None:
        return  # status_code_conformance says so
    codes = described["x-error-codes"]
    body = response.json()
    if response.status_code == 503 and "error" not in body:
        return  # /readyz
    error = body["error"]
    code = error if isinstance(error, str) else error["code"]
    assert code in codes, f"{code!r} is not among {codes}"
