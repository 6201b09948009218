//! How messages look: their templates, the language where a person's is not known, a colour, and a logo.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::compiled::Templates;

/// How messages look and read. [`Default`]: the built-in templates in English, without a logo.
#[derive(Clone, Debug)]
pub struct MessageStyle {
    /// The templates.
    pub templates: Templates,
    /// The language of messages to people whose language is not known or not among the templates (RFC 5646).
    pub locale: String,
    /// The colour of buttons.
    pub accent_color: Color,
    /// The logo, shown at the top of an e-mail in place of the application's name.
    pub logo: Option<Arc<Logo>>,
}

/// A colour, as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// A small image that goes along inside of e-mails, so that nothing is loaded from elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// Its media type.
    pub content_type: &'static str,
    /// The image.
    pub bytes: Vec<u8>,
}

/// Why a value of the style can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StyleError(String);

impl Default for MessageStyle {
    fn default() -> Self {
        Self {
            templates: Templates::default(),
            locale: "en".into(),
            accent_color: Color { red: 0x2f, green: 0x5d, blue: 0x50 },
            logo: None,
        }
    }
}

impl Color {
    /// Black or white, whichever is easier to read on this colour (WCAG 2.2, relative luminance).
    pub(super) fn readable(self) -> &'static str {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = 0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue);
        // Where the contrast with white, 1.05 / (l + 0.05), is that with black, (l + 0.05) / 0.05.
        if luminance > 0.179 { "#000000" } else { "#ffffff" }
    }
}

impl FromStr for Color {
    type Err = StyleError;

    fn from_str(text: &str) -> Result<Self, StyleError> {
        let digits =
            text.strip_prefix('#').filter(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] =
            number.ok_or_else(|| StyleError(format!("{text:?} is no colour such as \"#2f5d50\"")))?.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl Logo {
    /// The `Content-ID` of the part with the logo, without angle brackets.
    pub const CONTENT_ID: &str = "logo";

    /// A logo from the bytes of a PNG, JPEG or GIF. Mail programs don't show SVG.
    ///
    /// # Errors
    /// For other formats, and above 24 KiB: an e-mail must stay below 60 KB.
    pub fn new(bytes: Vec<u8>) -> Result<Self, StyleError> {
        let formats: [(&[u8], &str); 3] =
            [(b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif")];
        let Some((_, content_type)) = formats.into_iter().find(|(magic, _)| bytes.starts_with(magic)) else {
            return Err(StyleError("is no PNG, JPEG or GIF; mail programs show no other images".into()));
        };
        if bytes.len() > LOGO_MAX {
            let kib = bytes.len().div_ceil(1024);
            return Err(StyleError(format!("has {kib} KiB; at most 24 go along in each message, so make it smaller")));
        }
        Ok(Self { content_type, bytes })
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

const LOGO_MAX: usize = 24 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits_and_text_on_it_can_be_read() {
        for (text, on) in
            [("#2f5d50", "#ffffff"), ("#FFFFFF", "#000000"), ("#ffcc00", "#000000"), ("#000000", "#ffffff")]
        {
            let color: Color = text.parse().expect("a colour");
            assert_eq!((color.to_string(), color.readable()), (text.to_lowercase(), on));
        }
        for text in ["", "red", "#fff", "#+12345", "#12345g", "2f5d50", "#2f5d50;"] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_logo_is_a_small_image_of_a_known_format() {
        let png = |bytes: usize| [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; bytes - 8]].concat();
        assert_eq!(Logo::new(png(LOGO_MAX)).expect("a logo").content_type, "image/png");
        let large = Logo::new(png(LOGO_MAX + 1)).expect_err("too large").to_string();
        assert!(large.starts_with("has 25 KiB"), "{large}");
        assert!(Logo::new(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()).is_err());
    }
}
