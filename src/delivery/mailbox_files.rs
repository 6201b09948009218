//! The captured messages of a development instance on the disk, so that they outlive the process: two files of sealed
//! records, of which the older one goes when the newer one is full. A thread of its own writes them.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::id::MessageId;
use crate::domain::message::Template;
use crate::domain::ports::Sealer;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{Captured, Channel, Message};

/// Writes captured messages. On drop it waits until all of them are written.
pub(super) struct MailboxFiles {
    orders: Option<SyncSender<Order>>,
    writer: Option<JoinHandle<()>>,
}

enum Order {
    Keep(Captured),
    Clear,
}

impl MailboxFiles {
    /// The messages that are in `folder`, oldest first, and a writer that adds to them.
    ///
    /// # Errors
    /// When the files can't be read or made.
    pub(super) fn open(folder: &Path, sealer: Arc<dyn Sealer>) -> io::Result<(Vec<Message>, Self)> {
        let paths = Paths { newer: folder.join("mailbox"), older: folder.join("mailbox.old") };
        let mut messages = Vec::new();
        read(&paths.older, &*sealer, &mut messages)?;
        let older = messages.len();
        read(&paths.newer, &*sealer, &mut messages)?;
        if older > 0 {
            fs::set_permissions(&paths.older, Permissions::from_mode(0o600))?;
        }
        let file = append_to(&paths.newer)?;
        let (orders, receiver) = sync_channel(WAITING_MAX);
        let mut writer = Writer { paths, file, sealer, count: messages.len() - older };
        let writer = thread::Builder::new().name("mailbox".into()).spawn(move || writer.run(&receiver))?;
        Ok((messages, Self { orders: Some(orders), writer: Some(writer) }))
    }

    /// Writes a message soon. Where the disk is far behind, the message is kept in memory only.
    pub(super) fn keep(&self, message: Captured) {
        self.send(Order::Keep(message));
    }

    /// Removes all messages.
    pub(super) fn clear(&self) {
        self.send(Order::Clear);
    }

    fn send(&self, order: Order) {
        let Some(orders) = &self.orders else { return };
        if let Err(TrySendError::Full(_)) = orders.try_send(order) {
            tracing::debug!("the mailbox is behind with writing; a message will not be there after a restart");
        }
    }
}

impl Drop for MailboxFiles {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::warn!("the mailbox could not be written to the end");
        }
    }
}

struct Paths {
    newer: PathBuf,
    older: PathBuf,
}

struct Writer {
    paths: Paths,
    file: File,
    sealer: Arc<dyn Sealer>,
    /// How many records the newer file has.
    count: usize,
}

impl Writer {
    fn run(&mut self, orders: &Receiver<Order>) {
        let mut is_failing = false;
        while let Ok(first) = orders.recv() {
            // Those that follow at once are written with it: under load that is most of the work.
            thread::sleep(TOGETHER);
            let done = self.follow(std::iter::once(first).chain(orders.try_iter()));
            if let Err(error) = &done
                && !is_failing
            {
                tracing::warn!(%error, path = %self.paths.newer.display(), "the mailbox can't be written");
            }
            is_failing = done.is_err();
        }
    }

    fn follow(&mut self, orders: impl Iterator<Item = Order>) -> io::Result<()> {
        let mut messages = Vec::new();
        for order in orders {
            match order {
                Order::Keep(message) => messages.push(message),
                Order::Clear => {
                    messages.clear();
                    self.clear()?;
                }
            }
        }
        let surplus = messages.len().saturating_sub(RECORDS_MAX);
        let mut rest = &messages[surplus..];
        while !rest.is_empty() {
            if self.count >= RECORDS_MAX {
                fs::rename(&self.paths.newer, &self.paths.older)?;
                self.file = append_to(&self.paths.newer)?;
                self.count = 0;
            }
            let (some, others) = rest.split_at(rest.len().min(RECORDS_MAX - self.count));
            self.write(some)?;
            rest = others;
        }
        Ok(())
    }

