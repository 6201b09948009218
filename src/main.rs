//! The binary. Everything it does is in `vestibule::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    vestibule::cli::run()
}
