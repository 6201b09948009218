"""Reads e-mails as the engine hands them over, with Python's own package, and verifies their signatures with dkimpy.

VESTIBULE_MAILS is a folder: NAME.eml as received, NAME.json with what is expected of it, and records.json with the public
keys as the DNS would have them.
"""

import email
import email.policy
import json
import os
import pathlib
import re
import unittest
from html.parser import HTMLParser

import dkim

FOLDER = pathlib.Path(os.environ["VESTIBULE_MAILS"])
VOID = {"meta", "br", "img", "base", "link", "hr"}


class Tags(HTMLParser):
    """Collects the text, the links and the attributes, and says which tags are left open."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.links, self.loaded, self.tags, self.hidden = [], [], [], [], {}, 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.setdefault(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(attributes["href"])
        self.loaded += [attributes[name] for name in ("src", "background", "data") if name in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.text.append(data)


class Mails(unittest.TestCase):
    def test_each_mail_is_read_as_it_was_meant(self):
        names = sorted(FOLDER.glob("*.eml"))
        self.assertGreaterEqual(len(names), 28, "4 kinds in 7 languages")
        for path in names:
            with self.subTest(path.stem):
                self.look_at(path.read_bytes(), json.loads(path.with_suffix(".json").read_text("utf-8")))

    def look_at(self, raw, expected):
        self.assertLess(len(raw), 60_000)
        self.assertTrue(all(len(line) <= 998 for line in raw.split(b"\r\n")), "a line is too long (RFC 5322 2.1.1)")
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        for part in mail.walk():
            self.assertEqual(part.defects, [])
        self.assertEqual(mail["MIME-Version"], "1.0")
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertIsNone(mail["List-Unsubscribe"], "a code is no newsletter")
        self.assertEqual(mail["Message-ID"], f"<{expected['id']}@acme.example>")
        self.assertEqual(mail["From"], "Acme <no-reply@acme.example>")
        self.assertEqual(mail["To"], expected["to"])
        self.assertEqual(mail["Subject"], expected["subject"])
        self.assertEqual(mail["Date"].datetime.timestamp(), 1_760_000_000)
        self.assertEqual(mail.get_content_type(), "multipart/alternative")
        text, html = mail.get_body(("plain",)), mail.get_body(("related", "html"))
        self.assertEqual(text.get_content_charset(), "utf-8")
        self.assertEqual(text.get_content().replace("\r\n", "\n").rstrip(), expected["text"].rstrip())
        self.look_at_html(mail, html, expected)

    def look_at_html(self, mail, html, expected):
        if expected["logo"]:
            self.assertEqual(html.get_content_type(), "multipart/related")
            image = next(part for part in html.walk() if part.get_content_maintype() == "image")
            self.assertEqual((image["Content-ID"], image.get_content_disposition()), ("<logo>", "inline"))
            self.assertTrue(image.get_content().startswith(b"\x89PNG"))
        html = mail.get_body(("html",))
        self.assertEqual(html.get_content_charset(), "utf-8")
        source = html.get_content()
        read = Tags()
        read.feed(source)
        self.assertEqual(read.open, [])
        shown = " ".join(read.text)
        for secret in expected["secrets"]:
            self.assertIn(secret, shown)
        for link in expected["links"]:
            self.assertIn(link, read.links)
        self.assertEqual(read.loaded, ["cid:logo"] if expected["logo"] else [], "nothing is loaded from elsewhere")
        self.assertIsNone(re.search(r"url\(|@import|<script|<link|<iframe|<form", source))
        self.assertEqual(read.tags["html"], {"lang": expected["locale"], "dir": expected["direction"]})
        self.assertIn("prefers-color-scheme: dark", source)
        self.assertIn("max-width:600px", source)

    def test_each_signature_is_valid_until_something_is_changed(self):
        records = json.loads((FOLDER / "records.json").read_text())
        look_up = lambda name, timeout=5: records[name.decode().rstrip(".")].encode()
        for path in sorted(FOLDER.glob("*.eml")):
            raw = path.read_bytes()
            with self.subTest(path.stem):
                self.assertTrue(dkim.verify(raw, dnsfunc=look_up))
                for old, new in [(b"Subject: ", b"Subject: x"), (b"From: Acme", b"From: Acne"), (b"<html", b"<html x")]:
                    changed = raw.replace(old, new, 1)
                    self.assertTrue(changed == raw or not dkim.verify(changed, dnsfunc=look_up), old)
                second = raw.replace(b"\r\nFrom: ", b"\r\nFrom: eve@example.com\r\nFrom: ", 1)
                self.assertFalse(dkim.verify(second, dnsfunc=look_up), "a second sender")


if __name__ == "__main__":
    unittest.main()