    fn write(&mut self, messages: &[Captured]) -> io::Result<()> {
        let mut records = Vec::new();
        let mut plain = Vec::new();
        for message in messages {
            plain.clear();
            Record::from(&**message).write(&mut plain)?;
            let sealed = self.sealer.seal(CONTEXT, &plain);
            records.extend(u32::try_from(sealed.len()).map_err(io::Error::other)?.to_be_bytes());
            records.extend(sealed);
        }
        // One call, so that only the end of the process within it can tear a record.
        self.file.write_all(&records)?;
        self.count += messages.len();
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.count = 0;
        match fs::remove_file(&self.paths.older) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Only its owner can read it, also where it was there and wider: it has codes.
fn append_to(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Adds the messages of a file. A torn record at its end, and records under another key, are left out; what follows a torn
/// record is cut off, so that new ones can be read.
fn read(path: &Path, sealer: &dyn Sealer, messages: &mut Vec<Message>) -> io::Result<()> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    let mut rest = bytes.as_slice();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((sealed, after)) = after.split_at_checked(length) else { break };
        let plain = sealer.open(CONTEXT, sealed);
        messages.extend(plain.and_then(|plain| Record::read(&plain)?.into_message()));
        rest = after;
    }
    if !rest.is_empty() {
        let whole = u64::try_from(bytes.len() - rest.len()).map_err(io::Error::other)?;
        OpenOptions::new().write(true).open(path)?.set_len(whole)?;
    }
    Ok(())
}

/// A message as it is written: JSON, since these files are never of another version's data that must be kept. The HTML comes
/// after it as it is: it is ten times as long as the rest, and to escape it would be most of the work.
#[derive(Serialize, Deserialize)]
struct Record<'a> {
    id: MessageId,
    is_sms: bool,
    to: Cow<'a, str>,
    display_to: Cow<'a, str>,
    code: Option<Cow<'a, str>>,
    link: Option<Cow<'a, str>>,
    template: Cow<'a, str>,
    origin: Option<String>,
    locale: Cow<'a, str>,
    subject: Cow<'a, str>,
    text: Cow<'a, str>,
    /// Earlier records have it here.
    #[serde(skip_serializing)]
    html: Option<Cow<'a, str>>,
    created_at_ms: u64,
    expire_at_ms: u64,
}

impl<'a> From<&'a Message> for Record<'a> {
    fn from(message: &'a Message) -> Self {
        let exposed = |secret: &'a Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().into());
        Self {
            id: message.id,
            is_sms: message.channel == Channel::Sms,
            to: (&message.to).into(),
            display_to: (&message.display_to).into(),
            code: exposed(&message.code),
            link: exposed(&message.link),
            template: message.template.as_str().into(),
            origin: message.origin.map(|origin| origin.to_string()),
            locale: (&message.locale).into(),
            subject: (&message.subject).into(),
            text: message.text.expose().into(),
            html: exposed(&message.html),
            created_at_ms: message.created_at.as_millis(),
            expire_at_ms: message.expire_at.as_millis(),
        }
    }
}

impl Record<'_> {
    fn write(&self, plain: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *plain, self)?;
        plain.extend_from_slice(self.html.as_deref().unwrap_or_default().as_bytes());
        Ok(())
    }

    fn read(plain: &[u8]) -> Option<Self> {
        let mut records = serde_json::Deserializer::from_slice(plain).into_iter::<Self>();
        let record = records.next()?.ok()?;
        let after = std::str::from_utf8(&plain[records.byte_offset()..]).ok()?;
        let html = if after.is_empty() { record.html } else { Some(after.to_owned().into()) };
        Some(Self { html, ..record })
    }

    fn into_message(self) -> Option<Message> {
        let secret = |text: Cow<'_, str>| Secret::new(text.into_owned());
        Some(Message {
            id: self.id,
            channel: if self.is_sms { Channel::Sms } else { Channel::Email },
            to: self.to.into_owned(),
            display_to: self.display_to.into_owned(),
            code: self.code.map(secret),
            link: self.link.map(secret),
            template: Template::ALL.into_iter().find(|template| template.as_str() == self.template)?,
            origin: self.origin.and_then(|origin| origin.parse().ok()),
            phone_channel: None,
            locale: self.locale.into_owned(),
            subject: self.subject.into_owned(),
            text: secret(self.text),
            html: self.html.map(secret),
            logo: None,
            created_at: Timestamp::from_millis(self.created_at_ms),
            expire_at: Timestamp::from_millis(self.expire_at_ms),
        })
    }
}

