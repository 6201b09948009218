//! Pages that the engine makes itself, in every mode. Each is whole: it loads nothing, from nowhere.

pub(super) mod link;
