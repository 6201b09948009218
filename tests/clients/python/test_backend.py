"""Users, sessions and invitations: an application's server in Python, with the unmodified `clerk-backend-api`.

The package checks the shape of each answer, so a call that returns has understood it. VESTIBULE_URL and
VESTIBULE_SECRET_KEY say which engine is called.
"""

import json
import os
import time
import unittest

import httpx
import jwt
from clerk_backend_api import Clerk, models
from clerk_backend_api.security import (
    AuthenticateRequestOptions,
    VerifyTokenOptions,
    authenticate_request,
    verify_token,
)
from clerk_backend_api.utils import BackoffStrategy, RetryConfig
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

URL = os.environ["VESTIBULE_URL"]
SECRET_KEY = os.environ["VESTIBULE_SECRET_KEY"]
PASSWORD = "wanders under elms"


class Backend(unittest.TestCase):
    """Each test has users of its own, and deletes them."""

    def setUp(self):
        # A refusal must not be tried again.
        once = RetryConfig("none", BackoffStrategy(1, 1, 1.0, 1), False)
        self.clerk = Clerk(bearer_auth=SECRET_KEY, server_url=f"{URL}/v1", retry_config=once)
        self.addCleanup(self.clerk.__exit__, None, None, None)

    def user(self, address, **fields):
        fields = {"email_address": [address], "password": PASSWORD, **fields}
        made = self.clerk.users.create(**fields)
        self.addCleanup(self.clear, made.id)
        return made

    def clear(self, user_id):
        try:
            self.clerk.users.delete(user_id=user_id)
        except models.ClerkErrors as error:
            self.assertEqual(error.status_code, 404)

    def code_sent_to(self, address):
        """The latest code, whose message leaves a moment after the call."""
        for _ in range(400):
            messages = httpx.get(f"{URL}/dev/outbox", params={"to": address}).json()["messages"]
            if messages:
                return messages[-1]["code"]
            time.sleep(0.05)
        return self.fail("nothing was sent")

    def key_of(self, token):
        """The public key of a token, as PEM."""
        wanted = jwt.get_unverified_header(token)["kid"]
        (key,) = (key for key in self.clerk.jwks.get_jwks().keys if key.kid == wanted)
        public = jwt.PyJWK(key.model_dump(exclude_none=True)).key
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def refused(self, status, code):
        return Refused(self, status, code)

    def test_users_are_created_read_listed_counted_changed_and_deleted(self):
        users = self.clerk.users
        made = self.user(
            "Ada@Example.com",
            external_id="customer 7",
            first_name="Ada",
            public_metadata={"plan": "gold", "seats": {"used": 1, "free": 2}},
            private_metadata={"innerKey": True},
            created_at="2020-02-29T12:00:00.250Z",
        )
        self.assertEqual(made.email_addresses[0].email_address, "ada@example.com")
        self.assertEqual(made.email_addresses[0].verification.status, "verified")
        self.assertEqual((made.created_at, made.password_enabled), (1582977600250, True))
        read = users.get(user_id=made.id)
        self.assertEqual((read.external_id, read.private_metadata), ("customer 7", {"innerKey": True}))

        bob = self.user("bob@example.com")
        listed = users.list(request={"order_by": "+created_at", "limit": 100})
        self.assertEqual([user.id for user in listed], [made.id, bob.id])
        some = users.list(request={"email_address": ["bob@example.com", "eve@example.com"]})
        self.assertEqual([user.id for user in some], [bob.id])
        self.assertEqual(users.count(request={"query": "EXAMPLE"}).total_count, 2)

        named = users.update(user_id=made.id, first_name="Augusta", username="countess")
        self.assertEqual((named.first_name, named.username, named.external_id), ("Augusta", "countess", "customer 7"))
        merged = users.update_metadata(
            user_id=made.id,
            public_metadata={"plan": None, "seats": {"used": 3}},
            private_metadata={"innerKey": False},
        )
        self.assertEqual(merged.public_metadata, {"seats": {"used": 3, "free": 2}})
        self.assertEqual(merged.private_metadata, {"innerKey": False})

        deleted = users.delete(user_id=made.id)
        self.assertEqual((deleted.deleted, deleted.id), (True, made.id))
        with self.refused(404, "resource_not_found"):
            users.get(user_id=made.id)

    def test_passwords_are_verified_and_set(self):
        made = self.user("mae@example.com")
        self.assertTrue(self.clerk.users.verify_password(user_id=made.id, password=PASSWORD).verified)
        with self.refused(422, "incorrect_password"):
            self.clerk.users.verify_password(user_id=made.id, password="something else")
        self.clerk.users.update(user_id=made.id, password="swims under the moon")
        self.assertTrue(self.clerk.users.verify_password(user_id=made.id, password="swims under the moon").verified)

    def test_refusals_keep_their_codes(self):
        self.user("taken@example.com")
        with self.refused(422, "form_identifier_exists"):
            self.user("taken@example.com")
        with self.refused(404, "resource_not_found"):
            self.clerk.sessions.get(session_id="sess_2abcdefghijklmnopqrstuvwxyz")
        with Clerk(bearer_auth="sk_test_wrong", server_url=f"{URL}/v1") as stranger:
            with self.refused(401, "clerk_key_invalid"):
                stranger.users.list(request={})

    def test_a_banned_user_gets_no_more_tokens(self):
        user = self.user("eve@example.com")
        person = Person("eve@example.com")
        self.assertEqual(person.token().status_code, 200)
        self.assertTrue(self.clerk.users.ban(user_id=user.id).banned)
        self.assertEqual(person.token().status_code, 401)
        self.assertFalse(self.clerk.users.unban(user_id=user.id).banned)
        self.assertEqual(Person("eve@example.com").token().status_code, 200)

    def test_an_address_is_verified_by_the_code_that_its_person_brings(self):
        user = self.user("pam@example.com")
        addresses = self.clerk.email_addresses
        work = addresses.create(request={"user_id": user.id, "email_address": "pam@work.example.com"})
        prepared = addresses.prepare_verification(email_address_id=work.id)
        self.assertEqual((prepared.status, prepared.strategy), ("unverified", "email_code"))
        code = self.code_sent_to("pam@work.example.com")

        def attempt(code):
            named = {"email_address_id": work.id, "verification_id": prepared.id}
            return addresses.attempt_verification(**named, code=code)

        self.assertEqual(attempt("000000" if code != "000000" else "000001").attempts, 1)
        self.assertEqual(attempt(code).status, "verified")
        with self.refused(400, "verification_already_verified"):
            attempt(code)
        self.assertEqual(addresses.get(email_address_id=work.id).verification.status, "verified")

    def test_sessions_are_listed_give_tokens_and_are_revoked(self):
        user = self.user("kay@example.com")
        person = Person("kay@example.com")
        sessions = self.clerk.sessions
        (session,) = sessions.list(user_id=user.id, status="active")
        self.assertEqual((session.id, session.user_id), (person.session, user.id))
        client = self.clerk.clients.get(client_id=session.client_id)
        self.assertEqual(client.session_ids, [session.id])
        self.assertIn(client.id, [listed.id for listed in self.clerk.clients.list(limit=500)])
        minted = sessions.create_token(session_id=session.id)
        options = VerifyTokenOptions(secret_key=SECRET_KEY, api_url=URL)
        self.assertEqual(verify_token(minted.jwt, options)["sub"], user.id)
        self.assertEqual(sessions.revoke(session_id=session.id).status, "revoked")
        self.assertEqual(sessions.get(session_id=session.id).status, "revoked")
        self.assertEqual(person.token().status_code, 401)

    def test_requests_are_authenticated_by_the_key_of_the_engine(self):
        user = self.user("joe@example.com")
        token = Person("joe@example.com").token().json()["jwt"]
        options = AuthenticateRequestOptions(jwt_key=self.key_of(token))
        request = httpx.Request("GET", URL, headers={"authorization": f"Bearer {token}"})
        seen = authenticate_request(request, options)
        self.assertEqual((seen.is_signed_in, seen.payload and seen.payload["sub"]), (True, user.id))

    def test_invitations_are_created_listed_and_revoked(self):
        made = self.clerk.invitations.create(
            request={"email_address": "gil@example.com", "public_metadata": {"role": "guest"}}
        )
        self.assertEqual((made.status, made.public_metadata), ("pending", {"role": "guest"}))
        self.assertIn(made.id, [invitation.id for invitation in self.clerk.invitations.list(status="pending")])
        self.assertEqual(self.clerk.invitations.revoke(invitation_id=made.id).status, "revoked")
        with self.refused(404, "resource_not_found"):
            self.clerk.invitations.revoke(invitation_id="inv_2abcdefghijklmnopqrstuvwxyz")

    def test_the_waiting_list_is_kept(self):
        made = self.clerk.waitlist_entries.create(request={"email_address": "una@example.com", "notify": False})
        listed = self.clerk.waitlist_entries.list()
        self.assertEqual([entry.id for entry in listed.data], [made.id])
        self.assertTrue(self.clerk.waitlist_entries.delete(waitlist_entry_id=made.id).deleted)

    def test_testing_tokens_are_made(self):
        self.assertTrue(self.clerk.testing_tokens.create().token)


class Person:
    """Somebody who signs in as an application without cookies does."""

    def __init__(self, address):
        answer = self.post("/v1/client/sign_ins", {"identifier": address, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.session = answer.json()["response"]["created_session_id"]
        self.authorization = answer.headers["authorization"]

    def token(self):
        headers = {"authorization": self.authorization}
        return self.post(f"/v1/client/sessions/{self.session}/tokens", {}, headers)

    @staticmethod
    def post(path, form, headers=None):
        return httpx.post(f"{URL}{path}", params={"_is_native": "1"}, data=form, headers=headers)


class Refused:
    """What is done inside is refused with this status and this code."""

    def __init__(self, test, status, code):
        self.test, self.expected = test, (status, code)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is None:
            self.test.fail("it was not refused")
        # Where Clerk's description of a call has no body for a refusal, the package leaves it unread.
        if not isinstance(error, (models.ClerkErrors, models.SDKError)):
            return False
        self.test.assertEqual((error.status_code, json.loads(error.body)["errors"][0]["code"]), self.expected)
        return True


if __name__ == "__main__":
    unittest.main()
