"""PyPI's requests-oauthlib, unmodified, at authledger. tests/server/requests_oauthlib.rs runs it with its settings in OAUTH_SETTINGS.

It says `visit URL` when a browser has to go there, and is told on its standard input where the browser was sent. What it
found comes at the end as one line of JSON; what the library itself refuses ends the program.
"""

import json
import os
import sys

from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

settings = json.loads(os.environ["OAUTH_SETTINGS"])
issuer = settings["issuer"]
authorize_url, token_url = issuer + "/oauth2/authorize", issuer + "/oauth2/token"
introspect_url, revoke_url = issuer + "/oauth2/introspect", issuer + "/oauth2/revoke"
found = {}


def visit(url):
    print("visit", url, flush=True)
    answer = sys.stdin.readline().strip()
    assert answer, "the browser is gone"
    return answer


def refusal(work):
    """The code of the refusal that `work` must end in."""
    try:
        work()
    except OAuth2Error as error:
        return {"error": error.error, "description": error.description}
    return {"error": None}


def introspect(client, token):
    answer = session.post(
        introspect_url,
        data={"token": token},
        auth=HTTPBasicAuth(client["clientId"], client["clientSecret"]),
        withhold_token=True,
    )
    answer.raise_for_status()
    return answer.json()


confidential = settings["confidential"]

# The code, as the library's documentation has it, with and without PKCE. It raises when the answered scope is another one
# than it asked for.
for name, pkce in ("plain", None), ("pkce", "S256"):
    session = OAuth2Session(
        confidential["clientId"], redirect_uri=settings["redirect"], scope=[settings["scope"]], pkce=pkce
    )
    url, state = session.authorization_url(authorize_url)
    callback = visit(url)
    # A header and, with it, the bare client id in the body.
    token = session.fetch_token(
        token_url,
        authorization_response=callback,
        auth=HTTPBasicAuth(confidential["clientId"], confidential["clientSecret"]),
        include_client_id=True,
    )
    found[name] = {
        "scope": token["scope"],
        "type": token["token_type"],
        "lifetime": token["expires_in"],
        "replay": None,
    }
    first = token["refresh_token"]
    refreshed = session.refresh_token(
        token_url, auth=HTTPBasicAuth(confidential["clientId"], confidential["clientSecret"])
    )
    found[name]["repeated"] = refreshed["refresh_token"] == first
    found[name]["alive"] = introspect(confidential, refreshed["access_token"])

    # When its access token has expired, the library refreshes by itself, with the secret in the body.
    kept = []
    automatic = OAuth2Session(
        confidential["clientId"],
        token={**refreshed, "expires_in": -30, "expires_at": 1},
        auto_refresh_url=token_url,
        auto_refresh_kwargs={"client_id": confidential["clientId"], "client_secret": confidential["clientSecret"]},
        token_updater=kept.append,
    )
    automatic.get(issuer + "/livez")
    found[name]["automatic"] = [introspect(confidential, token["access_token"])["active"] for token in kept]

    found[name]["replay"] = refusal(
        lambda: session.fetch_token(
            token_url,
            authorization_response=callback,
            auth=HTTPBasicAuth(confidential["clientId"], confidential["clientSecret"]),
            include_client_id=True,
        )
    )
    found[name]["afterReplay"] = introspect(confidential, refreshed["access_token"])

# The secret in the body.
session = OAuth2Session(confidential["clientId"], redirect_uri=settings["redirect"], scope=[settings["scope"]])
callback = visit(session.authorization_url(authorize_url)[0])
token = session.fetch_token(
    token_url, authorization_response=callback, client_secret=confidential["clientSecret"], include_client_id=True
)
found["body"] = introspect(confidential, token["access_token"])

# The library's own revocation request, and what a session says when the person said no.
url, headers, body = session._client.prepare_token_revocation_request(revoke_url, token["access_token"])
answer = session.post(
    url,
    data=body,
    headers=headers,
    auth=HTTPBasicAuth(confidential["clientId"], confidential["clientSecret"]),
    withhold_token=True,
)
found["revoked"] = {"status": answer.status_code, "after": introspect(confidential, token["access_token"])}

session = OAuth2Session(settings["denied"]["clientId"], redirect_uri=settings["redirect"], scope=[settings["scope"]])
callback = visit(session.authorization_url(authorize_url)[0])
found["denied"] = refusal(
    lambda: session.fetch_token(
        token_url, authorization_response=callback, client_secret=settings["denied"]["clientSecret"]
    )
)

# A name and a password, for the client that may, and for one that may not.
for name in "legacy", "confidential":
    client = settings[name]
    session = OAuth2Session(client=LegacyApplicationClient(client_id=client["clientId"]), scope=[settings["scope"]])

    def ask(password, session=session, client=client):
        return session.fetch_token(
            token_url,
            username=settings["user"],
            password=password,
            client_id=client["clientId"],
            client_secret=client["clientSecret"],
        )

    wrong = refusal(lambda: ask("wrong"))
    right = refusal(lambda: ask(settings["password"]))
    found["password_" + name] = {"wrong": wrong, "right": right}
    if right["error"] is None:
        token = session.refresh_token(
            token_url, client_id=client["clientId"], client_secret=client["clientSecret"]
        )
        found["password_" + name]["alive"] = introspect(client, token["access_token"])

# A client on its own behalf.
service = settings["service"]
session = OAuth2Session(client=BackendApplicationClient(client_id=service["clientId"]))
token = session.fetch_token(
    token_url, auth=HTTPBasicAuth(service["clientId"], service["clientSecret"]), include_client_id=True
)
found["service"] = {
    "refresh": token.get("refresh_token"),
    "alive": introspect(service, token["access_token"]),
    "elsewhere": introspect(confidential, token["access_token"]),
}

print(json.dumps(found), flush=True)