const CONTEXT: &[u8] = b"vestibule mailbox v1";
/// How many records a file has; up to two files are kept.
const RECORDS_MAX: usize = 500;
/// How long the writer waits for further messages.
const TOGETHER: Duration = Duration::from_millis(5);
/// How many messages may wait to be written.
const WAITING_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::super::samples::message;
    use super::*;

    #[test]
    fn messages_outlive_the_writer_and_a_torn_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || MailboxFiles::open(folder.path(), Arc::new(Backwards)).expect("files");
        let (read, files) = open();
        assert!(read.is_empty());
        for n in 0..3 {
            files.keep(Arc::new(message("ada@example.com", &n.to_string())));
        }
        drop(files);
        let path = folder.path().join("mailbox");
        let whole = fs::read(&path).expect("a file");
        assert!(!String::from_utf8_lossy(&whole).contains("ada@example.com"), "it is sealed");
        fs::write(&path, &whole[..whole.len() - 5]).expect("a torn file");
        let (read, files) = open();
        assert_eq!(subjects(&read), ["0", "1"]);
        files.keep(Arc::new(message("ada@example.com", "3")));
        drop(files);
        let (read, files) = open();
        assert_eq!(subjects(&read), ["0", "1", "3"]);
        assert_eq!(read[0].origin, message("", "").origin);
        files.clear();
        drop(files);
        assert!(open().0.is_empty());
    }

    #[test]
    fn html_follows_the_rest_as_it_is_and_is_read_within_earlier_records() {
        let html = "<p class=\"code\">424242</p>\n{\"no\": \"record\"}";
        let sent = Message { html: Some(Secret::new(html.to_owned())), ..message("ada@example.com", "1") };
        let mut plain = Vec::new();
        Record::from(&sent).write(&mut plain).expect("a record");
        let rest = plain.strip_suffix(html.as_bytes()).expect("the HTML at its end");
        let mut earlier: serde_json::Value = serde_json::from_slice(rest).expect("JSON before it");
        assert_eq!(earlier.get("html"), None, "once only");
        earlier["html"] = html.into();
        for plain in [plain, earlier.to_string().into_bytes()] {
            let read = Record::read(&plain).and_then(Record::into_message).expect("a message");
            assert_eq!((read.html.map(Secret::into_inner).as_deref(), &*read.subject), (Some(html), "1"));
        }
        let mut plain = Vec::new();
        Record::from(&message("ada@example.com", "2")).write(&mut plain).expect("a record");
        assert!(Record::read(&plain).and_then(Record::into_message).expect("a message").html.is_none());
    }

    #[test]
    fn the_oldest_messages_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || MailboxFiles::open(folder.path(), Arc::new(Backwards)).expect("files");
        for round in 0..3 {
            let (_, files) = open();
            for n in 0..RECORDS_MAX - 100 {
                files.keep(Arc::new(message("ada@example.com", &format!("{round}.{n}"))));
            }
        }
        let (read, _files) = open();
        assert_eq!(read.len(), 3 * (RECORDS_MAX - 100) - RECORDS_MAX);
        assert_eq!(read.last().map(|message| message.subject.as_str()), Some("2.399"));
    }

    fn subjects(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.subject.as_str()).collect()
    }

    /// Turns the text around.
    struct Backwards;

    impl Sealer for Backwards {
        fn seal(&self, _: &[u8], plain: &[u8]) -> Vec<u8> {
            plain.iter().rev().copied().collect()
        }

        fn open(&self, _: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
            Some(sealed.iter().rev().copied().collect())
        }
    }
}
