"""What schemathesis has to know beside the OpenAPI document, and what it holds answers to beside its own checks.

Read by `schemathesis run` through SCHEMATHESIS_HOOKS; `tests/server/fuzzing.rs` starts it.
"""

import re

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


@schemathesis.check
def error_code_conformance(context, response, case):
    """The code of a refusal is among those that the document names for its status."""
    if response.status_code < 400 or response.request.method == "HEAD":
        return
    responses = case.operation.definition.raw["responses"]
    described = responses.get(str(response.status_code))
    if described is None:
        return  # status_code_conformance says so
    codes = described["x-error-codes"]
    body = response.json()
    if response.status_code == 503 and "error" not in body:
        return  # /readyz
    code = body["error"]["code"]
    assert code in codes, f"{code!r} is not among {codes}"
