//! The templates, compiled once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, context};

use crate::domain::message::Template;

use super::catalogue::{Catalogue, SHARED, WORDS, instead_of, keys};
use super::error::{TemplateError, TemplateFault};
use super::files::{BUILT_IN, ENGLISH, Folder};
use super::{check, locale};

/// The templates of all messages in all languages. Clones are cheap. [`Default`]: the built-in ones.
#[derive(Clone)]
pub struct Templates {
    compiled: Arc<Compiled>,
}

pub(super) struct Compiled {
    environment: Environment<'static>,
    languages: Vec<Language>,
    /// Where each template of the environment comes from.
    places: BTreeMap<String, Place>,
}

/// A language with the names of its texts in the environment.
pub(super) struct Language {
    pub(super) tag: String,
    is_rtl: bool,
    minutes: String,
    hours: String,
    days: String,
    support: String,
    address: String,
    /// By template, in the order of [`Template::ALL`]: the short name of a text, and its name in the environment.
    texts: Vec<Vec<(&'static str, String)>>,
}

/// A file, and the line on which a template begins there.
struct Place {
    file: String,
    line: usize,
}

/// What one message shows.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) template: Template,
    pub(super) application: &'a str,
    pub(super) home_url: Option<&'a str>,
    pub(super) support_email: Option<&'a str>,
    pub(super) code: Option<&'a str>,
    pub(super) link: Option<&'a str>,
    pub(super) validity: Validity,
    pub(super) accent: &'a str,
    pub(super) on_accent: &'a str,
    pub(super) edge: &'a str,
    pub(super) edge_dark: &'a str,
    pub(super) has_logo: bool,
}

/// How long a message is good, in whole units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Minutes(u64),
    Hours(u64),
    Days(u64),
}

/// An e-mail.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Templates {
    /// The built-in templates, with the files of `folder` in place of those with the same names. A language may be added: a
    /// file such as `nl.json` with all texts of the built-in `en.json`. A file of a built-in language may have some of them
    /// only.
    ///
    /// # Errors
    /// All that is wrong with the files: what can't be read or compiled, unknown names of files, texts and variables, and
    /// templates that leave out the code or the link.
    pub fn read(folder: &Path) -> Result<Self, TemplateError> {
        let folder = Folder::read(folder).map_err(|fault| TemplateError { faults: vec![fault] })?;
        let compiled = Compiled::new(&folder).map_err(|faults| TemplateError { faults })?;
        let faults = check::faults(&compiled);
        TemplateError::of(faults).map_or_else(|| Ok(Self { compiled: Arc::new(compiled) }), Err)
    }

    /// The languages that there are, as tags (RFC 5646), sorted.
    pub fn locales(&self) -> Vec<&str> {
        self.compiled.languages.iter().map(|language| language.tag.as_str()).collect()
    }

    /// The language for a person: the nearest to `wanted`, else to `otherwise`, else English.
    pub(super) fn language(&self, wanted: Option<&str>, otherwise: &str) -> &Language {
        let tags = self.locales();
        let tag = wanted
            .and_then(|wanted| locale::lookup(wanted, &tags))
            .or_else(|| locale::lookup(otherwise, &tags))
            .unwrap_or("en");
        let languages = &self.compiled.languages;
        languages.iter().find(|language| language.tag == tag).unwrap_or(&languages[0])
    }

    pub(super) fn compiled(&self) -> &Compiled {
        &self.compiled
    }
}

impl Default for Templates {
    fn default() -> Self {
        static BUILT_IN: LazyLock<Templates> = LazyLock::new(|| {
            let compiled = Compiled::new(&Folder::default()).unwrap_or_else(|faults| panic!("built-in: {faults:?}"));
            Templates { compiled: Arc::new(compiled) }
        });
        BUILT_IN.clone()
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").field("locales", &self.locales()).finish_non_exhaustive()
    }
}

