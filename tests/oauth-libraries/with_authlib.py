"""Gets a token with Authlib, submits a job, lets Authlib refresh the token and submits another job."""

import os
import sys

from authlib.integrations.requests_client import OAuth2Session

SERVER = os.environ["QUEUEPASS_SERVER"]
JOB = {"job_queue": "lab", "job_priority": 10}
# Authlib sends the secret with HTTP Basic in ISO 8859-1. A secret with other characters must be sent in the form.
OPTIONS = {"token_endpoint_auth_method": "client_secret_post"} if "--form" in sys.argv else {}

session = OAuth2Session(
    os.environ["CLIENT_ID"],
    os.environ["CLIENT_SECRET"],
    token_endpoint=f"{SERVER}/v1/oauth2/token",
    **OPTIONS,
)
session.fetch_token()
session.post(f"{SERVER}/v1/job", json=JOB).raise_for_status()

# Authlib refreshes an expired token before the next request.
session.token["expires_at"] = 1
session.post(f"{SERVER}/v1/job", json=JOB).raise_for_status()
if session.token["expires_at"] == 1:
    sys.exit("Authlib did not refresh the token")
