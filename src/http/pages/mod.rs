//! Pages that the engine renders itself, in production too. All of them use `notice`; `http/response/error/page.rs`
//! makes pages of errors. The files of the development pages are in this folder too, and are served by
//! `http/dev/pages.rs`.

pub(super) mod link;
pub(super) mod notice;
