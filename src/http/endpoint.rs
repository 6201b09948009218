//! A route as one row: a method, a path, the kind of its body, and its handler. The rows are in the tables of the
//! audiences: `http/frontend/mod.rs`, `http/backend/mod.rs`, `http/dev/mod.rs` and `http/ops/mod.rs`.

use std::pin::Pin;
use std::str::FromStr;

use bytes::Bytes;
use hyper::Method;
use hyper::body::Body;

use crate::delivery::Channel;
#[cfg(feature = "webhooks")]
use crate::domain::id::WebhookEndpointId;
use crate::domain::id::{
    ClientId, ExternalAccountId, IdentificationId, InvitationId, ListedIdentifierId, MalformedId, MessageId,
    RedirectUrlId, SessionId, SignInId, SignInTokenId, SignUpId, UserId, WaitlistEntryId,
};
use crate::domain::verification::{Strategy, parse_strategy};
use crate::http::call::Call;
use crate::http::operations::{self, OF_ALL, Operation};
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
    /// The path, with `{id}` in place of an id, as in the guide and the log. A second id has a name of its own, and what
    /// is between the two belongs to the kind of id.
    pub(in crate::http) path: &'static str,
    /// The parts of the path before and after the id.
    around_id: (&'static str, &'static str),
    /// Parses the kind of id in the path; `None` for paths without one.
    read_id: Option<fn(&str) -> Option<PathId>>,
    body: BodyKind,
    /// How many bytes of a body are read; `None` for as many as of all calls.
    bytes_max: Option<fn(&Call<'_>, PathId) -> usize>,
    /// The kind of path for the origin rule.
    pub(in crate::http) realm: Realm,
    /// Whether the log should skip it at normal levels: it is polled, or loaded with every page.
    pub(in crate::http) is_quiet: bool,
    handler: Handler,
}

/// How a body is read before the handler runs. A body of the wrong kind is refused by every route of a kind in the same
/// way, even if the handler reads nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    /// No body.
    None,
    Form,
    /// JSON objects, as backends send them.
    Json,
    /// Any bytes.
    Document,
}

/// The input of a handler.
#[derive(Clone, Copy)]
pub(in crate::http) struct Input<'a> {
    pub(in crate::http) call: &'a Call<'a>,
    id: PathId,
    body: &'a Given,
}

/// A body that was read. The parts of other kinds are empty.
#[derive(Debug, Default)]
struct Given {
    form: Params,
    objects: Vec<Json>,
    document: Bytes,
}

/// Answers a call. `answer!` makes one.
type Handler = for<'a> fn(Input<'a>) -> Answering<'a>;

/// The future of a response.
pub(in crate::http) type Answering<'a> = Pin<Box<dyn Future<Output = Result<ApiResponse, HttpError>> + Send + 'a>>;

