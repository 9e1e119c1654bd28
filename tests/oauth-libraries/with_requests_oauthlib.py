"""Gets a token with requests-oauthlib, submits a job, lets it refresh the token and submits another job."""

import os
import sys

from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

SERVER = os.environ["QUEUEPASS_SERVER"]
CLIENT_ID = os.environ["CLIENT_ID"]
SECRET = os.environ["CLIENT_SECRET"]
TOKEN_URL = f"{SERVER}/v1/oauth2/token"
JOB = {"job_queue": "lab", "job_priority": 10}
# requests sends the secret with HTTP Basic in ISO 8859-1. A secret with other characters must be sent in the form.
OPTIONS = {"include_client_id": True} if "--form" in sys.argv else {}

refreshed = []
session = OAuth2Session(
    client=BackendApplicationClient(client_id=CLIENT_ID),
    auto_refresh_url=TOKEN_URL,
    auto_refresh_kwargs={"client_id": CLIENT_ID, "client_secret": SECRET},
    token_updater=refreshed.append,
)
token = session.fetch_token(TOKEN_URL, client_secret=SECRET, **OPTIONS)
session.post(f"{SERVER}/v1/job", json=JOB).raise_for_status()

# requests-oauthlib refreshes an expired token before the next request.
session.token = {**token, "expires_at": 1}
session.post(f"{SERVER}/v1/job", json=JOB).raise_for_status()
if not refreshed:
    sys.exit("requests-oauthlib did not refresh the token")
