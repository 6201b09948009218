//! Risks of the allowed origins.

use url::Url;

use super::Risks;
use super::sites::site;
use crate::config::checks::is_loopback;
use crate::config::load::Config;
use crate::config::values::{Mode, Origin, PublicUrl};

pub(super) fn origins(config: &Config) -> Risks {
    let server = &config.server;
    let mut risks = Risks::default();
    if config.instance.mode != Mode::Production {
        return risks;
    }
    // An engine below a path of the page's site needs no other origin.
    risks.add(
        server.allowed_origins.is_empty() && !server.public_url.as_ref().is_some_and(PublicUrl::has_path),
        "server.allowed_origins",
        "is empty: browsers allow only the engine's own pages to call it; write the origins of your pages",
    );
    for origin in &server.allowed_origins {
        risks.0.extend(
            reason(origin, server.public_url.as_ref()).map(|reason| ("server.allowed_origins".to_owned(), reason)),
        );
    }
    risks
}

/// Why an origin is risky. Pages of native applications have neither a site nor TLS.
fn reason(origin: &Origin, public_url: Option<&PublicUrl>) -> Option<String> {
    let origin = origin.as_str();
    let url = Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    if is_loopback(Some(host)) && url.scheme() == "http" {
        return Some(format!(
            "contains {origin}, which is a page on each visitor's own machine: any program that serves a page there \
             can act for the visitor; write the origins of your pages"
        ));
    }
    if url.scheme() == "http" {
        return Some(format!(
            "contains {origin}, which is not https: an attacker on the network can change that page and act for its \
             visitors; write it with https"
        ));
    }
    let engine = public_url.map(PublicUrl::host).filter(|engine| site(engine) != site(host))?;
    let page_site = site(host);
    Some(format!(
        "contains {origin}, which is on another site than {engine}: browsers send the engine's cookies only from pages \
         of its own site, so people do not stay signed in there; serve the engine on a host below {page_site}, and \
         write its URL in `server.public_url`"
    ))
}
