//! The binary: see `vestibule --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    vestibule::cli::run()
}