/// Makes a handler: `answer!(|input| …)`, where the expression may await and gives `Result<ApiResponse, HttpError>`.
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

    /// A method whose body the handler parses itself.
    pub(in crate::http) const fn document(method: &'static Method, path: &'static str, handler: Handler) -> Self {
        Self::new(method, path, BodyKind::Document, handler)
    }

    /// A GET of the application's backend.
    pub(in crate::http) const fn backend_get(path: &'static str, handler: Handler) -> Self {
        Self { realm: Realm::Backend, ..Self::get(path, handler) }
    }

    /// A call of the application's backend, with a JSON body.
    pub(in crate::http) const fn backend(method: &'static Method, path: &'static str, handler: Handler) -> Self {
        Self { realm: Realm::Backend, ..Self::new(method, path, BodyKind::Json, handler) }
    }

    /// Sets the kind of id in the path.
    pub(in crate::http) const fn of<T: InPath>(self) -> Self {
        Self { read_id: Some(|text| text.parse().ok().map(T::into_path)), ..self }
    }

    /// Takes a file name in place of an id; `read` gives `None` for an unknown name.
    pub(in crate::http) const fn of_files(self, read: fn(&str) -> Option<PathId>) -> Self {
        Self { read_id: Some(read), ..self }
    }

    /// Opens the endpoint to every caller: navigations, keys and health.
    pub(in crate::http) const fn open(self) -> Self {
        Self { realm: Realm::Open, ..self }
    }

    /// Makes it a tool of a development instance.
    pub(in crate::http) const fn tool(self) -> Self {
        Self { realm: Realm::Dev, ..self }
    }

    /// Sets how many bytes of a document are read.
    pub(in crate::http) const fn reading(self, bytes_max: fn(&Call<'_>, PathId) -> usize) -> Self {
        Self { bytes_max: Some(bytes_max), ..self }
    }

    /// Logs its calls at debug level only.
    pub(in crate::http) const fn quiet(self) -> Self {
        Self { is_quiet: true, ..self }
    }

    /// The id in a path, if the path is this endpoint's. A malformed id makes the path unknown.
    pub(super) fn id_at(&self, path: &str) -> Option<PathId> {
        let Some(read_id) = self.read_id else { return (self.path == path).then_some(PathId::Absent) };
        let (before, after) = self.around_id;
        read_id(path.strip_prefix(before)?.strip_suffix(after)?)
    }

    /// Whether it handles `method`. HEAD is a GET whose body is left out.
    pub(super) fn answers(&self, method: &Method) -> bool {
        self.method == if method == Method::HEAD { &Method::GET } else { method }
    }

    /// The content type of its body; `None` where it takes none.
    pub(super) const fn content_type(&self) -> Option<&'static str> {
        match self.body {
            BodyKind::None => None,
            BodyKind::Form => Some("application/x-www-form-urlencoded"),
            BodyKind::Json => Some("application/json"),
            BodyKind::Document => Some("*/*"),
        }
    }

    /// Whether its path has an id of a kind that is known.
    #[cfg(test)]
    pub(super) fn has_id(&self) -> bool {
        self.read_id.is_some()
    }

    /// Reads the body and answers the call. `id` is the id in its path.
    pub(in crate::http) async fn answer<B>(
        &self,
        call: &Call<'_>,
        id: PathId,
        body: B,
    ) -> Result<ApiResponse, HttpError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut given = self.read(call, id, body).await?;
        if let Some(operation) = self.operation() {
            call.head.query.declare([operation.query, OF_ALL]);
            given.form.declare([operation.body, ""]);
            given.objects.iter_mut().for_each(|object| object.declare(operation.body));
        }
        (self.handler)(Input { call, id, body: &given }).await
    }

    /// What its row says that it reads. Only debug builds look at that.
    fn operation(&self) -> Option<&'static Operation> {
        if cfg!(debug_assertions) { operations::of(self.method.as_str(), self.path) } else { None }
    }

    async fn read<B>(&self, call: &Call<'_>, id: PathId, body: B) -> Result<Given, HttpError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (headers, options) = (&call.head.headers, &call.app.options);
        Ok(match self.body {
            BodyKind::None => Given::default(),
            BodyKind::Form => Given { form: body::form(headers, body, options).await?, ..Given::default() },
            BodyKind::Json => Given { objects: json::read(headers, body, options).await?, ..Given::default() },
            BodyKind::Document => {
                let max = self.bytes_max.map_or(options.max_body_bytes, |bytes_max| bytes_max(call, id));
                Given { document: body::read_up_to(max, headers, body, options).await?, ..Given::default() }
            }
        })
    }

    const fn new(method: &'static Method, path: &'static str, body: BodyKind, handler: Handler) -> Self {
        let around_id = around_id(path);
        Self {
            method,
            path,
            around_id,
            read_id: None,
            body,
            bytes_max: None,
            realm: Realm::Api,
            is_quiet: false,
            handler,
        }
    }
}

impl<'a> Input<'a> {
    /// The id in the path.
    ///
    /// # Errors
    /// 500 where the row declares another kind of id than its handler uses.
    pub(in crate::http) fn id<T: InPath>(&self) -> Result<T, HttpError> {
        T::of_path(self.id).ok_or_else(|| HttpError::internal("a row with the wrong kind of id"))
    }

    /// The form; empty for routes without one.
    pub(in crate::http) const fn form(&self) -> &'a Params {
        &self.body.form
    }

    /// The objects of a JSON body.
    pub(in crate::http) fn objects(&self) -> &'a [Json] {
        &self.body.objects
    }

    /// The unparsed bytes of a body.
    pub(in crate::http) fn document(&self) -> &'a [u8] {
        &self.body.document
    }
}

