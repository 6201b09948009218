//! The binary. Everything it does is in `vestibule::cli`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Measured with `cargo bench --bench flow`; a program that embeds the library chooses its own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    vestibule::cli::run()
}
