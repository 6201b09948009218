//! A route as one row: a method, a path, how its body is read, and what answers. The rows are in the tables of the
//! audiences: `http/frontend/mod.rs`, `http/backend/mod.rs`, `http/dev/mod.rs` and `http/ops/mod.rs`.

use std::pin::Pin;
use std::str::FromStr;

use bytes::Bytes;
use hyper::Method;
use hyper::body::Body;

use crate::domain::id::{InvitationId, SessionId, SignInId, SignUpId, WaitlistEntryId};
use crate::http::call::Call;
use crate::http::dev::pages::is_loaded;
use crate::http::request::body;
use crate::http::request::form::Params;
use crate::http::request::json::{self, Json};
use crate::http::response::api_response::ApiResponse;
use crate::http::response::cors::Realm;
use crate::http::response::error::HttpError;

/// One method of one path.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Endpoint {
    pub(in crate::http) method: &'static Method,
    /// The path, with `{id}` where it has an id: as the guide and the log write it.
    pub(in crate::http) path: &'static str,
    /// The path as far as the id, and what follows that.
    around_id: (&'static str, &'static str),
    /// Reads an id of the kind that the path has; `None` for paths without one.
    read_id: Option<fn(&str) -> Option<PathId>>,
    body: BodyKind,
    /// How the origin rule sees a call.
    pub(in crate::http) realm: Realm,
    /// Whether the log has better things to tell: what is polled, or is loaded with every page.
    pub(in crate::http) is_quiet: bool,
    handler: Handler,
}

/// How a body is read before the handler is called. What is no form, or no JSON, is refused alike by every route of a
/// kind, also where nothing in it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    /// Not at all.
    None,
    Form,
    /// JSON objects, as backends send them.
    Json,
    /// Bytes, whatever they are.
    Document,
}

/// What a handler is given.
#[derive(Clone, Copy)]
pub(in crate::http) struct Input<'a> {
    pub(in crate::http) call: &'a Call<'a>,
    id: PathId,
    body: &'a Given,
}

/// A body that was read. What its kind does not have is empty.
#[derive(Debug, Default)]
struct Given {
    form: Params,
    objects: Vec<Json>,
    document: Bytes,
}

/// Answers a call. [`answer!`](super::answer) makes one.
type Handler = for<'a> fn(Input<'a>) -> Answering<'a>;

/// The response to come.
pub(in crate::http) type Answering<'a> = Pin<Box<dyn Future<Output = Result<ApiResponse, HttpError>> + Send + 'a>>;

/// A handler: `answer!(|input| …)`, where the expression may wait and gives `Result<ApiResponse, HttpError>`.
macro_rules! answer {
    (|$input:pat_param| $answer:expr) => {
        |$input| Box::pin(async move { $answer })
    };
}

pub(in crate::http) use answer;

impl Endpoint {
    /// GET, and with it HEAD, for pages of all allowed origins.
    pub(in crate::http) const fn get(path: &'static str, handler: Handler) -> Self {
        Self::new(GET, path, BodyKind::None, handler)
    }

    /// A method with a form.
    pub(in crate::http) const fn form(method: &'static Method, path: &'static str, handler: Handler) -> Self {
        Self::new(method, path, BodyKind::Form, handler)
    }

    /// A method whose body the handler reads itself.
    pub(in crate::http) const fn document(method: &'static Method, path: &'static str, handler: Handler) -> Self {
        Self::new(method, path, BodyKind::Document, handler)
    }

    /// A GET of the application's backend.
    pub(in crate::http) const fn backend_get(path: &'static str, handler: Handler) -> Self {
        Self { realm: Realm::Backend, ..Self::get(path, handler) }
    }

    /// A call of the application's backend, with JSON.
    pub(in crate::http) const fn backend(method: &'static Method, path: &'static str, handler: Handler) -> Self {
        Self { realm: Realm::Backend, ..Self::new(method, path, BodyKind::Json, handler) }
    }

    /// The same with ids of this kind in its path.
    pub(in crate::http) const fn of<T: InPath>(self) -> Self {
        Self { read_id: Some(|text| text.parse().ok().map(T::into_path)), ..self }
    }

    /// The same with the name of a file in place of an id.
    pub(in crate::http) const fn of_files(self) -> Self {
        Self { read_id: Some(|name| is_loaded(name).then_some(PathId::Absent)), ..self }
    }

    /// The same, for everybody: navigations, keys and health.
    pub(in crate::http) const fn open(self) -> Self {
        Self { realm: Realm::Open, ..self }
    }