impl Compiled {
    /// Compiles the built-in files and those of `folder`.
    pub(super) fn new(folder: &Folder) -> Result<Self, Vec<TemplateFault>> {
        let mut all = Self { environment: environment(), languages: Vec::new(), places: BTreeMap::new() };
        let mut faults = Vec::new();
        for (name, source) in BUILT_IN {
            if !name.ends_with(".json") {
                let (file, source) = folder.file(name).unwrap_or((*name, source));
                faults.extend(all.add((*name).to_owned(), file, 1, source).err());
            }
        }
        let built_in = BUILT_IN.iter().filter_map(|(name, source)| Some((name.strip_suffix(".json")?, *source)));
        let mut tags: BTreeMap<&str, Option<&str>> = folder.tags().map(|tag| (tag, None)).collect();
        tags.extend(built_in.map(|(tag, source)| (tag, Some(source))));
        for (tag, source) in tags {
            match all.add_language(tag, source, folder) {
                Ok(language) => all.languages.push(language),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(all) } else { Err(faults) }
    }

    fn add_language(
        &mut self,
        tag: &str,
        built_in: Option<&str>,
        folder: &Folder,
    ) -> Result<Language, Vec<TemplateFault>> {
        let name = format!("{tag}.json");
        let below = built_in.map_or_else(|| Ok(Catalogue::default()), |source| Catalogue::parse(&name, source))?;
        let own = folder.file(&name);
        let (file, above) = match own {
            Some((file, source)) => (file, Catalogue::parse(file, source)?),
            None => (name.as_str(), Catalogue::default()),
        };
        let english = Catalogue::parse(ENGLISH.0, ENGLISH.1)?;
        let mut faults = Vec::new();
        let mut is_rtl = false;
        for key in keys() {
            let own = above.text(&key).or_else(|| above.text(&instead_of(&key)?));
            let found = own.map(|text| (file, text));
            let english = || added_later(&key).then(|| english.text(&key)).flatten().map(|text| (ENGLISH.0, text));
            let below = || below.text(&key).map(|text| (name.as_str(), text));
            let Some((file, text)) = found.or_else(below).or_else(english) else {
                faults.push(TemplateFault::new(
                    file,
                    None,
                    format!("`{key}` is missing; a new language needs all texts"),
                ));
                continue;
            };
            if key == "direction" {
                is_rtl = text.value == "rtl";
                if !is_rtl && text.value != "ltr" {
                    faults.push(TemplateFault::new(
                        file,
                        Some(text.line),
                        "`direction` is neither \"ltr\" nor \"rtl\"",
                    ));
                }
            } else {
                faults.extend(self.add(format!("{tag}/{key}"), file, text.line, &text.value).err());
            }
        }
        if faults.is_empty() { Ok(Language::new(tag, is_rtl)) } else { Err(faults) }
    }

    fn add(&mut self, name: String, file: &str, line: usize, source: &str) -> Result<(), TemplateFault> {
        self.places.insert(name.clone(), Place { file: file.to_owned(), line });
        let added = self.environment.add_template_owned(name, source.to_owned());
        added.map_err(|error| self.fault(&error))
    }

    /// An error of a template, with its place in a file.
    pub(super) fn fault(&self, error: &minijinja::Error) -> TemplateFault {
        // The innermost error is where it happened; the others are how it came there.
        let mut innermost = error;
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            if let Some(inner) = inner.downcast_ref::<minijinja::Error>()
                && inner.line().is_some()
            {
                innermost = inner;
            }
            cause = inner.source();
        }
        let place = innermost.name().and_then(|name| self.places.get(name));
        let line = innermost.line().map(|line| place.map_or(line, |place| place.line + line - 1));
        let file = place.map_or("built in", |place| place.file.as_str());
        TemplateFault::new(file, line, sentence(innermost))
    }

    /// The place of a template: its file, and the line it begins on.
    pub(super) fn place(&self, name: &str) -> (&str, usize) {
        self.places.get(name).map_or(("built in", 1), |place| (place.file.as_str(), place.line))
    }

    pub(super) fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// Renders an e-mail.
    pub(super) fn letter(&self, language: &Language, shown: &Shown<'_>) -> Result<Letter, minijinja::Error> {
        let plain = self.context(language, shown, false)?;
        let mut subject = String::new();
        let isolated = if language.is_rtl { self.context(language, shown, true)? } else { plain.clone() };
        let mut words: Vec<(&str, Value)> = Vec::with_capacity(8);
        for (short, name) in language.texts_of(shown.template) {
            match *short {
                "sms" => {}
                "subject" => {
                    subject = self.render(name, &plain)?;
                    words.push((short, Value::from(subject.as_str())));
                }
                _ => words.push((short, self.render(name, &isolated)?.into())),
            }
        }
        if shown.support_email.is_some() {
            words.push(("support", self.render(&language.support, &isolated)?.into()));
        }
        if shown.link.is_some() {
            words.push(("address", self.render(&language.address, &isolated)?.into()));
        }
        let words = Value::from_pairs(words);
        let all = context! { text => words, ..plain };
        let [html, text] = file_names(shown.template);
        Ok(Letter { subject, html: self.render(html, &all)?, text: self.render(text, &all)? })
    }

    /// Renders a text message; `None` for a template that is for e-mail only.
    pub(super) fn sms(&self, language: &Language, shown: &Shown<'_>) -> Result<Option<String>, minijinja::Error> {
        let name = language.texts_of(shown.template).iter().find(|(short, _)| *short == "sms");
        let Some((_, name)) = name else { return Ok(None) };
        self.render(name, &self.context(language, shown, false)?).map(Some)
    }

    /// The subject alone.
    pub(super) fn subject(&self, language: &Language, shown: &Shown<'_>) -> Result<String, minijinja::Error> {
        let name = language.texts_of(shown.template).iter().find(|(short, _)| *short == "subject");
        name.map_or_else(|| Ok(String::new()), |(_, name)| self.render(name, &self.context(language, shown, false)?))
    }

