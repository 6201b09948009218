//! Pages that the engine renders itself, in production too. `notice` is what they all are; errors become one in
//! `error/page.rs`. The files of the development pages stand here too, and are served by `routes/pages.rs`.

pub(super) mod link;
pub(super) mod notice;
