//! `vestibule vendor`: puts the packages that browsers load into a folder, from which the server serves them.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use crate::config::{Config, Sources};
use crate::npm::{Package, REGISTRY, Vendor, Wanted};

/// Arguments of `vestibule vendor`.
#[derive(Clone, Debug, PartialEq, Args)]
pub(super) struct VendorArguments {
    /// The folder to fill; when absent that of `server.npm_dir`, or npm
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Another version than the one that this program was tested with, such as ui@1.34.0; once for each package
    #[arg(long = "version", value_name = "PACKAGE@VERSION")]
    versions: Vec<Wanted>,
    /// The registry of npm packages
    #[arg(long, value_name = "URL", default_value = REGISTRY)]
    registry: Url,
}

/// Fetches both packages. Returns what to print.
///
/// # Errors
/// A sentence, where one of them was not fetched.
pub(super) fn vendor(wanted: &VendorArguments, sources: &Sources) -> Result<String, String> {
    let (folder, is_configured) = match &wanted.dir {
        Some(folder) => (folder.clone(), false),
        None => {
            let config = Config::load(sources).map_err(|error| error.faults().join("\n"))?;
            let is_configured = config.server.npm_dir.is_some();
            (config.server.npm_dir.unwrap_or_else(|| FOLDER.into()), is_configured)
        }
    };
    let packages = Package::ALL.map(|package| {
        let given = wanted.versions.iter().rev().find(|wanted| wanted.package == package);
        given.cloned().map_or_else(|| Wanted::pinned(package), Ok)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the async runtime can't be started: {error}"))?;
    let vendor = Vendor::new(wanted.registry.clone(), &folder);
    let mut fetched = Vec::new();
    for package in packages {
        let package = package.map_err(|error| error.to_string())?;
        fetched.push(runtime.block_on(vendor.fetch(&package)).map_err(|error| error.to_string())?);
    }
    let mut text = String::new();
    // Not before all are there, so that the folder does not get one of two versions that go together.
    for package in &fetched {
        let done = vendor.put(package).map_err(|error| format!("{text}{error}"))?;
        let checked = if done.is_pinned { "known to this program" } else { "told by the registry" };
        text.push_str(&format!("{}: {} files; their archive has the SHA-512 {checked}\n", done.name, done.files));
    }
    let shown = folder.display();
    text.push_str(&if is_configured {
        format!("They are in {shown}, as `server.npm_dir` says. A server that runs reads them at SIGHUP.\n")
    } else {
        format!(
            "They are in {shown}. To serve them, set in your configuration file:\n\n[server]\nnpm_dir = \"{shown}\"\n"
        )
    });
    Ok(text)
}

const FOLDER: &str = "npm";
