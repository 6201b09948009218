//! What only a development instance has: its outbox, its settings and clock, dev browsers, and the pages to try it with.

pub(super) mod dev_browser;
pub(super) mod outbox;
pub(super) mod pages;
mod repeats;
pub(super) mod tools;