    /// The variables of all templates. In a text that is written from right to left the application's name keeps its own
    /// direction (`isolates`: FSI and PDI, UAX 9).
    fn context(&self, language: &Language, shown: &Shown<'_>, isolates: bool) -> Result<Value, minijinja::Error> {
        let (unit, n) = match shown.validity {
            Validity::Minutes(n) => (&language.minutes, n),
            Validity::Hours(n) => (&language.hours, n),
            Validity::Days(n) => (&language.days, n),
        };
        let good_for = self.render(unit, &context! { n => n })?;
        let isolated = |text: &str| if isolates { format!("\u{2068}{text}\u{2069}") } else { text.to_owned() };
        let (dir, start) = if language.is_rtl { ("rtl", "right") } else { ("ltr", "left") };
        Ok(context! {
            locale => language.tag.as_str(),
            dir => dir,
            start => start,
            application => isolated(shown.application),
            home_url => shown.home_url,
            support_email => shown.support_email.map(isolated),
            code => shown.code,
            link => shown.link,
            good_for => good_for,
            accent => shown.accent,
            on_accent => shown.on_accent,
            edge => shown.edge,
            edge_dark => shown.edge_dark,
            logo => shown.has_logo,
        })
    }

    fn render(&self, name: &str, values: &Value) -> Result<String, minijinja::Error> {
        self.environment.get_template(name)?.render(values)
    }
}

impl Language {
    fn new(tag: &str, is_rtl: bool) -> Self {
        let named = |key: &str| format!("{tag}/{key}");
        let [_, minutes, hours, days, support, address] = SHARED.map(named);
        let words_of = |name: &str| {
            let words = WORDS.iter().find(|(of, _)| *of == name).map_or("", |(_, words)| words);
            let words = words.split(' ').map(|short| (short, named(&format!("{name}.{short}"))));
            words.collect::<Vec<_>>()
        };
        let texts = Template::ALL.map(|template| match template {
            Template::MagicLinkUserProfile => words_of(Template::MagicLinkSignUp.as_str()),
            Template::MagicLinkSignIn => {
                let own = words_of(template.as_str());
                let mut all = words_of(Template::MagicLinkSignUp.as_str());
                all.retain(|(short, _)| own.iter().all(|(known, _)| known != short));
                all.extend(own);
                all
            }
            _ => words_of(template.as_str()),
        });
        Self { tag: tag.to_owned(), is_rtl, minutes, hours, days, support, address, texts: texts.into() }
    }

    /// The texts of a template: short name, and name in the environment.
    pub(super) fn texts_of(&self, template: Template) -> &[(&'static str, String)] {
        Template::ALL.iter().position(|t| *t == template).map_or(&[], |at| &self.texts[at])
    }

    /// Whether it is written from right to left.
    #[cfg(test)]
    pub(super) const fn is_rtl(&self) -> bool {
        self.is_rtl
    }
}

/// Whether a text came after the first release with languages of an operator's own: there it is English until it is
/// translated.
fn added_later(key: &str) -> bool {
    let is_later = |template: &Template| key.strip_prefix(template.as_str()).is_some_and(|rest| rest.starts_with('.'));
    Template::ALL.iter().filter(|template| template.is_notice_of_a_change()).any(is_later)
}

/// The files of a template: as HTML, and as plain text.
pub(super) const fn file_names(template: Template) -> [&'static str; 2] {
    match template {
        Template::VerificationCode => ["verification_code.html", "verification_code.txt"],
        Template::MagicLinkSignUp | Template::MagicLinkSignIn | Template::MagicLinkUserProfile => {
            ["magic_link_sign_up.html", "magic_link_sign_up.txt"]
        }
        Template::Invitation => ["invitation.html", "invitation.txt"],
        Template::AccountExists => ["account_exists.html", "account_exists.txt"],
        Template::PasswordChanged
        | Template::SecondFactorRemoved
        | Template::PrimaryEmailAddressChanged
        | Template::PasskeyAdded
        | Template::PasskeyRemoved
        | Template::SecondFactorAdded
        | Template::BackupCodesCreated
        | Template::ExternalAccountConnected => ["password_changed.html", "password_changed.txt"],
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    environment.set_formatter(write_value);
    environment.set_fuel(Some(STEPS_MAX));
    environment
}

/// Writes a value, in HTML escaped; one that is absent is an error. Unlike minijinja's own function it leaves `/` as it is, so that links can be read by
/// programs that look for them without parsing HTML.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_none() {
        return Err(minijinja::Error::new(minijinja::ErrorKind::UndefinedError, ABSENT));
    }
    if value.is_safe() || *state.auto_escape() != AutoEscape::Html {
        return minijinja::escape_formatter(out, state, value);
    }
    let owned;
    let mut rest = match value.as_str() {
        Some(text) => text,
        None => {
            owned = value.to_string();
            &owned
        }
    };
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[at + 1..];
    }
    Ok(out.write_str(rest)?)
}

/// How many steps a template may take, many times as many as those that are built in: loops within loops would keep the
/// engine busy, and the check at the start.
const STEPS_MAX: u64 = 50_000;
/// Why `none` is not written: people would read it.
const ABSENT: &str = "this message does not have the value; write {% if … %} around it";

/// What minijinja says of an error, without the place.
fn sentence(error: &minijinja::Error) -> String {
    match error.detail() {
        _ if error.kind() == minijinja::ErrorKind::OutOfFuel => {
            format!("takes more than {STEPS_MAX} steps; write fewer loops")
        }
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}