/// An id that was parsed from a path, once for the whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum PathId {
    Absent,
    SignUp(SignUpId),
    SignIn(SignInId),
    Session(SessionId),
    Invitation(InvitationId),
    WaitlistEntry(WaitlistEntryId),
    ListedIdentifier(ListedIdentifierId),
    Message(MessageId),
    RedirectUrl(RedirectUrlId),
    User(UserId),
    UserAccount(UserAccountPath),
    UserPasskey(UserPasskeyPath),
    UserProvider(UserProviderPath),
    Identification(IdentificationId),
    ExternalAccount(ExternalAccountId),
    SignInToken(SignInTokenId),
    Client(ClientId),
    Channel(ChannelPath),
    Provider(ProviderPath),
    #[cfg(feature = "webhooks")]
    WebhookEndpoint(WebhookEndpointId),
}

/// The ids of a path that names a user and one of its accounts at providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct UserAccountPath {
    pub(in crate::http) user: UserId,
    pub(in crate::http) account: ExternalAccountId,
}

impl FromStr for UserAccountPath {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let (user, account) = text.split_once("/external_accounts/").ok_or(MalformedId)?;
        Ok(Self { user: user.parse()?, account: account.parse()? })
    }
}

/// The ids of a path that names a user and one of its passkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct UserPasskeyPath {
    pub(in crate::http) user: UserId,
    pub(in crate::http) passkey: IdentificationId,
}

impl FromStr for UserPasskeyPath {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let (user, passkey) = text.split_once("/passkeys/").ok_or(MalformedId)?;
        Ok(Self { user: user.parse()?, passkey: passkey.parse()? })
    }
}

/// The user in a path that also names a provider, such as `oauth_google`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct UserProviderPath {
    pub(in crate::http) user: UserId,
}

impl FromStr for UserProviderPath {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let (user, provider) = text.split_once("/oauth_access_tokens/").ok_or(MalformedId)?;
        match parse_strategy(Some(provider)) {
            Ok(Strategy::OAuth(_)) => Ok(Self { user: user.parse()? }),
            _ => Err(MalformedId),
        }
    }
}

/// A channel of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct ChannelPath(pub(in crate::http) Channel);

impl FromStr for ChannelPath {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let all = [Channel::Email, Channel::Sms];
        all.into_iter().find(|channel| channel.as_str() == text).map(Self).ok_or(MalformedId)
    }
}

/// The name of a provider of messages: 1 to 24 of `a-z 0-9 _ -`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct ProviderPath([u8; PROVIDER_MAX], usize);

impl ProviderPath {
    /// The name.
    pub(in crate::http) fn as_str(&self) -> &str {
        self.0.get(..self.1).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl FromStr for ProviderPath {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if text.is_empty() || text.len() > PROVIDER_MAX || !text.bytes().all(is_name) {
            return Err(MalformedId);
        }
        let mut name = [0; PROVIDER_MAX];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name, text.len()))
    }
}

const PROVIDER_MAX: usize = 24;

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
    ListedIdentifier ListedIdentifierId
    Message MessageId
    RedirectUrl RedirectUrlId
    User UserId
    UserAccount UserAccountPath
    UserPasskey UserPasskeyPath
    UserProvider UserProviderPath
    Identification IdentificationId
    ExternalAccount ExternalAccountId
    SignInToken SignInTokenId
    Client ClientId
    Channel ChannelPath
    Provider ProviderPath
}

#[cfg(feature = "webhooks")]
in_path! {
    WebhookEndpoint WebhookEndpointId
}

/// Whether a text is an id of this kind.
pub(super) fn is<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

/// The parts of a path before its first `{` and after its last `}`.
const fn around_id(path: &str) -> (&str, &str) {
    let bytes = path.as_bytes();
    let (mut from, mut to) = (0, bytes.len());
    while from < bytes.len() && bytes[from] != b'{' {
        from += 1;
    }
    while to > from && bytes[to - 1] != b'}' {
        to -= 1;
    }
    if from == bytes.len() {
        return (path, "");
    }
    (path.split_at(from).0, path.split_at(to).1)
}

pub(in crate::http) const GET: &Method = &Method::GET;
pub(in crate::http) const POST: &Method = &Method::POST;
pub(in crate::http) const PUT: &Method = &Method::PUT;
pub(in crate::http) const PATCH: &Method = &Method::PATCH;
pub(in crate::http) const DELETE: &Method = &Method::DELETE;
