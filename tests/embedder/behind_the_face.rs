//! This does not compile without the feature `unstable`, and `.ci/run` checks that: the rooms are private.

fn main() {
    let _ = vestibule::domain::text::trim("");
}
