//! Pages that the engine renders itself, in production too. `notice` is what they all are; errors become one in
//! `http/response/error/page.rs`. The files of the development pages lie here too, and are served by `http/dev/pages.rs`.

pub(super) mod link;
pub(super) mod notice;
