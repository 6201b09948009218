//! What only a development instance has: its outbox, its settings and clock, dev browsers, and pages for trying it out.

pub(super) mod dev_browser;
mod mailbox;
pub(super) mod pages;
mod repeats;
pub(super) mod tools;

use crate::domain::id::{MessageId, SignUpId};

use super::endpoint::{DELETE, Endpoint, POST, PUT, answer};

/// The endpoints, path by path.
#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::form(POST, "/v1/dev_browser", answer!(|i| dev_browser::open(i.call).await)),
    Endpoint::get("/dev/outbox", answer!(|i| mailbox::list(i.call))).tool().quiet(),
    Endpoint::document(DELETE, "/dev/outbox", answer!(|i| mailbox::clear(i.call))).tool().quiet(),
    Endpoint::get("/dev/outbox/events", answer!(|i| mailbox::events(i.call).await)).tool().quiet(),
    Endpoint::get("/dev/outbox/{id}", answer!(|i| mailbox::show(i.call, i.id()?))).of::<MessageId>().tool().quiet(),
    Endpoint::get("/dev/outbox/{id}/html", answer!(|i| mailbox::html(i.call, i.id()?))).of::<MessageId>().tool().quiet(),
    Endpoint::get("/dev/outbox/{id}/source", answer!(|i| mailbox::source(i.call, i.id()?))).of::<MessageId>().tool().quiet(),
    Endpoint::get("/dev/sign_ups/{id}", answer!(|i| mailbox::sign_up(i.call, i.id()?).await)).of::<SignUpId>().tool().quiet(),
    Endpoint::get("/dev/settings", answer!(|i| Ok(tools::settings(i.call)))).tool(),
    Endpoint::document(PUT, "/dev/settings", answer!(|i| tools::replace_settings(i.call, i.document()))).tool(),
    Endpoint::get("/dev/clock", answer!(|i| Ok(tools::clock(i.call)))).tool(),
    Endpoint::document(POST, "/dev/clock", answer!(|i| tools::advance_clock(i.call, i.document()).await)).tool(),
    Endpoint::get("/", answer!(|i| pages::show(i.call))).tool().quiet(),
    Endpoint::get("/dev/mailbox", answer!(|i| pages::show(i.call))).tool().quiet(),
    Endpoint::get("/dev/pages/{id}", answer!(|i| pages::show(i.call))).of_files(pages::file).tool().quiet(),
];
