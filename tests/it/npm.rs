//! The bundles of Clerk's browser packages: served from a folder, left to another host, and fetched from a registry.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use flate2::{Compression, write::GzEncoder};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use tower_service::Service as _;
use vestibule::engine::Engine;
use vestibule::http::{HttpOptions, HttpService};
use vestibule::npm::Bundles;

#[tokio::test]
async fn a_page_of_any_origin_loads_the_files_of_a_folder() {
    let (_folder, service) = site().await;
    let answer =
        get(&service, "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &[("origin", "https://any.example")]).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, script()));
    for (name, expected) in [
        ("content-type", "text/javascript; charset=utf-8"),
        ("cache-control", "public, max-age=300"),
        ("access-control-allow-origin", "*"),
        ("vary", "Accept-Encoding"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}");
    }
    for absent in ["access-control-allow-credentials", "set-cookie", "content-encoding"] {
        assert_eq!(answer.header(absent), None, "{absent}");
    }
    // An origin that is allowed is answered no differently: caches keep one answer for all.
    let of_own =
        get(&service, "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &[("origin", "https://acme.example")]).await;
    assert_eq!(of_own.header("access-control-allow-origin"), Some("*"));
    assert_eq!(of_own.header("access-control-allow-credentials"), None);

    let exact = get(&service, "/npm/@clerk/clerk-js@6.40.0/dist/clerk.browser.js", &[]).await;
    assert_eq!(exact.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let ui = get(&service, "/npm/@clerk/ui@1/dist/ui.browser.js", &[]).await;
    assert_eq!((ui.status, ui.text()), (StatusCode::OK, "ui".into()));
    let head = ask(&service, "HEAD", "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &[]).await;
    assert_eq!((head.status, head.header("etag")), (StatusCode::OK, answer.header("etag")));
}

#[tokio::test]
async fn who_has_a_file_is_not_sent_it_again_and_who_reads_gzip_gets_it_shorter() {
    let (_folder, service) = site().await;
    let path = "/npm/@clerk/clerk-js@6/dist/clerk.browser.js";
    let plain = get(&service, path, &[]).await;
    let zipped = get(&service, path, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.body.len() < plain.body.len() / 4, "{}", zipped.body.len());
    let mut text = String::new();
    GzDecoder::new(&zipped.body[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, script());

    let tag = |answer: &Answer| answer.header("etag").expect("a version").to_owned();
    assert_ne!(tag(&plain), tag(&zipped), "each form has its own version");
    let again = get(&service, path, &[("if-none-match", &tag(&plain))]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), plain.header("etag"));
    assert_eq!(again.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(again.header("access-control-allow-origin"), Some("*"));
    let of_other = get(&service, path, &[("if-none-match", &tag(&plain)), ("accept-encoding", "gzip")]).await;
    assert_eq!(of_other.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_in_the_list_is_not_found_whatever_is_on_the_disk() {
    let (folder, service) = site().await;
    fs::write(folder.path().join("@clerk/secret.js"), "secret").expect("a file");
    for path in [
        "/npm/@clerk/clerk-js@5/dist/clerk.browser.js",
        "/npm/@clerk/clerk-js@6.39.0/dist/clerk.browser.js",
        "/npm/@clerk/clerk-js@canary/dist/clerk.browser.js",
        "/npm/@clerk/clerk-js@6/dist/none.js",
        "/npm/@clerk/clerk-js@6/dist/out.js",
        "/npm/@clerk/clerk-js@6/dist/../../secret.js",
        "/npm/@clerk/clerk-js@6/dist/..%2f..%2fsecret.js",
        "/npm/@clerk/clerk-js@6/dist/%2e%2e/%2e%2e/secret.js",
        "/npm/@clerk/clerk-js@6/dist/..\\..\\secret.js",
        "/npm/@clerk/clerk-js@6/package.json",
        "/npm/@clerk/clerk-js@6/dist/package.json",
        "/npm/@clerk/clerk-js@6/dist/",
        "/npm/@clerk/secret.js",
        "/npm/@clerk/react@6/dist/index.js",
        "/npm/left-pad@1/dist/index.js",
        "/npm/",
    ] {
        let answer = get(&service, path, &[("origin", "https://any.example")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["code"], "resource_not_found", "{path}");
    }
    let other = ask(&service, "POST", "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &[]).await;
    assert_eq!((other.status, other.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("GET, HEAD, OPTIONS")));
}

#[tokio::test]
async fn without_a_folder_browsers_are_sent_to_another_host_or_nowhere() {
    let path = "/npm/@clerk/clerk-js@6/dist/clerk.browser.js";
    let service = serving(options()).await;
    let sent = get(&service, path, &[("origin", "https://any.example")]).await;
    assert_eq!(sent.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(sent.header("location"), Some("https://cdn.jsdelivr.net/npm/@clerk/clerk-js@6/dist/clerk.browser.js"));
    assert_eq!(sent.header("access-control-allow-origin"), Some("*"));
    let strange = get(&service, "/npm/@clerk/clerk-js@6/dist/..%2f..%2fx.js", &[]).await;
    assert_eq!(strange.status, StatusCode::NOT_FOUND, "only what could be a file is sent on");

    let own = HttpOptions { npm_cdn: Some("https://cdn.acme.example/p/".parse().expect("a URL")), ..options() };
    let sent = get(&serving(own).await, path, &[]).await;
    assert_eq!(sent.header("location"), Some("https://cdn.acme.example/p/@clerk/clerk-js@6/dist/clerk.browser.js"));
    let none = HttpOptions { npm_cdn: None, ..options() };
    assert_eq!(get(&serving(none).await, path, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn below_a_path_the_files_are_below_that_path() {
    let folder = packages();
    let url = "https://acme.example/__clerk".parse().expect("a URL");
    let bundles = Some(Bundles::open(folder.path()).expect("bundles"));
    let service = serving(HttpOptions { bundles, ..HttpOptions::new(url, KEY, false) }).await;
    for path in ["/__clerk/npm/@clerk/ui@1/dist/ui.browser.js", "/npm/@clerk/ui@1/dist/ui.browser.js"] {
        assert_eq!(get(&service, path, &[]).await.text(), "ui", "{path}");
    }
}

#[test]
fn what_a_registry_has_is_put_into_a_folder_and_then_served() {
    let registry = Registry::start(&[("clerk-js", "6.99.0"), ("ui", "1.99.0")], &|_| {});
    let folder = tempdir().expect("a folder");
    let output = vendor(&registry, folder.path(), &["clerk-js@6.99.0", "@clerk/ui@1.99.0"]);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in [
        "@clerk/clerk-js@6.99.0: 2 files; their archive has the SHA-512 told by the registry\n".to_owned(),
        format!("\n[server]\nnpm_dir = \"{}\"\n", folder.path().display()),
    ] {
        assert!(printed.contains(&line), "{printed}");
    }
    let bundles = Bundles::open(folder.path()).expect("bundles");
    assert_eq!(bundles.versions(), ["@clerk/clerk-js@6.99.0", "@clerk/ui@1.99.0"]);
    assert_eq!(names(&folder.path().join("@clerk")), ["clerk-js", "ui"], "nothing is left beside them");
    // Only what browsers load: no other folder of the package, no link, nothing outside.
    assert_eq!(names(&folder.path().join("@clerk/ui")), ["LICENSE", "dist", "package.json"]);
    assert_eq!(names(&folder.path().join("@clerk/ui/dist")), ["style.css", "ui.browser.js"]);
    assert_eq!(names(folder.path()), ["@clerk"]);

    // A later version takes the place of the one before.
    let later = Registry::start(&[("clerk-js", "6.100.0"), ("ui", "1.99.0")], &|_| {});
    assert!(vendor(&later, folder.path(), &["clerk-js@6.100.0", "ui@1.99.0"]).status.success());
    bundles.reload().expect("bundles");
    assert_eq!(bundles.versions(), ["@clerk/clerk-js@6.100.0", "@clerk/ui@1.99.0"]);
    assert_eq!(names(&folder.path().join("@clerk")), ["clerk-js", "ui"]);
}

#[test]
fn an_archive_that_is_not_what_it_must_be_changes_nothing() {
    let folder = packages();
    let before = Bundles::open(folder.path()).expect("bundles").versions();
    let cases: [Case; 7] = [
        // The version that the program knows, with other content.
        (
            &[("clerk-js", "6.40.0")],
            &[],
            |_| {},
            "another SHA-512 for @clerk/clerk-js@6.40.0 than the one that this program knows",
        ),
        (
            &[("clerk-js", "6.99.0")],
            &["clerk-js@6.99.0"],
            |files| files.entry("/@clerk/clerk-js/-/clerk-js-6.99.0.tgz".into()).or_default().push(0),
            "another SHA-512 than it must have",
        ),
        (
            &[("clerk-js", "6.99.0")],
            &["clerk-js@6.99.0"],
            |files| {
                drop(files.insert("/@clerk/clerk-js/6.99.0".into(), b"{\"version\": \"6.99.0\", \"dist\": {}}".into()))
            },
            "no SHA-512",
        ),
        (&[("clerk-js", "6.99.0")], &["clerk-js@6.98.0"], |_| {}, "status 404"),
        (
            &[("clerk-js", "6.99.0"), ("ui", "1.99.0")],
            &["clerk-js@6.99.0", "ui@1.99.0"],
            |files| put(files, "clerk-js", "6.99.0", b"no archive".to_vec()),
            "@clerk/clerk-js: ",
        ),
        // What a server could not use.
        (
            &[("clerk-js", "6.99.0"), ("ui", "1.99.0")],
            &["clerk-js@6.99.0", "ui@1.99.0"],
            |files| put(files, "clerk-js", "6.99.0", archive("clerk-js", "6.98.0")),
            "names version 6.98.0",
        ),
        (
            &[("clerk-js", "6.99.0"), ("ui", "1.99.0")],
            &["clerk-js@6.99.0", "ui@1.99.0"],
            |files| put(files, "clerk-js", "6.99.0", archive("ui", "6.99.0")),
            "is not that of @clerk/clerk-js",
        ),
    ];
    for (packages, versions, spoil, reason) in cases {
        let registry = Registry::start(packages, &spoil);
        let output = vendor(&registry, folder.path(), versions);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && told.contains(reason), "{reason}: {told}");
        assert_eq!(Bundles::open(folder.path()).expect("bundles").versions(), before);
        assert_eq!(names(&folder.path().join("@clerk")), ["clerk-js", "ui"], "{reason}");
    }
    let output = vendor(&Registry::start(&[], &|_| {}), folder.path(), &["react@6.0.0"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// A folder with both packages, and a service that has it.
async fn site() -> (TempDir, HttpService) {
    let folder = packages();
    let bundles = Some(Bundles::open(folder.path()).expect("bundles"));
    let service = serving(HttpOptions { bundles, ..options() }).await;
    (folder, service)
}

fn packages() -> TempDir {
    let folder = tempdir().expect("a folder");
    for (package, version, name, text) in
        [("clerk-js", "6.40.0", "clerk.browser.js", script()), ("ui", "1.34.0", "ui.browser.js", "ui".into())]
    {
        let place = folder.path().join("@clerk").join(package);
        fs::create_dir_all(place.join("dist")).expect("a folder");
        fs::write(place.join("package.json"), manifest(package, version)).expect("a file");
        fs::write(place.join("dist").join(name), text).expect("a file");
    }
    symlink("/etc/hostname", folder.path().join("@clerk/clerk-js/dist/out.js")).expect("a link");
    folder
}

fn script() -> String {
    "window.Clerk = window.Clerk || {};\n".repeat(200)
}

fn manifest(package: &str, version: &str) -> String {
    json!({"name": format!("@clerk/{package}"), "version": version}).to_string()
}

fn options() -> HttpOptions {
    HttpOptions::new("https://clerk.acme.example".parse().expect("a URL"), KEY, false)
}

async fn serving(options: HttpOptions) -> HttpService {
    let builder = Engine::builder().allowed_origins(vec!["https://acme.example".into()]);
    builder.build().await.expect("an engine").http_service(options)
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

async fn get(service: &HttpService, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(service, "GET", path, headers).await
}

async fn ask(service: &HttpService, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    // A target with a backslash is none for hyper, so it is written as browsers do.
    let path = path.replace('\\', "%5C");
    let mut request = Request::builder().method(method).uri(path).header("host", "clerk.acme.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::default()).expect("a request");
    let (parts, body) = service.clone().call(request).await.expect("never fails").into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.expect("a body").to_bytes() }
}

fn vendor(registry: &Registry, folder: &Path, versions: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.arg("vendor").arg("--dir").arg(folder).arg("--registry").arg(&registry.url);
    for version in versions {
        command.args(["--version", version]);
    }
    command.output().expect("the binary")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().expect("text")).collect();
    names.sort();
    names
}

/// The files of a registry by their paths.
type Files = HashMap<String, Vec<u8>>;

/// What a registry has, the versions that are asked for, what is wrong then, and what is said about it.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str], fn(&mut Files), &'static str);

/// A registry of packages on a port of this machine.
struct Registry {
    url: String,
}

impl Registry {
    /// Starts one that has `packages`, after `spoil` has changed its files.
    fn start(packages: &[(&str, &str)], spoil: &dyn Fn(&mut Files)) -> Self {
        let mut files = HashMap::new();
        for (package, version) in packages {
            put(&mut files, package, version, archive(package, version));
        }
        spoil(&mut files);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let files = Arc::new(files);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), files) = (stream, files.clone()) else { break };
                let mut asked = [0; 4096];
                let count = stream.read(&mut asked).unwrap_or_default();
                let head = String::from_utf8_lossy(&asked[..count]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let (status, body) = files.get(path).map_or((404, &[][..]), |body| (200, &body[..]));
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                drop(stream.write_all(&[head.as_bytes(), body].concat()));
            }
        });
        Self { url }
    }
}

/// Adds an archive and what the registry tells about it.
fn put(files: &mut Files, package: &str, version: &str, archive: Vec<u8>) {
    let sum = STANDARD.encode(digest(&SHA512, &archive));
    let told = json!({"version": version, "dist": {"integrity": format!("sha1-x sha512-{sum}")}});
    files.insert(format!("/@clerk/{package}/{version}"), told.to_string().into_bytes());
    files.insert(format!("/@clerk/{package}/-/{package}-{version}.tgz"), archive);
}

/// An archive with what a package has, and with what an attacker would put into one.
fn archive(package: &str, version: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut add = |kind: tar::EntryType, path: &str, link: &str, text: &str| {
        let mut header = tar::Header::new_gnu();
        // By hand: the library itself refuses to write such paths.
        header.as_gnu_mut().expect("of GNU").name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        if !link.is_empty() {
            header.as_gnu_mut().expect("of GNU").linkname[..link.len()].copy_from_slice(link.as_bytes());
        }
        header.set_cksum();
        archive.append(&header, text.as_bytes()).expect("an entry");
    };
    use tar::EntryType::{Directory, Regular, Symlink};
    add(Directory, "package/dist", "", "");
    add(Regular, "package/package.json", "", &manifest(package, version));
    add(Regular, "package/LICENSE", "", "MIT");
    let entry = if package == "ui" { "ui.browser.js" } else { "clerk.browser.js" };
    add(Regular, &format!("package/dist/{entry}"), "", "main");
    add(Regular, "package/dist/style.css", "", "a{}");
    add(Regular, "package/dist/index.d.ts", "", "types");
    add(Regular, "package/dist/deep/x.js", "", "deep");
    add(Regular, "package/install.sh", "", "rm -rf /");
    add(Symlink, "package/dist/link.js", "/etc/passwd", "");
    add(Regular, "package/dist/../../../escaped.js", "", "out");
    add(Regular, "/escaped.js", "", "out");
    add(Regular, "../escaped.js", "", "out");
    archive.into_inner().expect("an archive").finish().expect("an archive")
}

const KEY: &str = "pk_live_Y2xlcmsuYWNtZS5leGFtcGxlJA";