    /// The same, as a tool of a development instance.
    pub(in crate::http) const fn tool(self) -> Self {
        Self { realm: Realm::Dev, ..self }
    }

    /// The same, for the log only where it looks closely.
    pub(in crate::http) const fn quiet(self) -> Self {
        Self { is_quiet: true, ..self }
    }

    /// The id in a path, where this is at it. A malformed id is as unknown as any other path.
    pub(super) fn id_at(&self, path: &str) -> Option<PathId> {
        let Some(read_id) = self.read_id else { return (self.path == path).then_some(PathId::Absent) };
        let (before, after) = self.around_id;
        read_id(path.strip_prefix(before)?.strip_suffix(after)?)
    }

    /// Whether it is what `method` means at its path. HEAD is a GET whose body is left out.
    pub(super) fn answers(&self, method: &Method) -> bool {
        self.method == if method == Method::HEAD { &Method::GET } else { method }
    }

    /// Whether its path has an id of a kind that is known.
    #[cfg(test)]
    pub(super) fn has_id(&self) -> bool {
        self.read_id.is_some()
    }

    /// Answers a call, once its body is read. `id` is what is in its path.
    pub(in crate::http) async fn answer<B>(
        &self,
        call: &Call<'_>,
        id: PathId,
        body: B,
    ) -> Result<ApiResponse, HttpError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let given = self.read(call, body).await?;
        (self.handler)(Input { call, id, body: &given }).await
    }

    async fn read<B>(&self, call: &Call<'_>, body: B) -> Result<Given, HttpError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (headers, options) = (&call.head.headers, &call.app.options);
        Ok(match self.body {
            BodyKind::None => Given::default(),
            BodyKind::Form => Given { form: body::form(headers, body, options).await?, ..Given::default() },
            BodyKind::Json => Given { objects: json::read(headers, body, options).await?, ..Given::default() },
            BodyKind::Document => Given { document: body::read(headers, body, options).await?, ..Given::default() },
        })
    }

    const fn new(method: &'static Method, path: &'static str, body: BodyKind, handler: Handler) -> Self {
        let around_id = around_id(path);
        Self { method, path, around_id, read_id: None, body, realm: Realm::Api, is_quiet: false, handler }
    }
}

impl<'a> Input<'a> {
    /// The id in the path.
    ///
    /// # Errors
    /// 500 where the row names another kind of id than its handler takes.
    pub(in crate::http) fn id<T: InPath>(&self) -> Result<T, HttpError> {
        T::of_path(self.id).ok_or_else(|| HttpError::internal("a row with the wrong kind of id"))
    }

    /// The form; empty where none is read.
    pub(in crate::http) const fn form(&self) -> &'a Params {
        &self.body.form
    }

    /// The objects of a JSON body.
    pub(in crate::http) fn objects(&self) -> &'a [Json] {
        &self.body.objects
    }

    /// The bytes of a body that is read as they are.
    pub(in crate::http) fn document(&self) -> &'a [u8] {
        &self.body.document
    }
}

/// An id that was read from a path, once for all that look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum PathId {
    Absent,
    SignUp(SignUpId),
    SignIn(SignInId),
    Session(SessionId),
    Invitation(InvitationId),
    WaitlistEntry(WaitlistEntryId),
}

/// The kinds of ids that are in paths.
pub(in crate::http) trait InPath: FromStr {
    fn into_path(self) -> PathId;
    fn of_path(id: PathId) -> Option<Self>;
}

macro_rules! in_path {
    ($($kind:ident $id:ident)*) => {$(
        impl InPath for $id {
            fn into_path(self) -> PathId {
                PathId::$kind(self)
            }

            fn of_path(id: PathId) -> Option<Self> {
                if let PathId::$kind(id) = id { Some(id) } else { None }
            }
        }
    )*};
}

in_path! {
    SignUp SignUpId
    SignIn SignInId
    Session SessionId
    Invitation InvitationId
    WaitlistEntry WaitlistEntryId
}

/// Whether a text is an id of this kind.
pub(super) fn is<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

/// What is before `{id}` in a path, and what is behind it.
const fn around_id(path: &str) -> (&str, &str) {
    let bytes = path.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'{' {
            let (before, rest) = path.split_at(at);
            return (before, rest.split_at("{id}".len()).1);
        }
        at += 1;
    }
    (path, "")
}

pub(in crate::http) const GET: &Method = &Method::GET;
pub(in crate::http) const POST: &Method = &Method::POST;
pub(in crate::http) const PUT: &Method = &Method::PUT;
pub(in crate::http) const PATCH: &Method = &Method::PATCH;
pub(in crate::http) const DELETE: &Method = &Method::DELETE;
