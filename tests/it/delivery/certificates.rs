//! Certificates that reports are signed with, from a provider that is slow, fails, or answers with something else.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::Request;
use url::Url;
use vestibule::delivery::{
    ApiAnswer, ApiError, ApiLimits, ApiTransport, Callback, CallbackError, Failure, Message, MessageApi, Outcome,
    Report, ReportedState, Transport,
};
use vestibule::domain::time::Timestamp;

use crate::support::gateway::{Act, Gateway};

#[tokio::test]
async fn reports_that_wait_for_one_certificate_cause_one_request() {
    let gateway = Gateway::start(Act::Answer(200, String::new(), PEM.into())).await;
    let transport = transport(&gateway);
    let callback = callback("/a.pem");
    join_all((0..20).map(|_| transport.prepare_reports("signed", &callback))).await;
    assert_eq!(asked(&gateway), ["/a.pem"]);
    assert_eq!(certificate(&transport, &callback).as_deref(), Some(PEM));
    transport.prepare_reports("signed", &callback).await;
    assert_eq!(asked(&gateway), ["/a.pem"], "it is kept");
}

#[tokio::test]
async fn a_report_whose_sender_hangs_up_leaves_the_request_to_the_next() {
    let gateway = Gateway::start(Act::Answer(200, String::new(), PEM.into())).await;
    let transport = transport(&gateway);
    let callback = callback("/a.pem");
    let mut first = Box::pin(transport.prepare_reports("signed", &callback));
    let mut second = Box::pin(transport.prepare_reports("signed", &callback));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    second.await;
    assert_eq!(certificate(&transport, &callback).as_deref(), Some(PEM));
}

#[tokio::test]
async fn what_is_no_certificate_is_asked_for_again() {
    let gateway = Gateway::start(Act::Answer(200, String::new(), PEM.into())).await;
    let transport = transport(&gateway);
    let callback = callback("/a.pem");
    for act in [Act::html(200), Act::html(404), Act::HangUp] {
        gateway.then(act);
        transport.prepare_reports("signed", &callback).await;
        assert_eq!(certificate(&transport, &callback), None);
    }
    transport.prepare_reports("signed", &callback).await;
    assert_eq!(certificate(&transport, &callback).as_deref(), Some(PEM));
}

#[tokio::test]
async fn strangers_who_name_many_certificates_cause_few_requests() {
    let gateway = Gateway::start(Act::html(404)).await;
    let transport = transport(&gateway);
    for n in 0..50 {
        transport.prepare_reports("signed", &callback(&format!("/{n}.pem"))).await;
    }
    assert_eq!(asked(&gateway).len(), 6);
}

/// An API whose reports name the place of their certificate in the URL, and are believed with any.
struct Signed(Url);

impl MessageApi for Signed {
    fn name(&self) -> &'static str {
        "signed"
    }

    fn check(&self) -> Result<(), ApiError> {
        Ok(())
    }

    fn request(&self, _: &Message, _: Timestamp) -> Result<Request<Vec<u8>>, Failure> {
        unreachable!("it sends nothing")
    }

    fn outcome(&self, _: &ApiAnswer<'_>) -> Outcome {
        unreachable!("it sends nothing")
    }

    fn certificate_url(&self, callback: &Callback<'_>) -> Option<Url> {
        self.0.join(callback.url).ok()
    }

    fn reports(&self, callback: &Callback<'_>) -> Option<Result<Vec<Report>, CallbackError>> {
        let told = |pem: &[u8]| Report {
            message_id: String::from_utf8_lossy(pem).into_owned(),
            state: ReportedState::Delivered,
        };
        Some(callback.certificate.map(|pem| vec![told(pem)]).ok_or(CallbackError::Signature))
    }
}

fn transport(gateway: &Gateway) -> ApiTransport {
    ApiTransport::new(Signed(gateway.base_url()), ApiLimits::default()).expect("a transport")
}

fn callback(url: &str) -> Callback<'_> {
    Callback { url, headers: &[], body: b"", at: Timestamp::from_millis(0), certificate: None }
}

/// The certificate that a report is given.
fn certificate(transport: &ApiTransport, callback: &Callback<'_>) -> Option<String> {
    let read = transport.reports("signed", callback).expect("of this provider");
    read.ok().map(|reports| reports[0].message_id.clone())
}

fn asked(gateway: &Gateway) -> Vec<String> {
    gateway.got().into_iter().map(|asked| asked.path).collect()
}

/// A certificate of which nothing is right but the shape.
const PEM: &str = "-----BEGIN CERTIFICATE-----\nMBIwEAIBATAAMAAwADAAMAMCAQA=\n-----END CERTIFICATE-----\n";
