//! Reading requests: the head, the body as a form or as JSON, and the identity of the client. This folder does not know
//! what the paths mean.

pub(super) mod audience;
pub(super) mod body;
pub(super) mod form;
pub(super) mod head;
pub(super) mod host;
pub(super) mod identity;
pub(super) mod json;
pub(super) mod proxy;
