//! What is wrong with files of templates.

use std::fmt;

/// A file of templates that can't be used: where, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateFault {
    /// The path of the file, or its name where it is built in.
    pub file: String,
    /// The line in it, from 1; `None` where the whole file or folder is meant.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub reason: String,
}

/// Everything that is wrong with a folder of templates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// The faults, at least one, in the order of files and lines.
    pub faults: Vec<TemplateFault>,
}

impl TemplateFault {
    pub(super) fn new(file: impl Into<String>, line: Option<usize>, reason: impl Into<String>) -> Self {
        Self { file: file.into(), line, reason: reason.into() }
    }
}

impl TemplateError {
    /// The faults, sorted, each once; `None` where there are none.
    pub(super) fn of(mut faults: Vec<TemplateFault>) -> Option<Self> {
        faults.sort();
        faults.dedup();
        (!faults.is_empty()).then_some(Self { faults })
    }
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// One fault in each line, at most ten.
impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.faults.iter().take(SHOWN_MAX).enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        match self.faults.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

const SHOWN_MAX: usize = 10;
