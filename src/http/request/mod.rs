//! What comes in: the head of a request, its body as a form or as JSON, its cookies, and whose client it is. It does not
//! know what the paths mean.

pub(in crate::http) mod audience;
pub(in crate::http) mod body;
pub(in crate::http) mod cookie;
pub(in crate::http) mod form;
pub(in crate::http) mod head;
pub(in crate::http) mod host;
pub(in crate::http) mod id;
pub(in crate::http) mod identity;
pub(in crate::http) mod json;
pub(in crate::http) mod proxy;
