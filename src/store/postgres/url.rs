//! The URL of the database, with the words of PostgreSQL's own library that tokio-postgres does not know: `sslrootcert`, and
//! `sslmode=verify-full`.

use std::path::PathBuf;
use std::str::FromStr;

use tokio_postgres::Config;

use super::error::PostgresError;
use super::pool::in_words;
use super::tls::Roots;

/// What a URL says: how the database is reached, and whose certificates are believed.
pub(super) fn parse(url: &str) -> Result<(Config, Roots), PostgresError> {
    let (url, roots) = without_roots(url);
    let config = Config::from_str(&url).map_err(|error| PostgresError::Url(in_words(&error)))?;
    let roots = match roots.map(decoded).transpose()? {
        None => Roots::OfTheSystem,
        Some(word) if word == "system" => Roots::OfTheSystem,
        Some(file) => Roots::InFile(PathBuf::from(file)),
    };
    Ok((config, roots))
}

/// The URL in the words of tokio-postgres, and the value of `sslrootcert`, if it has one.
fn without_roots(url: &str) -> (String, Option<&str>) {
    // A password may have a question mark in it, and a parameter an `@`.
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let host = url[host..].split('/').next().and_then(|part| part.rfind('@')).map_or(host, |at| host + at);
    let Some(mark) = url[host..].find('?').map(|place| host + place) else { return (url.to_owned(), None) };
    let (mut kept, mut roots) = (Vec::new(), None);
    for parameter in url[mark + 1..].split('&') {
        match parameter.split_once('=') {
            Some(("sslrootcert", value)) => roots = Some(value),
            // Each certificate is compared with the name of its server, so this is what `require` does here.
            Some(("sslmode", "verify-full")) => kept.push("sslmode=require"),
            _ => kept.push(parameter),
        }
    }
    (format!("{}?{}", &url[..mark], kept.join("&")), roots)
}

/// A value as it was before it was written in a URL. tokio-postgres decodes it, in a parameter that it knows.
fn decoded(value: &str) -> Result<String, PostgresError> {
    let config = Config::from_str(&format!("postgres:///?application_name={value}"));
    let config = config.map_err(|error| PostgresError::Url(in_words(&error)))?;
    Ok(config.get_application_name().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode;

    use super::*;

    #[test]
    fn a_file_of_root_certificates_can_stand_anywhere_among_the_parameters() {
        for parameters in [
            "sslmode=require&sslrootcert=/etc/a%20b.pem",
            "sslrootcert=/etc/a%20b.pem&sslmode=require",
            "sslmode=verify-full&sslrootcert=/etc/a%20b.pem&connect_timeout=5",
            "sslmode=require&application_name=a@b&sslrootcert=/etc/a%20b.pem",
        ] {
            let url = format!("postgres://ada:what?@db.example.com/x?{parameters}");
            let (config, roots) = parse(&url).expect("a URL");
            assert_eq!(roots, Roots::InFile("/etc/a b.pem".into()), "{url}");
            assert_eq!(
                (config.get_ssl_mode(), config.get_password()),
                (SslMode::Require, Some(&b"what?"[..])),
                "{url}"
            );
        }
    }

    #[test]
    fn without_such_a_file_the_roots_are_those_of_the_system() {
        for url in [
            "postgres://ada@db.example.com/x",
            "postgres://ada:sslrootcert=a@db.example.com/x?sslmode=require",
            "postgresql://ada@db.example.com/x?sslrootcert=system",
            "postgres:///x?host=/run/postgresql",
        ] {
            assert_eq!(parse(url).expect("a URL").1, Roots::OfTheSystem, "{url}");
        }
    }

    #[test]
    fn what_neither_knows_is_refused() {
        for parameters in ["sslmode=verify-ca", "sslrootcerts=/a", "sslcert=/a", "sslrootcert=%ff"] {
            let refused = parse(&format!("postgres://ada@db.example.com/x?{parameters}"));
            assert!(matches!(refused, Err(PostgresError::Url(_))), "{parameters}");
        }
    }
}
