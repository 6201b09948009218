//! Output of `vestibule check`: text for people, TOML, or JSON for programs.

use serde_json::{Value, json};

use crate::config::{Config, Difference, Place};
use crate::engine::OverridesView;

use super::overrides;

/// Results of a check.
pub(super) struct Report {
    /// The configuration, if it is valid.
    pub(super) config: Option<Config>,
    /// What the application's backend changed over the configuration, where that was read.
    pub(super) overrides: Option<OverridesView>,
    /// Reasons for which the server would not start.
    pub(super) problems: Vec<String>,
    /// Settings that are risky or probably unintended.
    pub(super) warnings: Vec<String>,
    /// The record with the public key of e-mail signatures: its name, and its text.
    pub(super) dkim_record: Option<(String, String)>,
}

impl Report {
    /// Whether the server would start.
    pub(super) fn would_start(&self) -> bool {
        self.problems.is_empty()
    }

    /// Text for people: differences from the defaults, warnings, and the verdict as the last line.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        if let Some(config) = &self.config {
            lines.extend(differences(config.differences()));
            lines.push(String::new());
        }
        if let Some(view) = self.overrides.as_ref().filter(|view| !view.stored.list().is_empty()) {
            lines.extend([HEAD.to_owned(), String::new()]);
            lines.extend(overrides::lines(view));
            lines.push(String::new());
        }
        if let Some((name, text)) = &self.dkim_record {
            let head = "The DNS must have this record (TXT), so that signatures of e-mails can be checked:";
            lines.extend([head.to_owned(), String::new(), format!("  {name}  {text}"), String::new()]);
        }
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        if !self.warnings.is_empty() {
            lines.push(String::new());
        }
        lines.push(self.verdict());
        lines.join("\n") + "\n"
    }

    /// TOML: the whole configuration in force, which can be loaded again, then warnings and verdict as comments.
    pub(super) fn toml(&self) -> String {
        let mut text = self.config.as_ref().map(|config| config.effective() + "\n").unwrap_or_default();
        if let Some(view) = self.overrides.as_ref().filter(|view| !view.stored.list().is_empty()) {
            text.push_str(&format!("# {HEAD}\n"));
            overrides::lines(view).iter().for_each(|line| text.push_str(&format!("#{line}\n")));
        }
        for warning in &self.warnings {
            text.push_str(&format!("# warning: {}\n", warning.replace('\n', " ")));
        }
        text + &format!("# {}\n", self.verdict())
    }

    /// JSON for programs; `all` adds the configuration in force.
    pub(super) fn json(&self, all: bool) -> Value {
        let config = self.config.as_ref();
        let mut report = json!({
            "verdict": self.verdict(),
            "would_start": self.would_start(),
            "mode": config.map(mode),
            "problems": self.problems,
            "warnings": self.warnings,
            "settings_from": config.map(Config::settings_origin),
            "differences": config.map(|config| config.differences().iter().map(difference).collect::<Vec<_>>()),
        });
        if let Some((name, text)) = &self.dkim_record {
            report["dkim_record"] = json!({ "name": name, "text": text });
        }
        if let Some(view) = &self.overrides {
            report["overrides"] = json!(view)["overrides"].clone();
        }
        if all {
            report["effective"] = json!(config.map(Config::effective_table));
        }
        report
    }

    /// The verdict in one line.
    fn verdict(&self) -> String {
        let count = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        match &self.config {
            Some(config) if self.would_start() => match self.warnings.len() {
                0 => format!("ready to start as a {} instance", mode(config)),
                n => format!("would start as a {} instance; {}", mode(config), count(n, "warning")),
            },
            _ => format!("{}, would not start", count(self.problems.len(), "problem")),
        }
    }
}

fn mode(config: &Config) -> &'static str {
    if config.is_development() { "development" } else { "production" }
}

/// One line per difference: `key = value`, then its source and the default.
fn differences(differences: &[Difference]) -> Vec<String> {
    if differences.is_empty() {
        return vec!["Nothing differs from the defaults.".into()];
    }
    let lines: Vec<(String, String)> = differences.iter().map(line).collect();
    let width = lines.iter().map(|(left, _)| left.chars().count()).filter(|width| *width <= COLUMN_MAX).max();
    let width = width.unwrap_or_default();
    let lines = lines.into_iter().map(|(left, right)| format!("  {left:<width$}  # {right}"));
    ["What differs from the defaults:".to_owned(), String::new()].into_iter().chain(lines).collect()
}

fn line(difference: &Difference) -> (String, String) {
    let on_one_line = |value: &toml::Value| value.to_string().replace('\n', "\\n");
    let text = |value: &Option<toml::Value>| value.as_ref().map_or_else(|| "absent".to_owned(), on_one_line);
    let left = format!("{} = {}", difference.key, text(&difference.value));
    (left, format!("{}; default: {}", difference.place, text(&difference.default)))
}

fn difference(difference: &Difference) -> Value {
    let from = match &difference.place {
        Place::File(name, line) => json!({"kind": "file", "name": name, "line": line}),
        Place::Sample(name, line) => json!({"kind": "sample", "name": name, "line": line}),
        Place::Environment(name) => json!({"kind": "environment", "name": name}),
        Place::Flag(name) => json!({"kind": "flag", "name": name}),
        Place::Unnamed(document) => json!({"kind": "unnamed", "name": document}),
    };
    json!({"key": difference.key, "value": difference.value, "default": difference.default, "from": from})
}

/// The line above the list of overrides.
const HEAD: &str = "What the application's backend changed, and is in force instead of what is configured:";
/// Maximum width of the values, so that a long one does not move the remarks of the others.
const COLUMN_MAX: usize = 64;
